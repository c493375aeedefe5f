"""Answers that mean harm, and lines that break: nothing from outside is read, memory is bounded, nothing is lost, a person is told."""

import socket
import threading
import time
import tracemalloc

import pytest

from adapters.soap import adapter
from gateway.adapter import RawRecord, Rejected
from gateway.errors import REGISTER, Halt, Retry
from gateway.testing import context, drained, keys_of
from tests.adapters.soap import systems
from tests.peers.soap.hostile import reset, response, serving
from tests.peers.soap.php import WSDL

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
SECRET = "ALDERGATE7"


def envelope(records="", *, head="", after="<v:hasMore>false</v:hasMore>", charset="UTF-8"):
    text = (
        f'<?xml version="1.0" encoding="{charset}"?>{head}<s:Envelope xmlns:s="{ENVELOPE}" xmlns:v="urn:example:evidence-vault:3"><s:Body>'
        f"<v:ListRecordingsResponse><v:recordings>{records}</v:recordings>{after}</v:ListRecordingsResponse></s:Body></s:Envelope>"
    )
    return text.encode(charset)


def recording(key="E1", *, more="", status="Active", started="2026-02-01T08:00:00Z", title="STOP"):
    return (
        f"<v:recording><v:evidenceId>{key}</v:evidenceId><v:title>{title}</v:title><v:incidentNumber>J-1</v:incidentNumber>"
        f"<v:startedAt>{started}</v:startedAt><v:stoppedAt>2026-02-01T08:03:00Z</v:stoppedAt>"
        f"<v:modifiedAt>2026-02-01T09:00:00Z</v:modifiedAt><v:status>{status}</v:status>{more}</v:recording>"
    )


@pytest.fixture
def asking(tmp_path):
    """A source that asks a script, and what it was lent."""
    opened = []

    def ask(script, **more):
        given = context(tmp_path)
        line = serving(script)
        hostile = line.__enter__()
        poll = {**systems.RECORDINGS, **more.pop("poll", {})}
        settings = {"bundle": str(WSDL.parent), "port": "Vault11", "address": hostile.url, "poll": poll, **more}
        source = adapter.source(adapter.settings.model_validate(settings), given)
        opened.extend([source, line])
        return source, given, hostile

    yield ask
    for each in opened:
        each.close() if hasattr(each, "close") else each.__exit__(None, None, None)


def saying(body, **more):
    return lambda connection, _asked: connection.sendall(response(body, **more))


def told(error, given):
    """A person can see what it is and what to do; the log and the message hold no value."""
    problem = error.value.problem
    assert problem.code.remedy
    assert problem.code.id in REGISTER
    assert SECRET not in str(error.value) + " ".join(given.log.lines)
    return problem


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>',
    ],
    ids=["a file", "an address", "laughs"],
)
def test_a_document_type_is_refused_and_the_answer_kept(asking, doctype):
    source, given, _ = asking(saying(envelope(recording(title=f"{SECRET}"), head=doctype)))
    with pytest.raises(Halt) as halt:
        source.read("", 10)
    assert told(halt, given).code.id == "xml.doctype"
    assert [SECRET.encode() in body for body, encrypted in given.archive.kept.values() if encrypted] == [True]


