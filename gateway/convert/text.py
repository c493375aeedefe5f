"""Conversions of text, words and codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.convert.named import Convert, Unreadable, conversion, plain

REMEMBERED = 1000
"""Codes of one line of a mapping whose coded field is made once and shared."""


@conversion("text")
def text() -> Convert:
    """Any value as text.

    >>> text()(1401)
    '1401'
    """
    return plain


@conversion("trim")
def trim(characters: str) -> Convert:
    """Takes these characters away from both ends.

    >>> trim("*-")("**A-1**")
    'A-1'
    """
    return lambda value: plain(value).strip(str(characters) + " ") or None


@conversion("upper")
def upper() -> Convert:
    """Capital letters.

    >>> upper()("1l04")
    '1L04'
    """
    return lambda value: plain(value).upper()


@conversion("lower")
def lower() -> Convert:
    """Small letters.

    >>> lower()("ACTIVE")
    'active'
    """
    return lambda value: plain(value).lower()


@conversion("prefix")
def prefix(before: str) -> Convert:
    """Puts a text in front.

    >>> prefix("victim-")("001")
    'victim-001'
    """
    return lambda value: f"{before}{plain(value)}"


@conversion("strip-prefix")
def strip_prefix(before: str) -> Convert:
    """Takes a text away where it stands in front.

    >>> [strip_prefix("P")(t) for t in ("P170448", "170448")]
    ['170448', '170448']
    """
    return lambda value: plain(value).removeprefix(str(before)).strip() or None


@conversion("before")
def before(mark: str) -> Convert:
    """What stands before the first of a text; absent where it does not occur.

    >>> before("@")("6900@20260224123907.mpg")
    '6900'
    """

    def convert(value: Any) -> str | None:
        head, found, _ = plain(value).partition(str(mark))
        return head.strip() or None if found else None

    return convert


@conversion("after")
def after(mark: str) -> Convert:
    """What stands after the first of a text; absent where it does not occur.

    >>> after("@")("6900@20260224123907.mpg"), after("@")("none")
    ('20260224123907.mpg', None)
    """
    return lambda value: plain(value).partition(str(mark))[2].strip() or None


@conversion("columns")
def columns(first: int | str, last: int | str) -> Convert:
    """Characters from one place to another, counted from 1 as in a layout.

    >>> columns(1, 2)("12A"), columns(3, 3)("12A"), columns(3, 3)("12")
    ('12', 'A', None)
    """
    start, end = int(first) - 1, int(last)
    if not 0 <= start < end:
        raise ValueError("columns takes the first and the last place, counted from 1")
    return lambda value: plain(value)[start:end].strip() or None


@conversion("pad")
def pad(length: int | str) -> Convert:
    """Zeros in front, up to so many characters: what a number column has dropped.

    >>> [pad(4)(t) for t in (152, "152", "1520", "15201")]
    ['0152', '0152', '1520', '15201']
    """
    wanted = int(length)
    return lambda value: plain(value).zfill(wanted)


@conversion("join", several=True)
def join(between: str = " ") -> Convert:
    """Several sources as one text; blank ones are left out.

    >>> join("/")("VT0", None, "17")
    'VT0/17'
    """
    return lambda *values: str(between).join(plain(value) for value in values if value is not None)


@conversion("first", several=True)
def first() -> Convert:
    """The first of several sources that is not blank.

    >>> first()(None, "b", "c")
    'b'
    """
    return lambda *values: next((value for value in values if value is not None), None)


@conversion("sentinel")
def sentinel(*nothing: Any) -> Convert:
    """These values mean that nothing was said.

    >>> [sentinel("-9999", "9999-12-31")(t) for t in ("-9999", "12")]
    [None, '12']
    """
    if not nothing:
        raise ValueError("sentinel takes the values that mean nothing")
    said = frozenset(plain(value) for value in nothing)
    return lambda value: None if plain(value) in said else value


@conversion("choose")
def choose(words: Any) -> Convert:
    """Exactly these words, each for another.

    >>> choose({"T": "Test", "A": "Actual"})("T")
    'Test'
    """
    if not isinstance(words, Mapping) or not words:
        raise ValueError("choose takes the words: {choose: {T: Test, A: Actual}}")

    def convert(value: Any) -> Any:
        try:
            return words[plain(value)]
        except KeyError:
            raise Unreadable("is none of the words under choose") from None

    return convert


@conversion("code", several=True)
def code(scheme: str) -> Convert:
    """A code of a list, and its text from a second source.

    >>> code("ORI")("VT0040100")
    {'code': 'VT0040100', 'scheme': 'ORI'}
    """

    def convert(value: Any, says: Any = None) -> dict[str, str] | None:
        if value is None:
            return None
        made = {"code": plain(value), "scheme": str(scheme)}
        return made if says is None else made | {"text": plain(says)}

    return convert


@conversion("internal", several=True)
def internal(scheme: str) -> Convert:
    """A coded field of which only the source's own side is known.

    >>> internal("cad.priority")("1A")
    {'internal': {'code': '1A', 'scheme': 'cad.priority'}}
    """
    return _side("internal", scheme)


@conversion("common", several=True)
def common(scheme: str) -> Convert:
    """A coded field that has only its common side.

    >>> common("EIDO PersonRole")("Victim")
    {'common': {'code': 'Victim', 'scheme': 'EIDO PersonRole'}}
    """
    return _side("common", scheme)


def _side(side: str, scheme: str) -> Convert:
    scheme = str(scheme)
    known: dict[Any, dict[str, Any]] = {}

    def make(value: Any, says: Any) -> dict[str, Any]:
        made = {"code": plain(value), "scheme": scheme}
        if says is not None:
            made["text"] = plain(says)
        return {side: made}

    def convert(value: Any, says: Any = None) -> dict[str, Any] | None:
        if value is None:
            return None
        if value.__class__ is not str or (says is not None and says.__class__ is not str):
            return make(value, says)
        name = value if says is None else (value, says)
        made = known.get(name)
        if made is None:
            made = make(value, says)
            if len(known) < REMEMBERED:  # codes are few; what is many is no code, and is not kept
                known[name] = made
        return made

    return convert


@conversion("write-boolean")
def write_boolean(yes: str = "Y", no: str = "N") -> Convert:
    """For sinks: true and false as the target's words.

    >>> write_boolean()(True), write_boolean("1", "0")(False)
    ('Y', '0')
    """

    def convert(value: Any) -> str:
        if not isinstance(value, bool):
            raise Unreadable("is not true or false")
        return str(yes) if value else str(no)

    return convert
