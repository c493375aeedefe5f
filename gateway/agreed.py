"""What is agreed now: the files of the site beside what people approved.

Nothing leaves but under the wording that a second person approved, and only while the file still
says exactly that.  An edited, broken, suspended or removed file stops its own agreement at the next
look; no other notices.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from gateway import agreement
from gateway.agreement import Agreement
from gateway.errors import Problem, Refused, code
from gateway.site import Site
from gateway.store import Store
from gateway.store.agreements import AgreementRow

NOT_APPROVED = code(
    "agreement.not-approved",
    "Nobody has approved this agreement yet, so nothing leaves through it.",
    "Have somebody other than who prepared it read it: copperline agreements approve NAME --as WHO --reason TEXT.",
)
CHANGED = code(
    "agreement.changed",
    "The file is not the wording that was approved, so nothing leaves through it.",
    "Put the approved wording back, or have the new one approved: copperline agreements approve NAME --as WHO --reason TEXT.",
)
SUSPENDED = code(
    "agreement.suspended",
    "A person suspended this agreement, so nothing leaves through it.",
    "Once the cause is mended have it approved again; then repeat what its queues lost: copperline replay --agreement NAME --from DAY.",
)
GONE = code(
    "agreement.gone",
    "The file of this agreement is no longer there, so nothing leaves through it.",
    "Put it back; or see copperline agreements list for what it last said.",
)
SAME_PERSON = code(
    "agreement.same-person",
    "Who prepared an agreement cannot approve it.",
    "Have somebody else read and approve it: copperline agreements approve NAME --as WHO --reason TEXT.",
)
MISSING = code(
    "agreement.missing",
    "There is no agreement of this name in the site.",
    "See copperline agreements list; an agreement is a file agreements/NAME.yaml.",
)


@dataclass(frozen=True, slots=True)
class Standing:
    """One agreement: the approved wording, and why nothing leaves through it."""

    name: str
    agreed: Agreement | None
    """As it was approved; None where it never was."""
    problem: Problem | None
    """None: what is approved is what stands in the file.  Dates and pauses are not looked at here."""
    row: AgreementRow | None


class Agreed:
    """Looks at files and approvals; reads again only what changed."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder
        self._store = store
        self._digests: dict[Path, tuple[Stamps, str]] = {}

    def look(self) -> list[Standing]:
        """Every agreement that has a file or was ever approved, by name."""
        rows = {row.name: row for row in self._store.agreements.all()}
        files = {path.stem: path for path in self._folder.glob("*.yaml")}
        return [self._standing(name, rows.get(name), files.get(name)) for name in sorted({*rows, *files})]

    def _standing(self, name: str, row: AgreementRow | None, file: Path | None) -> Standing:
        if row is None:
            return Standing(name, None, Problem(NOT_APPROVED), None)
        read = _as_approved(row.name, row.wording)
        if isinstance(read, Problem):
            return Standing(name, None, read, row)
        return Standing(name, read, self._problem(row, file), row)

    def _problem(self, row: AgreementRow, file: Path | None) -> Problem | None:
        if row.state == "suspended":
            return Problem(SUSPENDED)
        if file is None:
            return Problem(GONE)
        try:
            return None if self._digest(file) == row.digest else Problem(CHANGED)
        except Refused as e:
            return e.problems[0]

    def _digest(self, file: Path) -> str:
        """Of the wording on disk; read again where the file or any map points changed."""
        stamps = tuple(_stamp(path) for path in (file, *sorted((self._folder / agreement.POINTS).glob("*.csv"))))
        known = self._digests.get(file)
        if known is None or known[0] != stamps:
            known = self._digests[file] = stamps, agreement.on_disk(file).digest
        return known[1]


@lru_cache(maxsize=256)
def _as_approved(name: str, wording: str) -> Agreement | Problem:
    """An approved wording; a problem where this version of the gateway can no longer read it."""
    try:
        return agreement.read(name, agreement.wording(wording))
    except Refused as e:
        return e.problems[0]


Stamps: TypeAlias = tuple[tuple[str, int, int, int], ...]


def _stamp(path: Path) -> tuple[str, int, int, int]:
    """Changes whenever the file does."""
    try:
        found = path.stat()
    except OSError:
        return path.name, 0, 0, 0
    return path.name, found.st_mtime_ns, found.st_size, found.st_ino


def approve(site: Site, store: Store, name: str, digest: str, *, by: str, reason: str, called: str = "") -> Agreement:
    """Put what stands in the file into force; returns it.  `digest`: of what was read; "" where nothing was shown.

    `called`: what else the person is called, who proved with a key to be `by`.  Raises
    Refused where the file is wrong, was changed since it was read, or `by` prepared it.
    """
    path = site.agreements / f"{name}.yaml"
    if "/" in name or not path.is_file():
        raise Refused(Problem(MISSING, rule=f"there is no agreements/{name}.yaml"))
    said = agreement.on_disk(path)
    read = agreement.read(name, said)
    if digest and digest != read.digest:
        raise Refused(Problem(CHANGED, where=path.name, rule="the file was changed after it was read"))
    if any(same_person(name, read.prepared_by) for name in (by.removeprefix("@"), called)):
        raise Refused(Problem(SAME_PERSON, where=path.name))
    store.agreements.approve(name, read.digest, said.as_json().decode(), prepared=read.prepared_by, by=by, reason=reason)
    return read


def agreements(site: Site, store: Store) -> tuple[Agreement, ...]:
    """Every agreement as it was approved last, whether or not anything may leave through it now."""
    return tuple(one.agreed for one in Agreed(site.agreements, store).look() if one.agreed is not None)


def same_person(one: str, other: str) -> bool:
    """Whether two names are of one person, as far as names can tell."""
    return " ".join(one.casefold().split()) == " ".join(other.casefold().split())
