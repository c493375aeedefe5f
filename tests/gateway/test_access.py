"""Who may enter: files of callers, digests of keys, and an end to guessing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.access import Book, Lockout, caller, keyfile, load, load_all
from gateway.errors import Refused

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def written(folder, name, text, *keys, revoked=False):
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(text)
    keyfile.write(folder / f"{name}.keys", keys, revoked=revoked)


def book(folder, now=NOW):
    return Book(folder, lambda: now)


def test_a_key_opens_for_its_caller_and_is_kept_nowhere(tmp_path):
    text, key = keyfile.made()
    written(tmp_path, "vendor", "{caller: vendor, roles: [submit]}", key)
    assert book(tmp_path).by_key(text).name == "vendor"
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert text.encode() not in kept
    assert text.rpartition("_")[2].encode() not in kept


@pytest.mark.parametrize("wrong", ["", "cpl_", "cpl_00000000_" + "a" * 43, "Bearer"])
def test_what_is_no_key_opens_nothing(tmp_path, wrong):
    written(tmp_path, "vendor", "{caller: vendor, roles: [submit]}", keyfile.made()[1])
    assert book(tmp_path).by_key(wrong) is None


def test_another_secret_under_a_known_id_opens_nothing(tmp_path):
    text, key = keyfile.made()
    written(tmp_path, "vendor", "{caller: vendor, roles: [submit]}", key)
    assert book(tmp_path).by_key(text[:-1] + ("A" if text[-1] != "A" else "B")) is None


def test_a_key_ends_when_its_time_is_over(tmp_path):
    text, key = keyfile.made()
    written(tmp_path, "vendor", "{caller: vendor, roles: [submit]}", keyfile.Key(key.id, key.sha256, NOW + timedelta(hours=1)))
    assert book(tmp_path).by_key(text) is not None
    assert book(tmp_path, NOW + timedelta(hours=1)).by_key(text) is None


def test_a_revoked_caller_is_admitted_by_nothing(tmp_path):
    text, key = keyfile.made()
    said = "{caller: vendor, roles: [submit], certificates: [CN=cad-01], tokens: [sub-1]}"
    written(tmp_path, "vendor", said, key)
    assert all([book(tmp_path).by_key(text), book(tmp_path).by_certificate("CN=cad-01"), book(tmp_path).by_token("sub-1")])
    written(tmp_path, "vendor", said, key, revoked=True)
    assert not any([book(tmp_path).by_key(text), book(tmp_path).by_certificate("CN=cad-01"), book(tmp_path).by_token("sub-1")])


def test_a_subject_that_two_callers_claim_proves_neither(tmp_path):
    for name in ("one", "two"):
        written(tmp_path, name, f"{{caller: {name}, roles: [submit], certificates: [CN=same, CN={name}]}}")
    assert book(tmp_path).by_certificate("CN=same") is None
    assert book(tmp_path).by_certificate("CN=two").name == "two"


@pytest.mark.parametrize(
    "text",
    [
        "{caller: other, roles: [submit]}",
        "{caller: vendor, roles: []}",
        "{caller: vendor, roles: [rule]}",
        "{caller: vendor, roles: [read]}",
        "{caller: vendor, roles: [submit], color: red}",
        "{caller: vendor, roles: [submit], limits: {body: 3}}",
        "{caller: vendor, roles: [submit], systems: {Cad: all}}",
        "roles: [",
    ],
)
def test_a_caller_whose_file_is_wrong_is_not_admitted_and_the_others_are(tmp_path, text):
    (_, key), (other, kept) = keyfile.made(), keyfile.made()
    written(tmp_path, "vendor", text, key)
    written(tmp_path, "good", "{caller: good, roles: [submit]}", kept)
    found, wrong = load_all(tmp_path)
    assert (set(found), set(wrong)) == ({"good"}, {"vendor"})
    assert all(problem.where for problem in wrong["vendor"].problems)
    assert book(tmp_path).by_key(other).name == "good"


def test_a_damaged_file_of_keys_admits_nobody(tmp_path):
    written(tmp_path, "vendor", "{caller: vendor, roles: [submit]}")
    for line in ("what is this", "00000000 " + "0" * 64 + " someday", "00000000 " + "0" * 64 + " 2026-03-01"):
        (tmp_path / "vendor.keys").write_text(line)
        with pytest.raises(Refused) as refused:
            load(tmp_path / "vendor.yaml")
        assert refused.value.problems[0].code is keyfile.DAMAGED


def test_grants_are_by_feed_and_deny_by_default(tmp_path):
    written(tmp_path, "vendor", "{caller: vendor, roles: [submit], systems: {cad: [calls], rms: all}}")
    said = load(tmp_path / "vendor.yaml")
    assert [said.reaches(*one) for one in (("cad", "calls"), ("cad", "units"), ("cad",), ("rms", "any"), ("jail", "any"), ("jail",))] == [
        True, False, True, True, False, False,
    ]  # fmt: skip
    assert not caller.Caller("nobody", frozenset(), {}).reaches("cad")


def test_guessing_ends_after_five_failures_and_only_for_what_was_claimed():
    now = [0.0]
    lockout = Lockout(lambda: now[0])
    assert [lockout.failed("10.0.0.1", "aa") for _ in range(5)] == [False] * 4 + [True]
    assert lockout.left_s("10.0.0.1", "aa") == 900
    assert lockout.left_s("10.0.0.1", "bb") == 0
    assert lockout.left_s("10.0.0.2", "aa") == 0
    now[0] = 899.0
    assert lockout.left_s("10.0.0.1", "aa") == 1
    now[0] = 901.0
    assert lockout.left_s("10.0.0.1", "aa") == 0
    assert not lockout.failed("10.0.0.1", "aa")


def test_failures_that_lie_far_apart_lock_nobody_out():
    now = [0.0]
    lockout = Lockout(lambda: now[0])
    for _ in range(10):
        assert not lockout.failed("10.0.0.1", "aa")
        now[0] += 901
    lockout.failed("10.0.0.1", "aa")
    lockout.succeeded("10.0.0.1", "aa")
    assert [lockout.failed("10.0.0.1", "aa") for _ in range(4)] == [False] * 4
