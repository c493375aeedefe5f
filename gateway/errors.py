"""What happens next, said by the type of the error.

    GatewayError               what, where, what to do next, and a stable code
    ├── Retry                  nothing was lost; ask again after `after`
    ├── Reject                 this record only; it goes to quarantine with its problems
    ├── Halt                   this system stops until a person has looked
    └── Refused                a command or a setting that cannot be carried out as it stands

Codes are registered where they are raised and listed in `docs/errors.md`, which a test
compares with this register.  No message ever carries a value out of a record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Code:
    """A stable name for one thing that goes wrong: what it means, and what a person does about it."""

    id: str
    meaning: str
    remedy: str

    def __str__(self) -> str:
        return self.id


REGISTER: dict[str, Code] = {}


def code(id: str, meaning: str, remedy: str) -> Code:
    """Register a code once, at import of the module that raises it; a second meaning for one id is a mistake."""
    new = Code(id, meaning, remedy)
    if REGISTER.setdefault(id, new) != new:
        raise ValueError(f"error code {id} is registered twice")
    return new


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one record or document.

    `path` names the field ("offenses[0].code", "" for the whole), `where` the place in the
    document ("line 3, byte 1204"), `rule` what was broken, in words without any value.
    """

    code: Code
    path: str = ""
    where: str = ""
    rule: str = ""

    def __str__(self) -> str:
        place = ", ".join(part for part in (self.path, self.where) if part)
        said = self.rule or self.code.meaning
        return f"{self.code.id}: {said}" + (f" ({place})" if place else "")

    def as_dict(self) -> dict[str, str]:
        """The problem as plain JSON: code, path, where, rule, remedy."""
        return {
            "code": self.code.id,
            "path": self.path,
            "where": self.where,
            "rule": self.rule or self.code.meaning,
            "remedy": self.code.remedy,
        }


class GatewayError(Exception):
    """The root: every error of ours says what, where, what next, and has a code."""


class Retry(GatewayError):
    """A passing fault.  Nothing was taken and nothing was lost; try again after `after` (None: back off)."""

    def __init__(self, problem: Problem, *, after: timedelta | None = None) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.after = after


class Reject(GatewayError):
    """This record only.  It is quarantined with its bytes and all its problems; the rest goes on."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


class Halt(GatewayError):
    """A person must look.  The system stops, its cursor stays, and no other system waits."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem} What to do: {problem.code.remedy}")
        self.problem = problem


class Refused(GatewayError):
    """A command, a file of the site or a setting cannot be carried out as it stands; nothing was changed."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(f"{problem} What to do: {problem.code.remedy}" for problem in problems))
        self.problems = problems
