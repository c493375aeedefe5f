"""One agreement's file being read: its keys, and every problem with its line and its field."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from contracts import MAJOR
from gateway import yamlfile
from gateway.agreement.values import Point
from gateway.errors import Code, Problem, Refused, code

WRONG = code(
    "agreement.wrong",
    "Something in an agreement cannot be used.",
    "Correct the line that is named; `copperline docs agreements` describes every key.",
)
UNKNOWN = code(
    "agreement.unknown",
    "An agreement has a key that does not exist.",
    "Remove the line or correct its name; `copperline docs agreements` describes every key.",
)
FIELD = code(
    "agreement.field",
    "An agreement names a field that the contract does not have, or leaves out one that must go with it.",
    "Correct the path; `contracts/published/` lists the fields of every entity.",
)


@dataclass(slots=True)
class Page:
    """The text of one file, and what was found wrong with it so far."""

    name: str
    """The file's, in errors."""
    text: str
    document: yamlfile.Document | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    major: int = MAJOR
    """The major version of the contracts that it is about."""
    points: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)
    """The sets of map points that the file may name."""

    def __post_init__(self) -> None:
        read = yamlfile.loads(self.text, name=self.name)
        self.document = yamlfile.Document(Path(self.name), read)
        if isinstance(read, Mapping):
            self.data = read
        else:
            self.wrong((), "is not a table of keys")

    def at(self, keys: tuple[str, ...]) -> Any:
        """What stands at a path of keys; None where nothing does."""
        value: Any = self.data
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def read(self, keys: tuple[str, ...], reader: Callable[[Any], Any]) -> Any:
        """What stands at `keys` as `reader` takes it; None, and a problem unless it is absent, where it cannot."""
        value = self.at(keys)
        if value is None:
            return None
        try:
            return reader(value)
        except ValueError as e:
            self.wrong(keys, str(e))
            return None

    def text_at(self, *keys: str) -> str:
        """Some text; "" where there is none."""
        return self.read(keys, text) or ""

    def flag(self, key: str) -> bool:
        """Yes or no; no where nothing stands."""
        return bool(self.read((key,), flag))

    def keys(self, at: tuple[str, ...], table: Any, allowed: Sequence[str], needed: Sequence[str]) -> None:
        """A problem for every key that does not exist, and for every one that must and does not."""
        if table is None:
            return  # said once, where the table itself is needed
        if not isinstance(table, Mapping):
            self.wrong(at, "is not a table of keys")
            return
        for key in table:
            if key not in allowed:
                self.wrong((*at, str(key)), "does not exist" + hint(str(key), allowed), UNKNOWN)
        for key in needed:
            if table.get(key) is None:
                self.wrong((*at, key), "is missing")

    def wrong(self, keys: tuple[str, ...], rule: str, what: Code = WRONG) -> None:
        """Note one problem."""
        where = self.document.where(*keys) if self.document is not None else self.name
        self.problems.append(Problem(what, path=".".join(keys), where=where, rule=rule))

    def refuse(self) -> None:
        """Raise Refused with every problem, where there is one."""
        if self.problems:
            raise Refused(*self.problems)


def hint(given: str, known: Any) -> str:
    """What was probably meant, as the end of a sentence."""
    near = get_close_matches(given, [str(one) for one in known], n=1)
    return f"; did you mean {near[0]}?" if near else ""


def text(value: Any) -> str:
    """Some text.  Raises ValueError, as all of these do."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("is some text")
    return value


def texts(value: Any) -> tuple[str, ...]:
    """A list of texts, or one."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list):
        raise ValueError("is a list of texts")
    return tuple(text(one) for one in given)


def flag(value: Any) -> bool:
    """true or false."""
    if value is True or value is False:
        return bool(value)
    raise ValueError("is true or false")


def count(value: Any) -> int:
    """A number above 0."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("is a number above 0")
    return value


def day(value: Any) -> date:
    """A day of the calendar."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as e:
        raise ValueError("is a day, such as 2027-12-31") from e
