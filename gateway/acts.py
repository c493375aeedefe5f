"""What people may have done: each act a function, carried out by the one process that holds the site.

A command either does it itself or leaves a request for the running gateway; both end here, so an
act means the same either way.  Each is recorded in the ledger with who asked and why.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from gateway import agreed, agreement, context, inbound, intake, line, mark, reconcile, system
from gateway.access import people
from gateway.archive import Archive
from gateway.errors import Halt, Problem, Refused, Retry, code
from gateway.event import Keys
from gateway.figures import wanted
from gateway.inbound import chain
from gateway.site import Site
from gateway.store import Fatal, Store
from gateway.store.deliveries import NO_DESTINATION
from gateway.store.journal import NO_FEED
from gateway.store.remotes import NOT_PARKED
from gateway.store.rows import Answer, DestinationRow, FeedRow, Intake, Outgoing
from gateway.store.tokens import Tokens

UNKNOWN = code("act.unknown", "the running gateway does not know this request", "Use the same version for the command and the gateway.")
FAULT = code("act.fault", "the request failed in a way that nobody foresaw", "See the gateway's log; report it.")
NOT_NOW = code(
    "system.not-now",
    "a system in this state cannot be changed like that",
    "See copperline systems list for its state; `copperline docs systems` says what leads from one to another.",
)
SAME_PERSON = code(
    "act.same-person",
    "giving up, erasing, or sending many records again takes two people, and the first cannot be the second",
    "Have somebody else give the same command, with --by and their name, within seven days.",
)
NO_RECORD = code("record.missing", "there is no such record", "See copperline quarantine list or copperline tail for positions.")

Act: TypeAlias = "Callable[[World, Mapping[str, Any], str, str], Mapping[str, Any]]"


@dataclass(frozen=True, slots=True)
class World:
    """What an act works on.  `refresh` tells a running gateway that a system has changed, `look` that an agreement has."""

    site: Site
    store: Store
    keys: Keys
    refresh: Callable[[str], None] = lambda _system: None
    wake: Callable[[], None] = lambda: None
    reconcile: Callable[[str, str, reconcile.Asked], None] | None = None
    """Has a running gateway begin; None where there is none, and the act does it itself."""
    look: Callable[[], None] = lambda: None


def carry_out(world: World, kind: str, body: Mapping[str, Any], *, by: str, reason: str) -> Mapping[str, Any]:
    """Do one act and return what came of it, as plain JSON.  Raises Refused where it cannot be done."""
    act = ACTS.get(kind)
    if act is None:
        raise Refused(Problem(UNKNOWN, rule=f"the request {kind!r} is not known"))
    return _second(world, act, kind, body, by, reason) if rare(kind, body) else act(world, body, by, reason)


def rare(kind: str, body: Mapping[str, Any]) -> bool:
    """Whether an act takes two people: records are given up or destroyed, or sent again by the thousand."""
    return kind in {"discard", "erase"} or (kind == "replay" and not body["positions"])


def _second(world: World, act: Act, kind: str, body: Mapping[str, Any], by: str, reason: str) -> Mapping[str, Any]:
    """The first person asks; another one gives the same command, and it is done.  Both are in the ledger."""
    people.one_of_two(world.site.callers, by)
    first = world.store.seconds.asked(kind, body)
    if first is None:
        world.store.seconds.ask(kind, body, by=by, reason=reason)
        return {"asked": kind, "by": by}
    if agreed.same_person(by, first.by):
        raise Refused(Problem(SAME_PERSON, rule=f"{kind} was asked for by this person"))
    done = act(world, body, f"{first.by} and {by}", reason if reason == first.reason else f"{first.reason}; {reason}")
    world.store.seconds.done(kind, body)
    return done


def pending(world: World) -> None:
    """Carry out what commands have asked for, in order, and leave each its answer."""
    while (row := world.store.requests.pending()) is not None:
        try:
            result = carry_out(world, row.kind, row.body, by=row.by, reason=row.reason)
        except (Retry, Fatal):
            raise  # the store cannot take it now: the request stays
        except Refused as e:
            _failed(world, row.id, e.problems)
        except Halt as e:
            _failed(world, row.id, (e.problem,))
        except Exception as e:  # noqa: BLE001 - an edge: one request that fails must not end all others
            _failed(world, row.id, (Problem(FAULT, rule=f"{type(e).__name__} while it was carried out"),))
        else:
            world.store.requests.finish(row.id, result)


def _failed(world: World, request: int, problems: Sequence[Problem]) -> None:
    world.store.requests.finish(request, {"problems": [problem.as_dict() for problem in problems]}, failed=True)


STEPS: Mapping[str, Mapping[str, str]] = {
    "add": {"": "running", "retired": "running", "running": "running", "shadow": "shadow"},
    "shadow": {"": "shadow", "retired": "shadow", "shadow": "shadow"},
    "promote": {"shadow": "running"},
    "pause": {"running": "paused", "shadow": "paused-shadow"},
    "trip": {"running": "tripped", "shadow": "tripped-shadow", "paused": "tripped", "paused-shadow": "tripped-shadow"},
    "resume": {
        "running": "running",
        "shadow": "shadow",
        "paused": "running",
        "tripped": "running",
        "paused-shadow": "shadow",
        "tripped-shadow": "shadow",
    },
    "retire": dict.fromkeys(
        ("running", "shadow", "paused", "tripped", "paused-shadow", "tripped-shadow"), "retired"
    ),
}
"""Which step leads from which state of a system to which; "" is one that was never added."""


def step(state: str, act: str) -> str:
    """The state that a step leads to.  Raises Refused where it does not start there."""
    leads = STEPS[act]
    if state not in leads:
        raise Refused(Problem(NOT_NOW, rule=f"{act} does not start from {state or 'a system that was never added'}"))
    return leads[state]


def _system(world: World, body: Mapping[str, Any], by: str, reason: str) -> Mapping[str, Any]:
    name, act = body["system"], body["act"]
    row = world.store.systems.get(name)
    before = row.state if row is not None else ""
    after = step(before, act)
    digest = row.digest if row is not None else ""
    if act in ("add", "shadow", "promote"):
        system.load(world.site, name)  # what cannot run is refused before anything changes
        digest = system.digest(world.site.systems / name)
    world.store.systems.set(name, after, digest=digest, by=by, reason=reason)
    resumed = _resume(world, name, by, reason, quarantine=bool(body.get("quarantine"))) if act == "resume" else []
    world.refresh(name)
    return {"system": name, "before": before, "state": after, "resumed": resumed}


def _resume(world: World, name: str, by: str, reason: str, *, quarantine: bool) -> list[str]:
    """Let the halted feeds of a system go on; with `quarantine` even through a flood of rejects."""
    halted = [row for row in world.store.journal.feeds() if row.system == name and row.state == "halted"]
    for row in halted:
        if quarantine:
            line.let_through(world.site, row.id)
        world.store.journal.state(row.id, "running", by=by, reason=reason)
    return [row.feed for row in halted]


def _release(world: World, body: Mapping[str, Any], by: str, reason: str) -> Mapping[str, Any]:
    feed, terms = _feed_of_quarantined(world, body["position"])
    released = world.store.quarantine.release(body["position"], _decode(world, feed), terms, by=by, reason=reason)
    world.wake()
    return {"position": released.position, "events": released.events, "went_on": released.accepted, "late": released.late}


def _discard(world: World, body: Mapping[str, Any], by: str, reason: str) -> Mapping[str, Any]:
    feed, terms = _feed_of_quarantined(world, body["position"])
    gone = world.store.quarantine.discard(body["position"], _decode(world, feed), terms, by=by, reason=reason)
    world.wake()
    return {"position": gone.position, "went_on": gone.accepted}


def _remap(world: World, body: Mapping[str, Any], by: str, reason: str) -> Mapping[str, Any]:
    changed = differences(world, body, by=by, reason=reason, dry_run=False)
    world.wake()
    return {"records": len({change["position"] for change in changed}), "events": len(changed)}


def differences(
    world: World, body: Mapping[str, Any], *, by: str, reason: str, dry_run: bool, shown: Callable[[int], None] = lambda _n: None
) -> list[dict[str, Any]]:
    """What re-mapping the latest original of every name of a system changes: paths, never values."""
    found: list[dict[str, Any]] = []
    for row, feed, terms in _feeds(world, body["system"], body.get("feed", "")):
        after = 0
        while positions := world.store.remap.latest(row.id, after, 500):
            for position in positions:
                made = world.store.remap.remap(position, _decode(world, feed), terms, by=by, reason=reason, dry_run=dry_run)
                found += [_difference(row, change) for change in made]
            after = positions[-1]
            shown(len(positions))
    return found


def _difference(row: FeedRow, change: Any) -> dict[str, Any]:
    return {
        "system": row.system,
        "feed": row.feed,
        "position": change.position,
        "entity": change.entity,
        "action": change.action,
        "paths": list(change.paths),
    }


def replayed(world: World, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a replay would send: how many events, to which destinations."""
    found = _to_replay(world, body)
    return {"events": sum(len(positions) for _, _, positions in found), "destinations": [name for _, name, _ in found]}


