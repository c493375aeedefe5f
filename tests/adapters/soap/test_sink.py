"""Submitting: what a repository on JAX-WS answers becomes of a record, and what becomes of one that nobody answers for."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.soap import adapter
from gateway.errors import Halt, Retry
from gateway.testing import context
from tests.adapters.soap import systems
from tests.peers.soap.hostile import Relay, serving


@pytest.fixture
def repository(java):
    java.reset()
    return java


@pytest.fixture
def opened(tmp_path):
    sinks = []

    def open_(settings):
        sinks.append(adapter.sink(adapter.settings.model_validate(settings), context(tmp_path)))
        return sinks[-1]

    yield open_
    for sink in sinks:
        sink.close()


def test_the_status_of_a_record_decides(repository, opened):
    sink = opened(systems.submitting(repository))
    outcomes = sink.write([systems.outgoing(1, word) for word in ("", "WARN", "ERR", "SLOW")])
    assert [outcome.state for outcome in outcomes] == ["written", "written", "refused", "pending"]
    assert outcomes[0].remote_id == "2026_02_XX0000000_I00001_INC"
    assert outcomes[3].after == timedelta(seconds=30)
    assert b"ACCEPTED" in outcomes[0].answer


def test_violations_come_back_as_problems_of_the_record(repository, opened):
    sink = opened(systems.submitting(repository))
    refused, warned = sink.write([systems.outgoing(1, "ERR"), systems.outgoing(1, "WARN")])
    assert [(p.code.id, p.path, p.rule) for p in refused.problems] == [
        ("soap.refused", "17", "355: PROPERTY LOSS CODE (14) MUST=5 (RECOVERED) FOR DATA TO BE ENTERED"),
        ("soap.refused", "1", "932: THE ORI WAS NOT FOUND IN THE REFERENCE DATA."),
    ]
    assert [(p.code.id, p.path) for p in warned.problems] == [("soap.warned", "35")]


def test_a_pending_record_is_followed_to_its_end(repository, opened):
    sink = opened(systems.submitting(repository))
    first = sink.write([systems.outgoing(1, "SLOW")])[0]
    states = [first.state, sink.follow(first.remote_id).state, sink.follow(first.remote_id).state]
    assert states == ["pending", "pending", "written"]


def test_the_document_arrives_as_it_was_written(repository, opened):
    record = systems.outgoing(1)
    opened(systems.submitting(repository)).write([record])
    assert repository.holds() == {record.key: record.fields["xmlDoc"]}


@pytest.mark.parametrize("known", [True, False])
def test_an_answer_that_is_lost_is_asked_for_and_not_sent_again(repository, opened, known):
    """The repository commits and the line breaks: with a way to ask, the record is found; without, a person decides."""
    settings = systems.submitting(repository)
    submit = dict(settings["submit"])
    if not known:
        del submit["find"]
    lost = Relay(repository.port, lambda asked: b"SubmitNibrsNIEMDocument>" in asked)
    with serving(lost) as line:
        sink = opened({**settings, "submit": submit, "address": f"http://127.0.0.1:{line.port}/plain"})
        record = systems.outgoing(1)
        if known:
            assert sink.write([record])[0].state == "written"
        else:
            assert [problem.code.id for problem in sink.write([record])[0].problems] == ["soap.uncertain", "soap.broken"]
            assert sink.write([record])[0].state == "ambiguous"
            assert sink.write([replace(record, uncertain=True)])[0].problems[0].code.id == "soap.uncertain"
    assert repository.arrivals() == [record.key]


def test_what_is_in_doubt_stays_in_doubt_for_the_next_sink(repository, opened):
    """The answer is lost, and asking is lost, too: another sink, after a restart or a fault, is told so by the gateway."""
    lose = [True]
    with serving(Relay(repository.port, lambda _asked: lose[0])) as line:
        settings = {**systems.submitting(repository), "address": f"http://127.0.0.1:{line.port}/plain"}
        first, second = systems.outgoing(1), systems.outgoing(2)
        outcomes = opened(settings).write([first, second])
        assert [(outcome.state, outcome.uncertain) for outcome in outcomes] == [("retry", True), ("retry", False)]
        with pytest.raises(Retry):
            opened(settings).write([replace(first, uncertain=True), second])
        lose.clear()
        lose.append(False)
        again = opened(settings).write([replace(first, uncertain=True), second])
    assert [outcome.state for outcome in again] == ["written", "written"]
    assert repository.arrivals() == [first.key, second.key]


def test_a_request_that_is_lost_is_sent_again_only_after_the_service_said_no(repository, opened):
    """The line breaks before the repository hears anything."""
    heard = []

    def script(connection, asked):
        heard.append(b"Submit" in asked)
        if heard == [True]:
            return
        Relay(repository.port, lambda _asked: False)(connection, asked)

    with serving(script) as line:
        sink = opened({**systems.submitting(repository), "address": f"http://127.0.0.1:{line.port}/plain"})
        record = systems.outgoing(1)
        with pytest.raises(Retry):
            sink.write([record])
        assert sink.write([record])[0].state == "written"
    assert heard == [True, False, False, True]
    assert repository.arrivals() == [record.key]


def test_a_fault_after_the_commit_is_found_by_asking(repository, opened):
    repository.mode("fault-after-commit")
    sink = opened(systems.submitting(repository))
    assert sink.write([systems.outgoing(1)])[0].state == "written"
    assert len(repository.arrivals()) == 1


@pytest.mark.parametrize(
    "rule, becomes",
    [
        ({"code": "Server", "then": "reject"}, "refused"),
        ({"says": "STORE IS AWAY", "then": "done"}, "written"),
        ({"code": "Client", "then": "reject"}, Retry),
        ({"code": "Server", "then": "halt"}, Halt),
        ({"code": "Server", "then": "retry", "after": "10m"}, Retry),
    ],
)
def test_the_table_says_what_a_fault_means(repository, opened, rule, becomes):
    repository.mode("fault")
    sink = opened({**systems.submitting(repository), "faults": [rule]})
    if isinstance(becomes, str):
        outcome = sink.write([systems.outgoing(1)])[0]
        assert outcome.state == becomes
        assert b"the store is away" in outcome.answer
        return
    with pytest.raises(becomes) as raised:
        sink.write([systems.outgoing(1)])
    assert "store is away" not in str(raised.value)
    assert getattr(raised.value, "after", None) == (timedelta(minutes=10) if "after" in rule else None)


def test_what_failed_later_leaves_what_was_written(repository, opened):
    sink = opened(systems.submitting(repository))
    first, second = systems.outgoing(1), systems.outgoing(2)
    call = sink._service.call

    def failing(made, values):
        if values["key"] == second.key:
            repository.mode("fault")
        return call(made, values)

    sink._service.call = failing
    assert [outcome.state for outcome in sink.write([first, second, systems.outgoing(3)])] == ["written", "retry", "retry"]


def test_a_removal_without_an_operation_is_refused(repository, opened):
    gone = replace(systems.outgoing(1), change="remove", fields={})
    outcome = opened(systems.submitting(repository)).write([gone])[0]
    assert (outcome.state, outcome.problems[0].code.id) == ("refused", "soap.no-call")


def test_a_request_that_does_not_fit_is_refused_by_its_element(repository, opened):
    settings = systems.submitting(repository)
    submit = {**settings["submit"], "request": {"xmlDoc": "$fields.missing"}}
    outcome = opened({**settings, "submit": submit}).write([systems.outgoing(1)])[0]
    assert (outcome.state, outcome.problems[0].code.id) == ("refused", "soap.request")
    assert "xmlDoc" in str(outcome.problems[0])
    assert repository.arrivals() == []
