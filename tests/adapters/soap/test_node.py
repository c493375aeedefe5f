"""node-soap at the other end, a stack with habits: each is met as it is, and costs no other record anything."""

import pytest

from adapters.soap import adapter
from gateway.adapter import RawRecord, Rejected
from gateway.errors import Retry
from gateway.testing import SourceConformance, context, drained, keys_of
from tests.adapters.soap import systems
from tests.peers.soap.php import WSDL


class TestTokens(SourceConformance):
    adapter = adapter
    system = systems.Tokens

    @pytest.fixture(autouse=True)
    def served(self, node):
        self.system.serve(node.vault())


@pytest.fixture
def polled(node, tmp_path):
    """A source of a vault that holds these recordings."""
    opened = []

    def poll(*recordings, port="Vault11", **state):
        vault = node.vault()
        vault.write({**vault.state, "recordings": list(recordings), **state})
        settings = systems.settings_of(vault, systems.RECORDINGS, port=port, faults=[{"detail": "TokenExpired", "then": "restart"}])
        given = context(tmp_path)
        opened.append(adapter.source(adapter.settings.model_validate(settings), given))
        return opened[-1], given

    yield poll
    for source in opened:
        source.close()


@pytest.mark.parametrize("port", ["Vault11", "Vault12"])
def test_pages_are_read_to_the_end_whatever_envelope_they_come_in(polled, port):
    """Asked by SOAP 1.2 it answers in an envelope of 1.1."""
    source, given = polled(*(systems.recording(number) for number in range(1, 11)), port=port)
    assert keys_of(drained(source, given.clock)) == [f"E{number:05d}" for number in range(1, 11)]
    assert all(b"http://schemas.xmlsoap.org/soap/envelope/" in body for body, _ in given.archive.kept.values())


def test_a_nil_without_a_namespace_spoils_its_own_record_only(polled):
    source, _ = polled(systems.recording(1), systems.recording(2, incidentNumber=None), systems.recording(3))
    one, spoiled, three = source.read("", 10).records
    assert [one.key, three.key] == ["E00001", "E00003"]
    assert isinstance(spoiled, Rejected)
    assert b'xsi:nil="true"' in spoiled.original
    assert [problem.code.id for problem in spoiled.problems] == ["xml.malformed"]


def test_elements_in_an_order_of_its_own_are_violations_and_no_guess(polled):
    turned = {name: systems.recording(2)[name] for name in reversed(systems.recording(2))}
    source, _ = polled(systems.recording(1), turned)
    one, refused = source.read("", 10).records
    assert isinstance(one, RawRecord)
    assert isinstance(refused, Rejected)
    assert {problem.code.id for problem in refused.problems} == {"soap.invalid"}
    assert refused.key == "E00002"


def test_a_token_that_it_forgot_begins_again_by_the_date(polled):
    source, given = polled(*(systems.recording(number) for number in range(1, 7)), expired=True)
    assert set(keys_of(drained(source, given.clock))) == {f"E{number:05d}" for number in range(1, 7)}


def test_what_it_has_no_answer_for_is_tried_again(node, tmp_path):
    """An operation that its program leaves out fails inside node-soap."""
    poll = {"operation": "TakeTransfers", "records": "TakeTransfersResponse/transfer", "kind": "transfer", "key": "transferId"}
    source = adapter.source(adapter.settings.model_validate(systems.settings_of(node.vault(), poll)), context(tmp_path))
    with pytest.raises(Retry, match=r"soap\.fault: fault Server, InternalServerError") as retry:
        source.read("", 10)
    assert "TypeError" not in str(retry.value)
    source.close()


@pytest.fixture
def submitting(node, tmp_path):
    opened = []

    def open_(mode=""):
        repository = node.repository(mode)
        bundle = WSDL.parents[2] / "nibrs-repository" / "wsdl"
        settings = {"bundle": str(bundle), "address": repository.url, "submit": systems.SUBMIT}
        opened.append(adapter.sink(adapter.settings.model_validate(settings), context(tmp_path)))
        return opened[-1], repository

    yield open_
    for sink in opened:
        sink.close()


def test_records_are_submitted_and_its_answer_decides(submitting):
    sink, repository = submitting()
    record, wrong = systems.outgoing(1), systems.outgoing(2, "ERR")
    assert [outcome.state for outcome in sink.write([record, wrong])] == ["written", "refused"]
    assert repository.holds()["I00001"] == record.fields["xmlDoc"]


def test_a_fault_in_the_form_of_the_other_version_is_read(submitting):
    """An error of its program becomes a fault of SOAP 1.2 in an envelope of 1.1."""
    sink, repository = submitting("fault")
    with pytest.raises(Retry, match=r"fault Server, InternalServerError") as retry:
        sink.write([systems.outgoing(1)])
    assert "the store is away" not in str(retry.value)
    assert repository.arrivals() == []


def test_what_it_took_before_its_fault_is_found_and_not_sent_again(submitting):
    sink, repository = submitting("fault-after-commit")
    assert sink.write([systems.outgoing(1)])[0].state == "written"
    assert repository.arrivals() == ["I00001"]