def _replay(world: World, body: Mapping[str, Any], by: str, reason: str) -> Mapping[str, Any]:
    found = _to_replay(world, body)
    events = sum(world.store.deliveries.replay(id, positions, by=by, reason=reason) for id, _, positions in found)
    world.wake()
    return {"events": events, "destinations": [name for _, name, _ in found]}


def _retry(world: World, body: Mapping[str, Any], by: str, reason: str) -> Mapping[str, Any]:
    rows = [row for row, _ in _destinations(world, body)]
    events = sum(world.store.deliveries.retry(row.id, by=by, reason=reason) for row in rows)
    world.wake()
    return {"events": events, "destinations": [f"{row.agreement}/{row.name}" for row in rows]}


def _settle(world: World, body: Mapping[str, Any], by: str, reason: str) -> Mapping[str, Any]:
    """A person has looked at a legacy system: a parked delivery is there, or it is not."""
    position, called = body["position"], body["called"]
    rows = [row for row, _ in _destinations(world, body) if world.store.deliveries.parked(row.id, position)]
    record = world.store.journal.record(position)
    if len(rows) != 1 or record is None:
        raise Refused(Problem(NOT_PARKED, where=f"position {position}"))
    names = _names(world, rows[0], record.topic, called) if called else ()
    answer = Answer(position, record.partition, body["written"], called, names=names)
    world.store.remotes.decide(rows[0].id, position, answer, by=by, reason=reason)
    world.wake()
    return {"position": position, "written": body["written"]}


