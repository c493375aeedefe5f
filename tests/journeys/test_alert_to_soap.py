"""A CAP alert on RabbitMQ becomes a submission to a SOAP service, once, and its sender is told, whichever step the gateway dies at."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.adapters.soap import systems
from tests.gateway.inbound.messages import cap
from tests.journeys.circle import Circle
from tests.journeys.test_submissions import SCHEMA, TEMPLATE

TO_ALERT = """\
to: alert
entity: alert
subject: alertId
fields:
  a:OrganizationORIIdentification.a:IdentificationID: {value: XX0000000}
  a:ActivityIdentification.a:IdentificationID: alertId
  a:headline: headline
"""
FIND = {"operation": "CheckStatusByIncident", "request": {"ori": "XX0000000", "incident": "$key"}, **systems.exchange(systems.FOUND)}
STEPS = (
    "before the commit", "before the ack", "before its try is on disk", "before the write", "before the request", "after it was taken",
    "after the answer", "before it is told", "before the settlement", "after the settlement",
)  # fmt: skip
"""The end of one step is the beginning of the next."""


class Service(Circle):
    """The repository on JAX-WS."""

    dying = """from adapters.soap.sink import SoapSink
from adapters.soap.transport import Transport
submits = lambda _, body, headers: b"SubmitNibrsNIEMDocument" in body
dies(SoapSink, "write", "before the write", "after the write")
dies(Transport, "post", "before the request", "after the answer", when=submits)
dies(Transport, "_received", "after it was taken", "")
"""

    def __init__(self, root, broker, java, monkeypatch, **submit):
        java.reset()
        self.java, self.submit = java, {"find": FIND, **submit}
        super().__init__(root, broker, monkeypatch)

    def system(self, folder):
        submit = {**systems.SUBMIT, "request": {"xmlDoc": "$document"}, "document": {"root": "a:alert", "schema": "alert.xsd"}, **self.submit}
        settings = {"address": self.java.url("plain"), "namespaces": {"a": "urn:example:alert"}, "submit": submit}
        feed = {"adapter": "soap", "settings": settings, "mappings": {"alert": "mappings/alert.yaml"}}
        (folder / "system.yaml").write_text(json.dumps({"system": "cad", "zone": "America/Chicago", "feeds": {"calls-in": feed}}))
        (folder / "mappings" / "alert.yaml").write_text(TO_ALERT)
        bundle = folder / "wsdl"
        bundle.mkdir()
        shutil.copy(TEMPLATE / "wsdl" / "repository.wsdl", bundle)
        (bundle / "alert.xsd").write_text(SCHEMA)
        (bundle / "bundle.json").write_text(json.dumps({"wsdl": "repository.wsdl", "files": systems.digests(bundle)}))


@pytest.fixture
def service(tmp_path, rabbitmq, java, monkeypatch):
    opened = []

    def open_(**submit):
        opened.append(Service(tmp_path / "riverton", rabbitmq, java, monkeypatch, **submit))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


def test_an_alert_is_submitted_and_its_sender_told(service):
    circle = service()
    circle.publish(cap("A-1", headline="Fight"))
    assert circle.run()[2] == 0
    assert circle.java.arrivals() == ["_XX0000000_A-1_INC"]
    assert "Fight" in circle.java.holds()["_XX0000000_A-1_INC"]
    assert circle.answers() == [("A-1", "received"), ("A-1", "written")]


@pytest.mark.parametrize("step", STEPS)
def test_whatever_dies_the_alert_is_submitted_once_and_its_sender_told(step, service):
    circle = service()
    circle.publish(cap("A-1", headline="Fight"))
    assert circle.run(step) == -9
    circle.run()
    assert circle.run()[2] == 0
    assert circle.java.arrivals() == ["_XX0000000_A-1_INC"]
    assert circle.answers() == [("A-1", "received"), ("A-1", "written")]


def test_a_gateway_that_sends_again_without_asking_would_be_caught(service):
    """The mutant: it believes that the service takes a record once, which this one does not."""
    circle = service(find=None, idempotent=True)
    circle.publish(cap("A-1", headline="Fight"))
    assert circle.run("after it was taken") == -9
    circle.run()
    assert circle.java.arrivals() == ["_XX0000000_A-1_INC"] * 2
