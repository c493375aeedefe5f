"""The fast ids are the ids of `event.Keys`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.store.tokens import Tokens
from tests.gateway.store.scene import KEYS

TOKENS = Tokens(KEYS, "cad")
NAME = bytes(range(16))


@given(st.text(), st.text())
def test_names(kind, key):
    assert TOKENS.name(kind, key) == KEYS.name("cad", kind, key)


@given(st.integers(0, 2**40), st.sampled_from(["incident", "custody-transfer"]), st.integers(0, 300))
def test_event_ids(sequence, entity, index):
    assert TOKENS.event(NAME, sequence, entity, index, NAME) == KEYS.event_id(NAME, sequence, entity, index, NAME)


@given(st.dictionaries(st.text(), st.integers(-5, 5) | st.text()))
def test_fields(fields):
    assert TOKENS.fields(fields) == KEYS.fields_digest(fields)


def test_versions_tell_change_from_change_and_name_from_name():
    assert TOKENS.version(NAME, 0, "") == b""
    assert TOKENS.version(NAME, 0, "v1") == KEYS.token("version", NAME, b"p", b"v1")
    assert TOKENS.version(NAME, 1, "v1") == KEYS.token("version", NAME, b"r", b"v1")
