"""Every form of file against the suites that every plugin has to pass."""

from typing import ClassVar

from adapters.flatfile import adapter
from gateway.testing import SinkConformance, SourceConformance
from tests.adapters.flatfile import systems


class TestDelimited(SourceConformance):
    adapter = adapter
    system = systems.Delimited


class TestPlain(SourceConformance):
    adapter = adapter
    system = systems.Plain


class TestFixed(SourceConformance):
    adapter = adapter
    system = systems.Fixed


class TestMultirecord(SourceConformance):
    adapter = adapter
    system = systems.Multirecord


class TestTagged(SourceConformance):
    adapter = adapter
    system = systems.Tagged


class TestXml(SourceConformance):
    adapter = adapter
    system = systems.Xml


class TestJson(SourceConformance):
    adapter = adapter
    system = systems.Json


class TestJsonLines(SourceConformance):
    adapter = adapter
    system = systems.JsonLines


class WritesDelimited(systems.Taking):
    layout: ClassVar = {
        "form": "delimited",
        "header": True,
        "columns": ["number", "place"],
        "kind": "call",
        "key": "number",
    }


class WritesFixed(systems.Taking):
    ending = "txt"
    layout: ClassVar = {"form": "fixed", "kind": "call", "key": "number", "fields": {"number": "1-8", "place": "9-30"}}


class WritesXml(systems.Taking):
    ending = "xml"
    layout: ClassVar = {"form": "xml", "records": "/export/call", "kind": "call", "key": "number"}


class WritesJson(systems.Taking):
    ending = "json"
    layout: ClassVar = {"form": "json", "records": "calls[]", "kind": "call", "key": "number"}

    def misfit(self):
        record = super().misfit()
        return type(record)(record.id, record.key, "", "put", {"number": "BAD", "place": object()})


class TestWritesDelimited(SinkConformance):
    adapter = adapter
    system = WritesDelimited


class TestWritesFixed(SinkConformance):
    adapter = adapter
    system = WritesFixed


class TestWritesXml(SinkConformance):
    adapter = adapter
    system = WritesXml


class TestWritesJson(SinkConformance):
    adapter = adapter
    system = WritesJson
