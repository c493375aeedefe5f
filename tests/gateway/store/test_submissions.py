"""Documents that callers send in: one commit for many, a receipt for each."""

from __future__ import annotations

from gateway.adapter import Batch
from gateway.errors import Halt, Problem
from gateway.store.submissions import KEY_LASTS_US, Submission
from tests.gateway.store import scene
from tests.gateway.store.scene import INTAKE, document, put, rejected


def submission(id, *records, key="", caller="vendor", guard=None):
    body = document(id.encode())
    return Submission(id, caller, key, body.sha256, Batch("", records, body, complete=True), guard)


def send(site, *waiting):
    return site.store.submissions.accept(site.feed, waiting, INTAKE)


def test_documents_that_wait_together_are_journalled_in_one_commit_with_a_receipt_each(site):
    commits = []
    write = site.store.database.write
    site.store.database.write = lambda piece: commits.append(1) or write(piece)
    one, two = send(site, submission("one", put("1"), put("2")), submission("two", put("3")))
    assert len(commits) == 1
    assert (one.accepted.accepted, two.accepted.accepted) == (2, 1)
    assert one.row.receipt != two.row.receipt
    assert (one.row.low, one.row.high, two.row.low, two.row.high) == (1, 2, 3, 3)
    assert site.store.submissions.find("one") == one.row


def test_two_documents_about_one_record_follow_each_other(site):
    one, two = send(site, submission("one", put("7", text="first")), submission("two", put("7", text="second")))
    assert site.story() == [("created", "first"), ("updated", "second")]
    assert one.row.high < two.row.low


def test_a_bad_record_is_named_with_its_number_and_place_and_the_rest_goes_on(site):
    (sent,) = send(site, submission("one", put("1"), rejected(b"?", where="line 2"), put("3", bad=True), put("4")))
    assert (sent.accepted.accepted, sent.accepted.quarantined) == (2, 2)
    assert [(each.number, each.outcome, each.where) for each in sent.row.aside] == [
        (2, "quarantined", "line 2"),
        (3, "quarantined", "row 3"),
    ]
    for each in sent.row.aside:
        entry = site.store.quarantine.entry(each.position)
        assert entry.place == each.where
        assert list(entry.problems) == sent.problems[each.position]


def test_a_document_that_its_guard_refuses_keeps_nothing_and_harms_no_other(site):
    def guard(rejected):
        if any(rejected):
            raise Halt(Problem(scene.BAD))

    bad, good = send(site, submission("bad", put("1", bad=True), guard=guard), submission("good", put("2"), guard=guard))
    assert isinstance(bad, Halt)
    assert good.accepted.accepted == 1
    assert site.store.submissions.find("bad") is None
    assert site.totals().read == 1


def test_a_key_leads_to_what_was_sent_under_it_until_its_time_is_over(site):
    send(site, submission("one", put("1"), key="k"), submission("other", put("2"), key="k", caller="another"))
    assert site.store.submissions.by_key("vendor", "k").id == "one"
    assert site.store.submissions.by_key("another", "k").id == "other"
    assert site.store.submissions.by_key("vendor", "") is None
    site.clock.now += KEY_LASTS_US
    assert site.store.submissions.by_key("vendor", "k") is None
    send(site, submission("two", put("1", text="new"), key="k"))
    assert site.store.submissions.by_key("vendor", "k").id == "two"
    assert site.store.submissions.find("one").receipt == 1


def test_receipts_are_found_for_the_caller_whose_they_are(site):
    one, other = send(site, submission("one", put("1")), submission("other", put("2"), caller="another"))
    found = site.store.submissions.of_receipts("vendor", [one.row.receipt, other.row.receipt])
    assert [row.id for row in found] == ["one"]


class Backwards:
    """A transaction of a database that tells rows in another order than they were asked for."""

    def __init__(self, transaction):
        self._transaction = transaction

    def all(self, sql, values=()):
        return list(reversed(self._transaction.all(sql, values)))

    def __getattr__(self, name):
        return getattr(self._transaction, name)


def test_a_receipt_is_that_of_its_document_in_whatever_order_the_database_tells(site):
    write = site.store.database.write
    site.store.database.write = lambda piece: write(lambda transaction: piece(Backwards(transaction)))
    names = [f"document-{number}" for number in range(70)]  # more than go into one statement
    sent = send(site, *(submission(name, put(name)) for name in names))
    receipts = [site.store.journal.receipt(each.row.receipt) for each in sent]
    assert [receipt.sha256 for receipt in receipts] == [document(name.encode()).sha256 for name in names]
    assert [site.store.journal.record(each.row.low).receipt for each in sent] == [receipt.id for receipt in receipts]
