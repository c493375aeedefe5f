"""Python source in the making: lines with their depth, names, constants, and paths for problems."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Path:
    """A target: as Python writes it, with the index of each list item, and as people read it, without."""

    inner: str = ""
    plain: str = ""

    def inside(self, name: str) -> Path:
        braced = name.replace("{", "{{").replace("}", "}}")
        dot = "." if self.inner else ""
        return Path(f"{self.inner}{dot}{braced}", f"{self.plain}{dot}{name}")

    def item(self, made: str) -> Path:
        """The item that will be appended next to the list of this name."""
        return Path(f"{self.inner}[{{len({made})}}]", self.plain)

    @property
    def code(self) -> str:
        """The expression that gives it.

        >>> Path().inside("persons").item("l1").inside("seq").code
        "f'persons[{len(l1)}].seq'"
        """
        return f"f{self.inner!r}" if "{" in self.inner else repr(self.inner)


class Lines:
    """Lines of Python, and what they need around them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.around: dict[str, Any] = {}
        self._depth = self._count = 0

    def add(self, *texts: str) -> None:
        self.lines += ["    " * self._depth + text for text in texts]

    def insert(self, at: int, *texts: str) -> None:
        """Put lines of the present depth before those that were added since `at`."""
        self.lines[at:at] = ["    " * self._depth + text for text in texts]

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """What is added inside stands one deeper under `head`."""
        self.add(head)
        self._depth += 1
        before = len(self.lines)
        yield
        if len(self.lines) == before:
            self.add("pass")
        self._depth -= 1

    def name(self, kind: str) -> str:
        """A name that no other has."""
        self._count += 1
        return f"{kind}{self._count}"

    def constant(self, value: Any) -> str:
        """The expression of a value: itself where that is short, else a name for it."""
        if value is None or isinstance(value, bool | int | str):
            return repr(value)
        return self.bind("k", value)

    def bind(self, kind: str, value: Any) -> str:
        """A name for a value or function from outside."""
        name = self.name(kind)
        self.around[name] = value
        return name

    def __str__(self) -> str:
        return "\n".join(self.lines) + "\n"
