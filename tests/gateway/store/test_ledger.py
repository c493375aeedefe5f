"""The tamper-evident log: what it proves, and that it notices every change."""

from __future__ import annotations

import json
import sqlite3

import orjson
import pytest

from gateway import store
from gateway.errors import Refused
from gateway.store import merkle
from gateway.store.ledger import canonical, verify_inclusion
from tests.gateway.store.scene import KEYS, Clock, Site, put


def strict(body) -> bytes:
    """RFC 8785 for ASCII keys, integers and strings, written the slow way."""
    if isinstance(body, dict):
        return b"{" + b",".join(strict(key) + b":" + strict(body[key]) for key in sorted(body, key=lambda key: key.encode("utf-16-be"))) + b"}"  # fmt: skip
    if isinstance(body, list | tuple):
        return b"[" + b",".join(map(strict, body)) + b"]"
    return json.dumps(body, ensure_ascii=False).replace("\\u007f", "\x7f").encode()


@pytest.mark.parametrize(
    "body",
    [
        {"b": 1, "a": -2, "A": 0, "_": "x", "a1": [1, "é", {"z": 1, "y": '\n\t\b\f\r"\\\x01/'}]},
        {"n": 2**53 - 1, "m": -(2**53) + 1, "text": "\x7f\u2028ß€😀"},
        {},
    ],
)
def test_a_leaf_is_in_the_canonical_form(body):
    assert canonical(body) == strict(body)


@pytest.mark.parametrize("body", [{"a": 1.5}, {"a": None}, {"a": True}, {"é": 1}, {"a": [2**53]}, {"a": b"x"}])
def test_what_has_no_certain_canonical_form_is_no_leaf(body):
    with pytest.raises(ValueError, match="leaf"):
        canonical(body)


def test_every_batch_is_a_leaf_that_states_its_counts_and_rows(site):
    site.take(put("1", text="A"), put("2", bad=True))
    leaf = site.store.ledger.leaf(0)
    body = orjson.loads(leaf.body)
    assert body["counts"] == {"read": 2, "accepted": 1, "unchanged": 0, "late": 0, "quarantined": 1, "held": 0}
    assert (body["kind"], body["first"], body["last"], body["mappings"]) == ("accepted", 1, 2, ["a" * 16])
    assert leaf.hash == merkle.leaf_hash(leaf.body)
    assert b"text" not in leaf.body


def test_every_row_can_be_proved(site):
    for number in range(7):
        site.take(*(put(f"{number}-{other}", text="x") for other in range(number + 1)))
    for position in range(1, 29):
        proof = site.store.ledger.inclusion(position)
        assert verify_inclusion(proof)
        assert proof.root == site.store.ledger.root()
    with pytest.raises(Refused, match=r"ledger\.no-entry"):
        site.store.ledger.inclusion(29)


def test_the_log_only_grows(site):
    roots = [site.store.ledger.root()]
    for number in range(9):
        site.take(put(str(number), text="x"))
        roots.append(site.store.ledger.root())
    assert site.store.ledger.root(0) == roots[0]
    for size1 in range(1, 10):
        assert site.store.ledger.root(size1) == roots[size1]
        path = site.store.ledger.consistency(size1, 9)
        assert merkle.verify_consistency(size1, 9, path, roots[size1], roots[9])
    with pytest.raises(Refused, match=r"ledger\.no-entry"):
        site.store.ledger.consistency(1, 10)
    with pytest.raises(Refused, match="older size comes first"):
        site.store.ledger.consistency(9, 1)


def test_a_rare_act_has_a_leaf_of_its_own(site):
    index = site.store.ledger.note("viewed", {"position": 1}, by="sergeant", reason="complaint 7")
    leaf = site.store.ledger.leaf(index)
    assert leaf.kind == "viewed"
    assert b"sergeant" not in leaf.body
    assert b"complaint" not in leaf.body
    with pytest.raises(Refused, match=r"ledger\.no-entry"):
        site.store.ledger.leaf(index + 1)


TAMPERINGS = {
    "a stated value": "UPDATE record SET topic = 'police.other.incident.created.v1' WHERE position = 2",
    "a content": "UPDATE record SET body = zeroblob(length(body)) WHERE position = 2",
    "contents exchanged": "UPDATE record SET body = (SELECT body FROM record WHERE position = 3) WHERE position = 2",
    "rows exchanged": "UPDATE record SET entry = (SELECT r.entry FROM record r WHERE r.position = 5 - record.position) WHERE position IN (2, 3)",
    "a row removed": "DELETE FROM record WHERE position = 2",
    "the last row removed": "DELETE FROM record WHERE position = 3",
    "a row added": "INSERT INTO record SELECT 4, feed, receipt, kind, name, sequence, idx, outcome, change, version, again, outgoing, topic, event, subject, partition, time, recorded, mapping, extra, origin, place, salt, original, body, entry, retention, legal_hold FROM record WHERE position = 3",
    "a leaf rewritten": "UPDATE leaf SET body = CAST(replace(CAST(body AS TEXT), '\"read\":1', '\"read\":2') AS BLOB) WHERE idx = 1",
    "a leaf removed": "DELETE FROM leaf WHERE idx = 1",
    "the last leaf removed": "DELETE FROM leaf WHERE idx = 2",
    "a node": "UPDATE tree SET hash = zeroblob(32)",
    "the head": "UPDATE head SET size = size + 1",
}


@pytest.mark.parametrize("statement", TAMPERINGS.values(), ids=TAMPERINGS.keys())
def test_any_change_behind_its_back_is_found(sqlite_url, tmp_path, statement):
    with store.open(sqlite_url, KEYS, clock=Clock()) as opened:
        site = Site(opened, Clock())
        for number in range(3):
            site.take(put(str(number), text="x"))
        assert opened.ledger.verify() == []
    with sqlite3.connect(tmp_path / "var" / "store.db") as connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()
    with store.open(sqlite_url, KEYS, clock=Clock()) as opened:
        assert opened.ledger.verify()
