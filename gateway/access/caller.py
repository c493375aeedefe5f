"""One caller: its file, checked, and what it may do with which system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gateway import yamlfile
from gateway.access.keyfile import KeyFile, read
from gateway.errors import Problem, Refused, code

WRONG = code(
    "access.wrong",
    "a caller's file says something that cannot be used; the caller is not admitted",
    "Correct the line that is named; copperline docs rest describes every key.",
)

Role: TypeAlias = Literal["submit", "read", "fetch", "operate", "confirm"]
"""submit: send documents in; read: records and events; fetch: its mailboxes; operate: metrics and what is behind readiness;
confirm: be one of the two people of an act that takes two."""
ROLES: tuple[Role, ...] = get_args(Role)

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Way = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}/[a-z][a-z0-9-]{0,62}$")]


class Limits(BaseModel):
    """How much at once, and how often."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)
    per_minute: int = Field(default=6000, ge=1, description="Requests a minute; so many may also come at once.")
    at_once: int = Field(default=32, ge=1, le=1000, description="Requests that are under way at one time.")
    body: int = Field(default=8 << 20, ge=1024, le=256 << 20, description="Bytes of a request's body, unpacked.")


class CallerFile(BaseModel):
    """`callers/<name>.yaml`."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    caller: Name = Field(description="Its name: that of its file.")
    title: str = Field(default="", description="What people call it.")
    roles: list[Role] = Field(min_length=1, description="`submit`, `read`, `fetch` (its mailboxes), `operate` (metrics), `confirm` (one of two people).")
    systems: dict[Name, list[Name] | Literal["all"]] = Field(
        default={}, description="System → the feeds it is granted, or `all`; where it may submit and fetch."
    )
    agreement: Annotated[str, StringConstraints(pattern=r"^([a-z][a-z0-9-]{0,62})?$")] = Field(
        default="", description="The agreement that it reads through; without one it reads nothing."
    )
    reads_as: list[Way] = Field(
        default=[], description="Feeds, as `system/feed`, whose mappings and layouts its reads come in; where none fits, the general form."
    )
    purpose: str = Field(default="", description="Why it reads, where a request does not say; recorded in the ledger.")
    certificates: list[str] = Field(default=[], description="Subjects of client certificates: `CN=cad-01,O=Riverton`.")
    tokens: list[str] = Field(default=[], description="Subjects (`sub`) of tokens of the issuer that site.yaml names.")
    limits: Limits = Field(default=Limits(), description="`per_minute`, `at_once`, `body` in bytes.")


CallerLimits = Limits
USUAL = Limits()


@dataclass(frozen=True, slots=True)
class Caller:
    """One caller, as its files say."""

    name: str
    roles: frozenset[Role]
    systems: Mapping[str, frozenset[str] | None]
    """System to the feeds that are granted; None: all of them."""
    agreement: str = ""
    purpose: str = ""
    title: str = ""
    certificates: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    limits: Limits = field(default=USUAL)
    keys: KeyFile = field(default=KeyFile())
    reads_as: tuple[str, ...] = ()
    everywhere: bool = False
    """Granted every feed of every system: the person at this machine, in a site without callers."""

    def reaches(self, system: str, feed: str = "") -> bool:
        """Whether a feed, or any feed of a system, is granted."""
        if self.everywhere:
            return True
        if system not in self.systems:
            return False
        feeds = self.systems[system]
        return feeds is None or not feed or feed in feeds


def load(path: Path) -> Caller:
    """Read one caller with its keys.  Raises Refused with every problem: file, line and field."""
    document = yamlfile.load(path)
    try:
        said = CallerFile.model_validate(document.data if document.data is not None else {})
    except ValidationError as e:
        raise Refused(*(_problem(error, document) for error in e.errors(include_input=False, include_url=False))) from e
    if said.caller != path.stem:
        raise Refused(Problem(WRONG, "caller", document.where("caller"), "is not the name of its file"))
    if "read" in said.roles and not said.agreement:
        raise Refused(Problem(WRONG, "agreement", document.where("roles"), "a caller that reads needs an agreement"))
    return Caller(
        name=said.caller,
        roles=frozenset(said.roles),
        systems={name: None if feeds == "all" else frozenset(feeds) for name, feeds in said.systems.items()},
        agreement=said.agreement,
        reads_as=tuple(said.reads_as),
        purpose=said.purpose,
        title=said.title,
        certificates=tuple(said.certificates),
        tokens=tuple(said.tokens),
        limits=said.limits,
        keys=read(path.with_suffix(".keys")),
    )


def load_all(folder: Path) -> tuple[dict[str, Caller], dict[str, Refused]]:
    """The callers of a site by name, and what is wrong with those that cannot be used: they are not admitted."""
    found: dict[str, Caller] = {}
    wrong: dict[str, Refused] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            found[path.stem] = load(path)
        except Refused as e:
            wrong[path.stem] = e
    return found, wrong


def _problem(error: Any, document: yamlfile.Document) -> Problem:
    path: tuple[str | int, ...] = error["loc"]
    return Problem(WRONG, ".".join(map(str, path)), document.where(*path), str(error["msg"]).removeprefix("Value error, "))
