"""What stands for names, versions, events and fields is `Keys.token` of its parts, and that is HMAC-SHA-256."""

from __future__ import annotations

import hmac

import orjson
from hypothesis import given
from hypothesis import strategies as st

from gateway.store.tokens import Tokens
from tests.gateway.store.scene import KEYS

TOKENS = Tokens(KEYS, "cad")
NAME = bytes(range(16))


@given(st.text(), st.text())
def test_names(kind, key):
    assert TOKENS.name(kind, key) == KEYS.token("name", b"cad", kind.encode(), key.encode())


@given(st.integers(0, 2**40), st.sampled_from(["incident", "custody-transfer"]), st.integers(0, 300))
def test_event_ids(sequence, entity, index):
    parts = (NAME, sequence.to_bytes(8), entity.encode(), index.to_bytes(4), NAME)
    assert TOKENS.event(NAME, sequence, entity, index, NAME) == KEYS.token("event", *parts)


@given(st.dictionaries(st.text(), st.integers(-5, 5) | st.text()))
def test_fields(fields):
    backwards = dict(reversed(fields.items()))
    said = orjson.dumps(backwards, option=orjson.OPT_SORT_KEYS)
    assert TOKENS.fields(fields) == TOKENS.fields(backwards) == KEYS.token("fields", said)


@given(st.binary(max_size=200))
def test_a_token_is_half_an_hmac(message):
    whole = hmac.digest(KEYS.derive("ids"), b"a\x00" + len(message).to_bytes(4) + message, "sha256")
    assert KEYS.token("a", message) == whole[:16]


def test_versions_tell_change_from_change_and_name_from_name():
    assert TOKENS.version(NAME, 0, "") == b""
    assert TOKENS.version(NAME, 0, "v1") == KEYS.token("version", NAME, b"p", b"v1")
    assert TOKENS.version(NAME, 1, "v1") == KEYS.token("version", NAME, b"r", b"v1")