def _names(world: World, row: DestinationRow, topic: str, called: str) -> tuple[bytes, ...]:
    """How the system's own feeds would say the record that it calls so."""
    to = next(
        to for one in agreement.load_all(world.site.agreements) if one.name == row.agreement for to in one.destinations if to.name == row.name
    )
    feed = system.load(world.site, to.system).feeds.get(to.feed)
    mapping = feed.writes.get(topic.split(".")[2]) if feed is not None else None
    return (Tokens(world.keys, to.system).name(mapping.kind, called),) if mapping is not None else ()


def _retell(world: World, body: Mapping[str, Any], by: str, reason: str) -> Mapping[str, Any]:
    """A queue was emptied: what took something back among its last messages is sent once more."""
    row = next(row for row, _ in _destinations(world, body))
    positions = world.store.disclosures.last_back(row.id, body["messages"])
    events = world.store.deliveries.replay(row.id, positions, by=by, reason=reason)
    said = {"agreement": body["agreement"], "destination": body["destination"], "messages": body["messages"], "told-again": events}
    world.store.ledger.note("queue-emptied", said, by=by, reason=reason)
    world.wake()
    return {"events": events}


def _to_replay(world: World, body: Mapping[str, Any]) -> list[tuple[int, str, list[int]]]:
    """Per destination: its id, its name, and the positions of the events that its agreement asks for."""
    return [
        (row.id, f"{row.agreement}/{row.name}", [out.position for out in _named(world, row.id, body) if wants(out.topic)])
        for row, wants in _destinations(world, body)
    ]


def _destinations(world: World, body: Mapping[str, Any]) -> list[tuple[DestinationRow, Callable[[str], bool]]]:
    """The open destinations that are named, each with what its agreement asks for.  Raises Refused where there is none."""
    asked = wanted(world.site, world.store)
    rows = [
        (row, to.asks)
        for row in world.store.deliveries.destinations()
        if row.agreement == body["agreement"]
        and body["destination"] in ("", row.name)
        and (to := asked.get((row.agreement, row.name)))
        and to.open
    ]
    if not rows:
        raise Refused(Problem(NO_DESTINATION, rule=f"the agreement {body['agreement']} has no such destination open"))
    return rows


def _named(world: World, destination: int, body: Mapping[str, Any]) -> Iterator[Outgoing]:
    """The events that are named: by position, by system and what they come after, or by the day they were recorded."""
    if body["positions"]:
        yield from world.store.deliveries.events(body["positions"])
        return
    since, settled = body.get("since", 0), world.store.deliveries.positions(destination)
    start = world.store.deliveries.before(since) if since else body["after"]
    for feed in world.store.journal.feeds():
        after = start
        while (since or feed.system == body["system"]) and (rows := world.store.deliveries.read(destination, feed.id, after, 500)):
            # What was never sent is on its way by itself.
            yield from (row for row in rows if not since or row.position <= settled.get(feed.id, 0))
            after = rows[-1].position


def _reconcile(world: World, body: Mapping[str, Any], by: str, reason: str) -> Mapping[str, Any]:
    """Begun by the running gateway, which keeps what it finds in the store; else done here and now."""
    loaded = system.load(world.site, body["system"])
    feed = loaded.feeds[body["feed"]]
    asked = reconcile.Asked(reconcile.first_day(feed, context.now()), removals=bool(body.get("removals")), by=by, reason=reason)
    if world.reconcile is not None:
        world.reconcile(loaded.name, feed.name, asked)
        return {"state": "begun"}
    row = world.store.systems.get(loaded.name)
    if row is None or row.state not in ("running", "shadow"):
        raise Refused(Problem(reconcile.NOT_ASKED, rule=f"the system is {row.state if row else 'not added'}"))
    lent = context.build(world.site, world.keys, context.Quiet(), threading.Event())
    known = world.store.journal.feed(loaded.name, feed.name)
    state, found = reconcile.here(world.store, feed, known, lent, asked, shadow=row.state == "shadow")
    return {"state": state, "found": found}


