"""Code lists: what a source's code is in the common list, both kept side by side.

A code that a list does not have is no error.  The internal code passes, the common one is
`unmapped`, and it is counted, so that a person can mend the list and map the records again.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.convert import Unreadable, plain
from gateway.errors import Problem, Refused, code

TABLE = code(
    "mapping.table",
    "a code list does not exist or cannot be used as the mapping uses it",
    "Put <name>.csv into the site's codes/ folder, or correct the name after table:.",
)
ROW = code(
    "mapping.codes",
    "a code list has a row or column that cannot be used",
    "Correct the line that is named; `copperline docs mapping` describes the columns.",
)
UNMAPPED: Final = "unmapped"
COLUMNS: Final = ("internal", "common", "scheme", "text", "owner", "from", "to", "write")
REQUIRED: Final = COLUMNS[:3]
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EVER: Final = ("0000-00-00", "9999-99-99")


class UnknownCode(Unreadable):
    """A code that its list does not have, where the mapping asked to reject such."""


@dataclass(frozen=True, slots=True)
class Row:
    """One code: the source's and the common one, and the days on which that holds."""

    line: int
    internal: str
    common: str
    scheme: str
    text: str
    owner: str
    first: str
    last: str
    write: bool

    def coded(self) -> dict[str, Any]:
        """Both sides as the contract writes them."""
        internal = {"code": self.internal, "scheme": self.owner}
        if self.text:
            internal["text"] = self.text
        return {"internal": internal, "common": {"code": self.common or UNMAPPED, "scheme": self.scheme}}


@dataclass(frozen=True, slots=True)
class Table:
    """A code list as its file says it.  Made values are shared: read them, never change them."""

    name: str
    rows: tuple[Row, ...]
    content: bytes

    @property
    def owner(self) -> str:
        return self.rows[0].owner if self.rows else self.name

    @property
    def scheme(self) -> str:
        return self.rows[0].scheme if self.rows else ""

    @property
    def dated(self) -> bool:
        """Some row holds only on certain days."""
        return any((row.first, row.last) != _EVER for row in self.rows)

    def reader(self, *, reject: bool, unmapped: Counter[tuple[str, str]]) -> Callable[..., dict[str, Any]]:
        """(code, day, its words) → coded.  Counts what is not classified; `reject` raises UnknownCode instead."""
        exact = {row.internal: row.coded() for row in self.rows if row.common} if not self.dated else {}
        rows: dict[str, list[Row]] = {}
        for row in self.rows:
            rows.setdefault(row.internal, []).append(row)

        def look(value: Any, day: str = "", words: Any = None) -> dict[str, Any]:
            word = plain(value)
            found = exact.get(word)
            if found is None:
                row = _on(rows.get(word, ()), day)
                if row is None and reject:
                    raise UnknownCode(f"is a code that the list {self.name} does not have")
                if row is None or not row.common:
                    unmapped[self.name, word] += 1
                found = row.coded() if row else self._unknown(word)
            if words is None:
                return found
            return {**found, "internal": {**found["internal"], "text": plain(words)}}

        return look

    def plain_codes(self) -> dict[str, dict[str, Any]]:
        """Of a list without days: every classified code, ready to be looked up at once."""
        return {} if self.dated else {row.internal: row.coded() for row in self.rows if row.common}

    def _unknown(self, word: str) -> dict[str, Any]:
        common = {"code": UNMAPPED, "scheme": self.scheme} if self.scheme else {"code": UNMAPPED}
        return {"internal": {"code": word, "scheme": self.owner}, "common": common}

    def writer(self) -> Callable[[Any], str]:
        """For sinks: coded, or a common code → internal code.  Raises UnknownCode."""
        own = {row.internal for row in self.rows}
        back: dict[str, str] = {}
        for row in sorted(self.rows, key=lambda row: row.write):
            if row.common and row.last == _EVER[1]:
                back[row.common] = row.internal
        counted = Counter(row.common for row in self.rows if row.last == _EVER[1])
        marked = {row.common for row in self.rows if row.write}

        def look(value: Any) -> str:
            internal, common = _sides(value)
            if internal.get("scheme") == self.owner and internal.get("code") in own:
                return str(internal["code"])
            word = common.get("code", "")
            if word in back and (counted[word] == 1 or word in marked):
                return back[word]
            raise UnknownCode(f"has no row to write in the list {self.name}")

        return look


