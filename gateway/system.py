"""A system: one folder of text that says how to reach one legacy system and what its records mean.

`system.yaml` names feeds; a feed names its adapter, settings, schedule and mappings.  Loading
compiles everything at once, so that what cannot run is told by file, line and field before
anything is started, never in the middle of a night.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from gateway import mapping, registry, schedule, site, yamlfile
from gateway.adapter import Adapter, Document, RawRecord, Rejected
from gateway.errors import Problem, Refused, Reject, code
from gateway.event import Draft

WRONG = code(
    "system.wrong",
    "system.yaml says something that cannot be used",
    "Correct the line that is named; `copperline docs systems` describes every key, the adapter's page its settings.",
)
MISSING = code(
    "system.missing",
    "there is no such system in this site",
    "See copperline systems list; make one: copperline new SYSTEM --from TEMPLATE, or by hand: `copperline docs systems`.",
)
NO_MAPPING = code(
    "system.no-mapping",
    "the feed has no mapping for this kind of record",
    "Name a mapping for the kind under mappings: of the feed, then release the record.",
)
NO_DECODE = code(
    "system.no-decode",
    "the adapter of this feed cannot read a kept original again",
    "Let the system say the record again.",
)
NO_DISCOVERY = code(
    "system.no-discovery",
    "no feed of this system has an adapter that can say what the system offers",
    "See copperline adapters show ADAPTER for what it can do; a feed needs adapter: and the settings that reach the system.",
)


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError) as e:
        raise ValueError("is a time zone of the IANA list, such as America/New_York") from e
    return text


def _checked(read: Any) -> AfterValidator:
    def check(text: str) -> str:
        read(text)
        return text

    return AfterValidator(check)


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Zone = Annotated[str, AfterValidator(_zone)]
Duration = Annotated[str, _checked(schedule.duration)]
TimeOfDay = Annotated[str, _checked(schedule.time_of_day)]
Window = Annotated[str, _checked(schedule.window)]


class ReconcileFile(BaseModel):
    """When a feed is compared with what its system holds."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    at: list[TimeOfDay] = Field(min_length=1, description="Times of day, in the system's zone.")
    days: int | None = Field(default=None, ge=1, le=3660, description="Only so many days back; all where it is not given.")


class FeedFile(BaseModel):
    """One stream of the system."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    adapter: Name = Field(description="How to talk to it; see `copperline adapters list`.")
    settings: dict[str, Any] = Field(default={}, description="The adapter's own settings; see the adapter's page.")
    every: Duration | None = Field(default=None, description="Poll so often: `30s`, `5m`, `1h`. 30s where `at` is not given either.")
    at: list[TimeOfDay] = Field(default=[], description="Poll at these times of day, in the system's zone.")
    pause: list[Window] = Field(default=[], description="Never poll in these windows, such as `22:00-06:00`.")
    reconcile: ReconcileFile | None = Field(default=None, description='Compare what the system holds with the journal: `{at: ["03:30"], days: 35}`; needs an adapter with survey.')
    mappings: dict[str, str] = Field(description="Kind of record → mapping file, relative to the system's folder. Mappings with `to:` make the feed a sink.")
    hold: Literal["keep", "skip"] = Field(default="keep", description="`keep`: a quarantined record holds later ones of its name; `skip`: they pass.")
    versions: Literal["unordered", "ordered"] = Field(default="unordered", description="`ordered`: versions are fixed-width text that only grows, so a lower one is late.")

    @model_validator(mode="after")
    def _one_schedule(self) -> FeedFile:
        if self.every is not None and self.at:
            raise ValueError("has either every or at")
        return self


class SystemFile(BaseModel):
    """`system.yaml`."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    system: Name = Field(description="Its name: that of its folder.")
    title: str = Field(default="", description="What people call it.")
    agency: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{0,32}$")] = Field(default="", description="ORI of records that name none; the site's where it is not given.")
    zone: Zone = Field(description="IANA zone of its schedule and of local times in its records.")
    deadline: Duration | None = Field(default=None, description="How long one call may take; the site's where it is not given.")
    feeds: dict[Name, FeedFile] = Field(min_length=1, description="Its streams, by name.")


@dataclass(frozen=True, slots=True)
class Reconcile:
    """When a feed is reconciled on its own, and how many days back."""

    schedule: schedule.Schedule
    days: int | None