def test_an_answer_without_an_end_in_bytes_is_cut_off_and_costs_no_memory(asking):
    def endless(connection, _asked):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\n\r\n" + envelope()[:300])
        while True:
            connection.sendall(b"<v:title>" + b"x" * 65536)

    source, given, _ = asking(endless, largest={"answer": 20_000_000})
    tracemalloc.start()
    with pytest.raises(Halt) as halt:
        source.read("", 10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert told(halt, given).code.id == "soap.overlong"
    assert peak < 8_000_000


def test_a_long_answer_that_is_allowed_costs_little_memory(asking):
    body = envelope("".join(recording(f"E{n}", title="x" * 2000) for n in range(4_000)))
    whole = response(body)
    source, _, _ = asking(lambda connection, _asked: connection.sendall(whole))
    source._service.keep = lambda _answer: None  # the archive of a test is memory
    tracemalloc.start()
    cursor, found, more = "", 0, True
    while more:
        batch = source.read(cursor, 100)
        cursor, found, more = batch.cursor, found + len(batch.records), not batch.complete
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == 4_000
    assert peak < len(body) / 2


def test_an_answer_that_drips_for_ever_ends(asking):
    def dripping(connection, _asked):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\n\r\n")
        while True:
            connection.sendall(b" ")
            time.sleep(0.02)

    source, given, _ = asking(dripping, timeout={"whole": 0.3})
    with pytest.raises(Retry) as retry:
        source.read("", 10)
    assert told(retry, given).code.id == "soap.silent"


def test_a_service_that_says_nothing_is_given_up_and_close_wakes_a_read(asking):
    waiting = threading.Event()

    def silent(connection, _asked):
        waiting.set()
        connection.recv(1)

    source, given, _ = asking(silent, timeout={"silence": 0.2})
    with pytest.raises(Retry) as retry:
        source.read("", 10)
    assert told(retry, given).code.id == "soap.silent"
    patient, _, _ = asking(silent, timeout={"silence": 600})
    waiting.clear()
    found = []
    reader = threading.Thread(target=lambda: found.append(patient.read("", 10)), daemon=True)
    reader.start()
    assert waiting.wait(5)
    patient.close()
    reader.join(5)
    assert not reader.is_alive()
    assert found[0].records == ()


@pytest.mark.parametrize("cut", ["reset", "short", "closed"])
def test_a_line_that_breaks_in_the_middle_of_an_answer_loses_nothing(asking, cut):
    whole = envelope(recording("E1") + recording("E2"))
    scripts = {
        "reset": lambda connection, _asked: (connection.sendall(response(whole)[:-300]), time.sleep(0.05), reset(connection)),
        "short": saying(whole[:-300], length=len(whole)),
        "closed": lambda connection, _asked: connection.sendall(
            b"HTTP/1.0 200 OK\r\nContent-Type: text/xml\r\n\r\n" + whole[:-300]
        ),
    }
    source, given, hostile = asking(scripts[cut])
    with pytest.raises(Retry) as retry:
        source.read("", 10)
    assert told(retry, given).code.id == "soap.broken"
    hostile.script = saying(whole)
    assert keys_of(drained(source, given.clock)) == ["E1", "E2"]


def test_a_charset_that_is_not_the_one_announced_rejects_what_it_spoils(asking):
    body = envelope(recording("E1") + recording("E2", title="CAF\u00c9") + recording("E3")).replace("É".encode(), b"\xc9")
    source, _given, _ = asking(saying(body))
    batch = source.read("", 10)
    assert [record.key for record in batch.records if isinstance(record, RawRecord)] == ["E1", "E3"]
    rejected = next(record for record in batch.records if isinstance(record, Rejected))
    assert b"CAF\xc9" in rejected.original
    assert rejected.problems[0].code.id == "xml.malformed"


def test_two_charsets_that_contradict_each_other_are_not_guessed(asking):
    source, given, _ = asking(saying(envelope(recording(), charset="iso-8859-1"), type="text/xml; charset=utf-8"))
    with pytest.raises(Halt) as halt:
        source.read("", 10)
    assert told(halt, given).code.id == "soap.unreadable"


def test_a_charset_that_only_the_header_says_is_read(asking):
    body = envelope(recording(title="CAF\u00c9"), charset="iso-8859-1").replace(b' encoding="iso-8859-1"', b"")
    source, _given, _ = asking(saying(body, type="text/xml; charset=iso-8859-1"))
    batch = source.read("", 10)
    assert batch.records[0].fields["title"] == "CAF\u00c9"


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_a_redirect_is_never_followed(asking, status):
    with serving(saying(envelope(recording()))) as elsewhere:
        script = saying(b"", status=status, more=f"Location: http://127.0.0.1:{elsewhere.port}/x\r\n")
        source, given, _ = asking(script)
        with pytest.raises(Halt) as halt:
            source.read("", 10)
        assert told(halt, given).code.id == "soap.address"
        assert elsewhere.requests == []


def test_no_proxy_of_the_environment_is_used(asking, monkeypatch):
    with serving(saying(envelope(recording()))) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "")
        source, given, hostile = asking(saying(envelope(recording())))
        assert keys_of(drained(source, given.clock)) == ["E1"]
        assert proxy.requests == []
        assert hostile.requests[0].startswith(b"POST /soap HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "answer, error, code",
    [
        ({"body": b"<html>Bad Gateway</html>", "status": "502 Bad Gateway", "type": "text/html"}, Retry, "soap.status"),
        ({"body": b"<html>log in</html>", "type": "text/html"}, Retry, "soap.not-soap"),
        ({"body": b"", "status": "503 Busy", "more": "Retry-After: 90\r\n"}, Retry, "soap.status"),
        ({"body": b"no", "status": "401 Unauthorized", "type": "text/plain"}, Halt, "soap.denied"),
        ({"body": b"no", "status": "404 Not Found", "type": "text/plain"}, Halt, "soap.address"),
        ({"body": b"<a/>"}, Halt, "soap.unreadable"),
        ({"body": b"not XML"}, Halt, "xml.malformed"),
        ({"body": b"x", "type": "multipart/related; boundary=b"}, Halt, "soap.unreadable"),
        ({"body": b"x", "more": "Content-Encoding: gzip\r\n"}, Retry, "soap.not-soap"),
        ({"body": envelope(recording()), "status": "500 Oops"}, Retry, "soap.status"),
        ({"body": b"TypeError: no such\n    at listener", "status": "500 Oops"}, Retry, "soap.status"),
    ],
)
def test_status_and_type_are_judged_before_anything_is_read(asking, answer, error, code):
    source, given, _ = asking(saying(**answer))
    with pytest.raises(error) as raised:
        source.read("", 10)
    assert told(raised, given).code.id == code
    if "more" in answer and "Retry-After" in answer["more"]:
        assert raised.value.after.total_seconds() == 90


