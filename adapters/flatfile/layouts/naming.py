"""From decoded fields to a record: its key, its change, its version and its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Literal, TypeAlias

from adapters.flatfile.codes import KEY
from adapters.flatfile.layouts.items import Fields
from adapters.flatfile.layouts.model import Change, Version
from gateway.adapter import RawRecord, Rejected
from gateway.errors import Code, Problem

Maker: TypeAlias = Callable[[Fields, bytes, int, int], RawRecord | Rejected]
"""(fields, original, offset, line) → the record, or why it is none."""


def maker(
    kind: str, key: Sequence[str], change: Change | None, version: Literal["document"] | Version, sha: str
) -> Maker:
    """A function that makes records of one kind of one document; it runs once a record, so all choices are made here."""
    key_of = keys(tuple(key))
    removal = at(change.field) if change else None
    removes = frozenset(change.remove) if change else frozenset()
    version_of = at(version.field) if isinstance(version, Version) else None

    def make(fields: Fields, original: bytes, offset: int, line: int) -> RawRecord | Rejected:
        name = key_of(fields)
        where = f"line {line}, byte {offset}"
        if not name:
            return rejected(KEY, original, where, path="|".join(key), kind=kind)
        gone = removal is not None and removal(fields) in removes
        said = f"{sha}:{offset}" if version_of is None else _text(version_of(fields))
        return RawRecord(kind, name, said, "remove" if gone else "put", fields, original, where)

    return make


@lru_cache(maxsize=1024)  # a caller's every document is of the same layout
def keys(paths: tuple[str, ...]) -> Callable[[Fields], str]:
    """Reads the key out of fields; "" where it is blank."""
    return _one(paths[0]) if len(paths) == 1 else _joined(paths)


def rejected(code: Code, original: bytes, where: str, rule: str = "", *, path: str = "", kind: str = "") -> Rejected:
    """A record that cannot be read, with the one reason why."""
    return Rejected(original, where, (Problem(code, path=path, where=where, rule=rule),), kind)


def at(path: str) -> Callable[[Fields], Any]:
    """Reads a dotted path; a name that itself holds the dots goes first.  "" where there is nothing."""
    steps = path.split(".")

    def read(fields: Any) -> Any:
        if path in fields:
            return fields[path]
        for step in steps:
            fields = fields.get(step) if isinstance(fields, dict) else None
        return "" if fields is None else fields

    return read


def _one(path: str) -> Callable[[Fields], str]:
    direct, read = itemgetter(path), at(path)

    def key(fields: Fields) -> str:
        try:
            value = direct(fields)
        except KeyError:
            value = read(fields)
        return _text(value).strip()

    return key


def _joined(paths: Sequence[str]) -> Callable[[Fields], str]:
    """Several parts as one text; a bar inside a part is escaped, so that no two keys fall together."""
    readers = [at(path) for path in paths]

    def key(fields: Fields) -> str:
        parts = [_text(read(fields)).strip().replace("\\", "\\\\").replace("|", "\\|") for read in readers]
        return "|".join(parts) if any(parts) else ""

    return key


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
