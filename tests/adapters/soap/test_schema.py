"""The schemas of a bundle, put together while other threads read XML."""

from __future__ import annotations

import threading
import time

from lxml import etree

from adapters.soap import schema

TOP = b'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:import namespace="urn:a" schemaLocation="copperline:a"/></xs:schema>'
OF_A = b'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:a">%s</xs:schema>'
TEXTS = {"copperline:a": OF_A % b'<xs:include schemaLocation="copperline:b"/>', "copperline:b": OF_A % b'<xs:element name="call"/>'}


def test_a_parse_that_ends_on_another_thread_takes_no_document_out_of_a_schema(monkeypatch):
    """lxml gives back the loader of the whole process at the end of each parse; here, in the midst of ours."""
    begun, ends = threading.Event(), threading.Event()

    class Waits(etree.Resolver):
        def resolve(self, system_url, public_id, context):
            begun.set()
            assert ends.wait(20)
            return self.resolve_empty(context)

    def parse():
        reading = etree.XMLParser(load_dtd=True)
        reading.resolvers.add(Waits())
        etree.fromstring('<!DOCTYPE a SYSTEM "copperline:dtd"><a/>', reading)

    other = threading.Thread(target=parse)
    other.start()
    assert begun.wait(20)
    asked, given = [], schema._Known.resolve

    def resolve(known, system_url, public_id, context):
        asked.append(system_url)
        ends.set()
        other.join()
        return given(known, system_url, public_id, context)

    monkeypatch.setattr(schema._Known, "resolve", resolve)
    made = schema._compiled(TOP, TEXTS)
    assert made.validate(etree.fromstring('<call xmlns="urn:a"/>'))
    assert set(asked) == set(TEXTS)


def test_schemas_are_made_one_at_a_time(monkeypatch):
    """libxml2 makes its built-in types with the first one, and two threads that do so spoil them for the process."""
    inside, most, make = [], [], etree.XMLSchema

    def slowly(document):
        inside.append(document)
        most.append(len(inside))
        time.sleep(0.05)
        made = make(document)
        inside.pop()
        return made

    monkeypatch.setattr(schema.etree, "XMLSchema", slowly)
    threads = [threading.Thread(target=schema._compiled, args=(TOP, TEXTS)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1]