def _sides(value: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    if isinstance(value, Mapping):
        return value.get("internal") or {}, value.get("common") or {}
    return {}, {"code": plain(value)}


def _on(rows: Sequence[Row], day: str) -> Row | None:
    """The row that holds on a day; without a day the latest."""
    holds = [row for row in rows if not day or row.first <= day <= row.last]
    return max(holds, key=lambda row: row.last, default=None)


def find(name: str, folders: Sequence[Path]) -> Path | None:
    """The file of a code list: that of the first folder that has it, so that a site's own comes before ours."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        return None
    return next((path for folder in folders if (path := folder / f"{name}.csv").is_file()), None)


def load(path: Path) -> Table:
    """Read a code list.  Raises Refused with every line that cannot be used."""
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as e:
        raise Refused(Problem(ROW, where=path.name, rule="the file cannot be read as UTF-8 text")) from e
    lines = csv.DictReader(io.StringIO(text, newline=""))
    problems = _columns(lines.fieldnames or (), path)
    rows: list[Row] = []
    for said in lines if not problems else ():
        made = _row(said, lines.line_num, path.stem)
        if isinstance(made, Row):
            rows.append(made)
        else:
            problems.append(Problem(ROW, where=f"{path.name}:{lines.line_num}", rule=made))
    problems += _twice(rows, path)
    if problems:
        raise Refused(*problems)
    return Table(path.stem, tuple(rows), content)


def _columns(said: Sequence[str], path: Path) -> list[Problem]:
    wrong = [f"the column {name} is missing" for name in REQUIRED if name not in said]
    wrong += [f"the column {name} is not known" for name in said if name not in COLUMNS]
    return [Problem(ROW, where=f"{path.name}:1", rule=rule) for rule in wrong]


def _row(said: Mapping[str | None, Any], line: int, name: str) -> Row | str:
    """The row, or what is wrong with it."""
    if None in said or None in said.values():
        return "the line has more or fewer cells than there are columns"
    cell = {column: str(said.get(column, "")).strip() for column in COLUMNS}
    if not cell["internal"]:
        return "the internal code is blank"
    if any(cell[end] and not _DAY.fullmatch(cell[end]) for end in ("from", "to")):
        return "from and to are days like 2026-03-08"
    if cell["write"] not in {"", "yes"}:
        return "write is yes or blank"
    return Row(
        line=line,
        internal=cell["internal"],
        common="" if cell["common"] == UNMAPPED else cell["common"],
        scheme=cell["scheme"],
        text=cell["text"],
        owner=cell["owner"] or name,
        first=cell["from"] or _EVER[0],
        last=cell["to"] or _EVER[1],
        write=cell["write"] == "yes",
    )


def _twice(rows: Sequence[Row], path: Path) -> list[Problem]:
    """Two rows of one code whose days overlap, and two rows to write for one common code."""
    problems: list[Problem] = []
    seen: dict[str, list[Row]] = {}
    written: dict[str, int] = {}
    for row in rows:
        where = f"{path.name}:{row.line}"
        others = seen.setdefault(row.internal, [])
        problems.extend(
            Problem(ROW, where=where, rule=f"the code stands in line {other.line} for the same days")
            for other in others
            if row.first <= other.last and other.first <= row.last
        )
        others.append(row)
        if row.write and row.common in written:
            rule = f"the common code has its row to write in line {written[row.common]} already"
            problems.append(Problem(ROW, where=where, rule=rule))
        elif row.write:
            written[row.common] = row.line
    return problems