@dataclass(frozen=True, eq=False)
class Feed:
    """One feed, ready to run."""

    system: str
    name: str
    agency: str
    adapter: Adapter[Any]
    settings: Any
    schedule: schedule.Schedule
    mappings: Mapping[str, mapping.Mapping]
    """By kind of record."""
    hold: bool
    ordered: bool
    deadline: timedelta
    reconcile: Reconcile | None
    sink: bool
    """It is written to: its mappings say `to:`."""
    layout: str
    """Digest of the adapter's settings: together with a mapping's own it names how a record was read."""

    def decode(self, document: Document) -> Iterator[RawRecord | Rejected]:
        """Read a kept original, or a sample, as this feed would.  Raises Refused where its adapter cannot."""
        if self.adapter.decode is None:
            raise Refused(Problem(NO_DECODE))
        return self.adapter.decode(self.settings, document)

    def translate(self, record: RawRecord) -> Sequence[Draft]:
        """The canonical records of one raw record.  Raises Reject with every problem of it."""
        if record.kind in self.adapter.quiet:
            return ()
        return self._mapping(record.kind).drafts(record.fields, record.key)

    def mapping_digest(self, kind: str) -> str:
        """Names mapping, layout and code tables of a kind; "" where it has no mapping."""
        found = self.mappings.get(kind)
        return hashlib.sha256(f"{self.layout} {found.digest}".encode()).hexdigest()[:16] if found is not None else ""

    def entity(self, kind: str) -> str:
        """What a removal of this kind is about; "" where it has no mapping or makes no event."""
        found = self.mappings.get(kind)
        return found.entity if found is not None else ""

    @cached_property
    def writes(self) -> Mapping[str, mapping.Mapping]:
        """Of a sink: the mapping of each entity that it takes."""
        return {each.entity: each for each in self.mappings.values() if each.sink}

    def _mapping(self, kind: str) -> mapping.Mapping:
        try:
            return self.mappings[kind]
        except KeyError as e:
            raise Reject(Problem(NO_MAPPING)) from e


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """One system, ready to run."""

    name: str
    title: str
    agency: str
    zone: ZoneInfo
    folder: Path
    feeds: Mapping[str, Feed]


def load(site_: site.Site, name: str) -> System:
    """One system of the site, compiled.  Raises Refused with every problem, each with file, line and field."""
    path = site_.systems / name / "system.yaml"
    if not path.is_file():
        raise Refused(Problem(MISSING, rule=f"there is no systems/{name}/system.yaml"))
    document = yamlfile.load(path)
    said = _validated(SystemFile, document.data, document, ())
    if said.system != name:
        raise Refused(Problem(WRONG, "system", document.where("system"), "is not the name of its folder"))
    feeds: dict[str, Feed] = {}
    problems: list[Problem] = []
    for feed_name, feed in said.feeds.items():
        try:
            feeds[feed_name] = _feed(site_, said, feed_name, feed, document)
        except Refused as e:
            problems += e.problems
    if problems:
        raise Refused(*problems)
    agency = said.agency or site_.settings.agency
    return System(name, said.title, agency, ZoneInfo(said.zone), path.parent, feeds)


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """A feed as far as its system can be asked what it offers; keys and mappings may still be unknown."""

    feed: str
    adapter: Adapter[Any]
    settings: Any


def reach(site_: site.Site, name: str, feed: str = "") -> Reach:
    """The feed that is named, or the first, whose adapter can discover.  Raises Refused where there is none."""
    path = site_.systems / name / "system.yaml"
    if not path.is_file():
        raise Refused(Problem(MISSING, rule=f"there is no systems/{name}/system.yaml"))
    document = yamlfile.load(path)
    for found, said in _said_feeds(document).items():
        at = ("feeds", found)
        if feed in ("", found):
            adapter = _adapter(site_, str(said.get("adapter", "")), document, at)
            if adapter.discover is not None:
                model = adapter.reach or adapter.settings
                return Reach(found, adapter, _validated(model, said.get("settings"), document, (*at, "settings"), site_.systems / name))
    raise Refused(Problem(NO_DISCOVERY, "feeds", document.where("feeds")))


def _said_feeds(document: yamlfile.Document) -> Mapping[str, Mapping[str, Any]]:
    """What the file says of its feeds, as far as it has their form."""
    said = document.data.get("feeds") if isinstance(document.data, Mapping) else None
    return {name: feed for name, feed in said.items() if isinstance(feed, Mapping)} if isinstance(said, Mapping) else {}


