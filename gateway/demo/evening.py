"""The evening, act by act; after each, what the two city services hold is compared with their agreements."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.demo import papers
from gateway.demo.stage import SERVICES, Stage

NIGHT = 5_000
"""Calls in the file in whose midst the gateway is killed."""


CITY = ("street-lighting", "traffic-control", "hot-spots", "neighbourhood")
"""The services of examples/."""


class Evening:
    """Plays the acts in order and remembers what did not go as told."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._wrong: list[str] = []

    def play(self) -> list[str]:
        """The whole evening.  Returns what went wrong, one sentence each; empty where all went as told."""
        for act in (self._registers, self._call, self._units, self._recordings, self._arrest, self._correction, self._outage, self._power, self._city, self._proof):
            act()
        for sentence in self._wrong:
            self._stage.say(f"WRONG: {sentence}")
        return self._wrong

    def _registers(self) -> None:
        self._stage.act("18:00  Three systems are registered", "No program is written: three templates, two agreements, one check.")
        if self._stage.relay is None:
            self._stage.say("  Left out: RabbitMQ. No broker is named or installed, so both services read the site's own log.")
        self._stage.build()

    def _call(self) -> None:
        self._stage.act("21:04  A collision, and a row that nobody can read", "The dispatch export holds two calls; the second has no readable time.")
        self._stage.arrives("inbox/calls", "calls-2104.csv", papers.table(papers.CALLS, [papers.COLLISION, papers.UNREADABLE]))
        ran = self._stage.run()
        self._expect(ran, read=2, accepted=1, quarantined=1)
        self._stage.say(self._stage.copperline("quarantine", "list").rstrip())
        self._expect_events("street-light", 1)
        self._expect_events("city-map", 1)

    def _units(self) -> None:
        self._stage.act("21:05  Two units", "The map may know that units are busy in a district; the light has not asked.")
        self._stage.arrives("inbox/units", "units-2111.csv", papers.table(papers.UNITS, papers.TWO_UNITS))
        self._expect(self._stage.run(), read=2, accepted=2)
        self._expect_events("street-light", 0)
        self._expect_events("city-map", 2)

    def _recordings(self) -> None:
        self._stage.act("22:10  Two body-worn camera recordings", "Metadata only, linked to the incident; neither service is party to them.")
        self._stage.arrives("inbox/recordings", "upload.csv", papers.table(papers.RECORDINGS, papers.TWO_RECORDINGS))
        self._expect(self._stage.run(), read=2, accepted=2)
        self._expect_events("street-light", 0)
        self._expect_events("city-map", 0)

    def _arrest(self) -> None:
        self._stage.act("22:40  An arrest", "The records system submits a NIBRS Group B arrest. Its persons go to nobody outside.")
        self._stage.arrives("inbox/nibrs", "XX0000000_20260612_NIBRS_1.txt", papers.arrest())
        self._expect(self._stage.run(), read=1, accepted=1)
        self._expect_events("street-light", 1)
        self._expect_events("city-map", 1)

    def _correction(self) -> None:
        self._stage.act("22:55  A correction", "The call is closed as another type. Both get the new state under the partition key they know.")
        self._stage.arrives("inbox/calls", "calls-2255.csv", papers.table(papers.CALLS, [papers.CLOSED]))
        self._expect(self._stage.run(), read=1, accepted=1)
        for service in SERVICES:
            for event in self._expect_events(service, 1):
                self._check(event["type"] == "police.incident.updated.v1", f"{service}: the correction came as {event['type']}")

    def _outage(self) -> None:
        relay = self._stage.relay
        if relay is None:
            return
        self._stage.act("23:20  The broker cannot be reached", "The cable is pulled. A file still arrives: it is journalled, and waits.")
        relay.cut()
        self._stage.arrives("inbox/calls", "calls-2320.csv", papers.table(papers.CALLS, [{**papers.COLLISION, "nopd_item": "J0912026"}]))
        ran = self._stage.run(timeout="4s")
        self._expect(ran, read=1, accepted=1, in_progress=3)
        self._stage.act("23:30  The cable is back", "Nothing was lost, and nobody had to do anything.")
        relay.mend()
        self._expect(self._stage.run(), read=0, delivered=3)
        for service in SERVICES:
            self._expect_events(service, 1)

    def _power(self) -> None:
        self._stage.act("23:55  The power fails", f"A file of {NIGHT:,} calls is being read when the process is killed.")
        self._stage.arrives("inbox/calls", "calls-night.csv", papers.night(NIGHT))
        before = self._stage.status_read()
        had = self._stage.kill_in_midst(before + NIGHT // 10) - before
        self._stage.say(f"  it had journalled {had:,} of them")
        ran = self._stage.run(timeout="60s")
        self._check(self._stage.status_read() - before == NIGHT, "the file was not answered for exactly once")
        self._check(ran["quarantined"] == 0, "the power failure cost a record")
        for service in SERVICES:
            ids = [event["id"] for event in self._given(service)]
            self._check(len(set(ids)) == NIGHT, f"{service} holds {len(set(ids))} of {NIGHT} calls")
            self._stage.say(f"  {service} holds all {len(set(ids)):,} calls, each once by its id")

    def _city(self) -> None:
        if self._stage.relay is None:
            return
        self._stage.act("00:10  Four services of the city", "Each is one page of plain pika and an agreement: examples/. Nobody but them knows what they do.")
        self._stage.connect(CITY)
        day = datetime.now(UTC) - timedelta(days=2)
        self._stage.arrives("inbox/calls", "calls-0010.csv", papers.table(papers.CALLS, [papers.collision(day)]))
        self._expect(self._stage.run(), read=1, accepted=1)
        raised = [json.loads(line) for line in self._stage.serve("street-lighting")]
        self._check([(order["zone"], order["level"]) for order in raised] == [("3", 1.0)], "the light of zone 3 was not raised, once")
        self._check(len(self._stage.serve("traffic-control")) == 1, "bollards were not proposed, once")
        self._stage.say("  A person at the traffic office looks, and raises them:")
        self._stage.serve("traffic-control", "confirm", "1")
        self._stage.serve("hot-spots")
        (figures,) = self._stage.serve("hot-spots", "publish", day.date().isoformat())
        self._check(set(json.loads(figures)["areas"].values()) == {None}, "a small count was published")
        self._stage.serve("neighbourhood")
        told = self._stage.feed()
        self._stage.say(f"  the neighbourhood reads: {' '.join(told)}")
        self._check(len(told) == 1 and told[0].startswith("District 3: a collision, "), "the neighbourhood reads something else")
        self._stage.say("00:40  The collision is over, and the alert of the traffic office has come in: the road is closed.")
        self._stage.arrives("inbox/calls", "calls-0040.csv", papers.table(papers.CALLS, [papers.collision(day, closed=True)]))
        self._expect(self._stage.run(), read=2, accepted=2)
        lowered = [json.loads(line) for line in self._stage.serve("street-lighting")]
        self._check([order["level"] for order in lowered] == [0.6], "the light was not lowered when the collision was over")

    def _proof(self) -> None:
        self._stage.act("01:00  Who can prove it?", "Every batch and every delivery is a leaf of the ledger.")
        self._stage.say(self._stage.copperline("ledger", "verify").rstrip())
        self._stage.say(self._stage.copperline("status").rstrip())

    def _expect(self, ran: Any, **figures: int) -> None:
        for key, wanted in figures.items():
            self._check(ran[key] == wanted, f"{key} is {ran[key]}, not {wanted}")
        self._check(ran["read"] == ran["accepted"] + ran["unchanged"] + ran["late"] + ran["quarantined"], "records do not add up")

    def _expect_events(self, service: str, count: int) -> list[dict[str, Any]]:
        given = self._given(service)
        self._check(len(given) == count, f"{service} was given {len(given)} events, not {count}")
        for event in given:
            self._stage.say(f"  {service} ← {event['type']}  {json.dumps(event['data'], ensure_ascii=False)[:160]}")
        return given

    def _given(self, service: str) -> list[dict[str, Any]]:
        """What a service was newly given; whatever its agreement does not name is a fault."""
        given = self._stage.received(service)
        for event in given:
            allowed = SERVICES[service]["fields"].get(event["type"].split(".")[1], ())
            for path in _paths(event["data"]):
                named = any(path == each or path.startswith(f"{each}.") for each in allowed)
                self._check(named, f"{service} was given {path}, which its agreement does not name")
        return given

    def _check(self, holds: bool, sentence: str) -> None:
        if not holds and sentence not in self._wrong:
            self._wrong.append(sentence)


def _paths(value: Any, at: str = "") -> Iterator[str]:
    """The dotted paths of all plain values; lists are walked without being named."""
    match value:
        case dict():
            for name, item in value.items():
                yield from _paths(item, f"{at}.{name}" if at else name)
        case list():
            for item in value:
                yield from _paths(item, at)
        case _:
            yield at