def _seal(world: World, body: Mapping[str, Any], by: str, reason: str) -> Mapping[str, Any]:
    """The first person's wish, or the second's act."""
    people.one_of_two(world.site.callers, by)
    position, act = body["position"], body["act"]
    record = world.store.journal.record(position)
    row = next((row for row in world.store.journal.feeds() if record is not None and row.id == record.feed), None)
    if row is None:
        raise Refused(Problem(NO_RECORD, rule=f"there is no record at position {position}"))
    feed = system.load(world.site, row.system).feeds.get(row.feed)
    if feed is None:
        raise Refused(Problem(system.MISSING, rule=f"system.yaml of {row.system} no longer has the feed {row.feed}"))
    terms = _terms(world, feed)
    said = world.store.seals.act(act, position, terms, authority=body["authority"], by=by, same=agreed.same_person)
    world.wake()
    return {"position": position, "state": said.state if said is not None else "unsealed"}


def _agreement(world: World, body: Mapping[str, Any], by: str, reason: str) -> Mapping[str, Any]:
    name = body["agreement"]
    if body["act"] == "suspend":
        world.store.agreements.suspend(name, by=by, reason=reason)
        world.look()
        return {"agreement": name, "state": "suspended"}
    called = people.one_of_two(world.site.callers, by)
    read = agreed.approve(world.site, world.store, name, body["digest"], by=by, called=called, reason=reason)
    world.look()
    return {"agreement": name, "state": "approved", "digest": read.digest}


def _erase(world: World, body: Mapping[str, Any], by: str, reason: str) -> Mapping[str, Any]:
    erased = world.store.erase.erase(body["positions"], by=by, reason=reason, authority=body.get("authority", ""))
    archive = Archive(world.site.var / "archive", world.keys)
    documents = sum(archive.forget(sha256) for sha256 in erased.documents)
    clean = erased.clean or world.store.erase.scrub()
    return {"names": erased.names, "rows": erased.rows, "documents": documents, "clean": clean}


def _feeds(world: World, name: str, only: str) -> list[tuple[FeedRow, system.Feed, Intake]]:
    loaded = system.load(world.site, name)
    if only and only not in loaded.feeds:
        raise Refused(Problem(NO_FEED, where=f"{name}/{only}"))
    return [
        (world.store.journal.feed(name, feed.name), feed, _terms(world, feed))
        for feed in loaded.feeds.values()
        if only in ("", feed.name)
    ]


def _terms(world: World, feed: system.Feed) -> Intake:
    """As the feed's own intake has them: what is in shadow stays undelivered here too."""
    row = world.store.systems.get(feed.system)
    return intake.terms(feed, shadow=row is not None and row.state.endswith("shadow"))


def _feed_of_quarantined(world: World, position: int) -> tuple[system.Feed, Intake]:
    entry = world.store.quarantine.entry(position)
    if entry is None:
        raise Refused(Problem(NO_RECORD, rule=f"nothing is quarantined at position {position}"))
    feed = system.load(world.site, entry.system).feeds.get(entry.feed)
    if feed is None:
        raise Refused(Problem(system.MISSING, rule=f"system.yaml of {entry.system} no longer has the feed {entry.feed}"))
    return feed, _terms(world, feed)


def _restored(world: World, body: Mapping[str, Any], by: str, reason: str) -> Mapping[str, Any]:
    """The store came from a backup, and people go on with it."""
    return {"agreements": mark.accept(world.site.var, world.store, by=by, reason=reason)}


def _decode(world: World, feed: system.Feed) -> chain.Decode:
    """How a kept original of a feed is read again."""
    if feed.adapter.kind != inbound.KIND:
        return feed.decode
    return chain.decoding(world.store, feed.system, world.store.journal.feed(feed.system, feed.name).id, feed.decode)


def _note(world: World, body: Mapping[str, Any], by: str, reason: str) -> Mapping[str, Any]:
    """Write down that something was done, or is about to be: that values are shown, that the topology was applied."""
    said = {key: value for key, value in body.items() if key != "kind"}
    return {"leaf": world.store.ledger.note(body["kind"], said, by=by, reason=reason)}


ACTS: Mapping[str, Act] = {
    "note": _note,
    "agreement": _agreement,
    "system": _system,
    "release": _release,
    "discard": _discard,
    "remap": _remap,
    "erase": _erase,
    "reconcile": _reconcile,
    "seal": _seal,
    "replay": _replay,
    "retry": _retry,
    "restored": _restored,
    "retell": _retell,
    "settle": _settle,
}