def digest(folder: Path) -> str:
    """What a system's folder says, as 16 hex digits; samples and hidden files do not count."""
    seen = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and inside.parts[0] not in ("samples", "expected") and not inside.name.startswith("."):
            seen.update(f"{inside}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return seen.hexdigest()[:16]


def _feed(site_: site.Site, said: SystemFile, name: str, feed: FeedFile, document: yamlfile.Document) -> Feed:
    at = ("feeds", name)
    adapter = _adapter(site_, feed.adapter, document, at)
    settings = _validated(adapter.settings, feed.settings, document, (*at, "settings"), site_.systems / said.system)
    mappings = _mappings(site_, said, feed, document, at)
    return Feed(
        system=said.system,
        name=name,
        agency=said.agency or site_.settings.agency,
        adapter=adapter,
        settings=settings,
        schedule=_schedule(said, feed),
        mappings=mappings,
        sink=_is_sink(adapter, mappings, document, at),
        hold=feed.hold == "keep",
        ordered=feed.versions == "ordered",
        deadline=schedule.duration(said.deadline) if said.deadline else site_.settings.deadline,
        reconcile=_reconcile(said, feed, adapter, document, at),
        layout=hashlib.sha256(settings.model_dump_json().encode()).hexdigest(),
    )


def _adapter(site_: site.Site, name: str, document: yamlfile.Document, at: tuple[str, ...]) -> Adapter[Any]:
    try:
        return registry.load(name, site_.settings.plugins)
    except Refused as e:
        where = document.where(*at, "adapter")
        raise Refused(*(Problem(p.code, ".".join((*at, "adapter")), where, p.rule) for p in e.problems)) from e


def _schedule(said: SystemFile, feed: FeedFile) -> schedule.Schedule:
    every = None if feed.at else schedule.duration(feed.every or "30s")
    return schedule.Schedule(
        zone=ZoneInfo(said.zone),
        every=every,
        at=tuple(map(schedule.time_of_day, feed.at)),
        pause=tuple(map(schedule.window, feed.pause)),
    )


def _reconcile(
    said: SystemFile, feed: FeedFile, adapter: Adapter[Any], document: yamlfile.Document, at: tuple[str, ...]
) -> Reconcile | None:
    if feed.reconcile is None:
        return None
    if adapter.survey is None:
        where = document.where(*at, "reconcile")
        raise Refused(Problem(WRONG, ".".join((*at, "reconcile")), where, f"the adapter {feed.adapter} cannot say what its system holds"))
    times = tuple(map(schedule.time_of_day, feed.reconcile.at))
    return Reconcile(schedule.Schedule(ZoneInfo(said.zone), None, times, tuple(map(schedule.window, feed.pause))), feed.reconcile.days)


def _mappings(
    site_: site.Site, said: SystemFile, feed: FeedFile, document: yamlfile.Document, at: tuple[str, ...]
) -> dict[str, mapping.Mapping]:
    compiled: dict[str, mapping.Mapping] = {}
    problems: list[Problem] = []
    for kind, relative in feed.mappings.items():
        path = site_.systems / said.system / relative
        if ".." in Path(relative).parts or not path.is_file():
            place = ".".join((*at, "mappings", kind))
            problems.append(Problem(WRONG, place, document.where(*at, "mappings", kind), "names no file of the system's folder"))
            continue
        try:
            compiled[kind] = mapping.compile(path, codes=site.codes(site_), zone=said.zone)
        except Refused as e:
            problems += e.problems
    if problems:
        raise Refused(*problems)
    return compiled


def _is_sink(
    adapter: Adapter[Any], mappings: Mapping[str, mapping.Mapping], document: yamlfile.Document, at: tuple[str, ...]
) -> bool:
    """Whether a feed is written to.  Raises Refused where its mappings or its adapter leave that open."""
    out = [each for each in mappings.values() if each.sink]
    wrong = ""
    if out and len(out) < len(mappings):
        wrong = "mixes mappings of records that come in (kind:) and go out (to:): make two feeds"
    elif out and adapter.sink is None and adapter.encode is None:
        wrong = f"has mappings with to:, and the adapter {adapter.kind} does not write"
    elif len({each.entity for each in out}) < len(out):
        wrong = "has two mappings with to: for one entity: make two feeds"
    if wrong:
        raise Refused(Problem(WRONG, ".".join((*at, "mappings")), document.where(*at, "mappings"), wrong))
    return bool(out)


def _validated(
    model: type[Any], data: Any, document: yamlfile.Document, at: tuple[str, ...], folder: Path | None = None
) -> Any:
    """The model of what the file says there; its errors become problems with their line.

    Settings find the system's folder in their validation context, where they name files of it.
    """
    try:
        return model.model_validate(data if data is not None else {}, context={"folder": folder} if folder else None)
    except ValidationError as e:
        raise Refused(*(_problem(error, document, at) for error in e.errors(include_input=False, include_url=False))) from e


def _problem(error: Any, document: yamlfile.Document, at: tuple[str, ...]) -> Problem:
    path: tuple[str | int, ...] = (*at, *error["loc"])
    return Problem(WRONG, ".".join(map(str, path)), document.where(*path), str(error["msg"]).removeprefix("Value error, "))