def test_a_value_that_is_not_of_its_type_rejects_the_record_and_never_becomes_nothing(asking):
    body = envelope(recording("E1") + recording("E2", started=f"31/12/{SECRET}") + recording("E3"))
    source, _given, _ = asking(saying(body))
    batch = source.read("", 10)
    assert [record.key for record in batch.records if isinstance(record, RawRecord)] == ["E1", "E3"]
    rejected = next(record for record in batch.records if isinstance(record, Rejected))
    assert (rejected.key, SECRET.encode() in rejected.original) == ("E2", True)
    assert [(p.code.id, p.path) for p in rejected.problems] == [("soap.invalid", "startedAt")]
    assert SECRET not in str(rejected.problems[0])
    assert "dateTime" in str(rejected.problems[0])


def test_reported_violations_are_listed_on_the_record_and_what_is_invalid_is_left_out(asking):
    spoiled = recording("E2", started="31/12/1990", status="Lost", more="<v:unknown>1</v:unknown><v:legalHold>perhaps</v:legalHold>")
    source, _given, _ = asking(saying(envelope(recording("E1") + spoiled)), poll={"invalid": "report"})
    first, second = source.read("", 10).records
    assert "#violations" not in first.fields
    assert second.fields.keys() == {"evidenceId", "title", "incidentNumber", "stoppedAt", "modifiedAt", "category", "#violations"}
    assert [said.partition(":")[0] for said in second.fields["#violations"]] == ["startedAt", "status", "unknown", "legalHold"]


def test_a_missing_element_is_no_silent_nothing(asking):
    body = envelope(recording("E1").replace("<v:incidentNumber>J-1</v:incidentNumber>", ""))
    source, _, _ = asking(saying(body))
    assert source.read("", 10).records[0].problems[0].code.id == "soap.invalid"


@pytest.mark.parametrize("inside", ["<v:recording", "<v:recordings", "<v:extra>"])
def test_text_that_looks_like_markup_is_text(asking, inside):
    title = f"<![CDATA[{inside}</v:recording>]]>"
    source, _given, _ = asking(saying(envelope(recording("E1", title=title) + recording("E2"))))
    records = source.read("", 10).records
    assert [record.key for record in records] == ["E1", "E2"]
    assert records[0].fields["title"] == f"{inside}</v:recording>"


@pytest.mark.parametrize("invalid", ["refuse", "report"])
def test_two_bodies_are_not_an_answer(asking, invalid):
    body = envelope(recording("E1"))
    twice = body.replace(b"</s:Envelope>", envelope(recording("E2")).partition(b"<s:Body>")[2].join([b"<s:Body>", b""]))
    source, given, _ = asking(saying(twice), poll={"invalid": invalid})
    with pytest.raises(Halt) as halt:
        source.read("", 10)
    assert told(halt, given).code.id == "soap.invalid"


def test_another_answer_than_was_asked_for_gives_no_record(asking):
    body = envelope(recording("E1")).replace(b"ListRecordingsResponse", b"OtherResponse")
    source, given, _ = asking(saying(body))
    with pytest.raises(Halt) as halt:
        source.read("", 10)
    assert told(halt, given).code.id == "soap.invalid"


def test_the_address_of_the_wsdl_does_not_count(asking):
    source, given, hostile = asking(saying(envelope(recording())))
    assert "vault.invalid" in WSDL.read_text()
    drained(source, given.clock)
    assert hostile.requests


def test_a_fault_that_nobody_explained_halts_and_is_kept(asking):
    fault = f'<s:Envelope xmlns:s="{ENVELOPE}"><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>{SECRET}</faultstring></s:Fault></s:Body></s:Envelope>'
    source, given, _ = asking(saying(fault.encode(), status="500 Internal Server Error"))
    with pytest.raises(Halt) as halt:
        source.read("", 10)
    assert "Client" in str(told(halt, given))
    assert [SECRET.encode() in body for body, _ in given.archive.kept.values()] == [True]


def test_nobody_listens(asking):
    source, given, hostile = asking(saying(b""))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    del hostile
    settings = source._settings.model_copy(update={"address": f"http://127.0.0.1:{port}/"})
    with pytest.raises(Retry) as retry:
        adapter.source(settings, given).read("", 10)
    assert told(retry, given).code.id == "soap.unreachable"
