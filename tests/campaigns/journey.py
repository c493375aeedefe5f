"""One round over the whole path: files come in, something is hurt, it runs again, and what the consumer has then.

The consumer is the site's own log, or the queue of a real broker.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.campaigns import faults, rig
from tests.campaigns.tally import Arrival, Tally
from tests.peers.rabbitmq import RabbitMQ

FILES, ROWS = 4, 30
KILLS = 3
"""So many times one site is killed before it may run to its end."""


@contextmanager
def site(broker: RabbitMQ | None, random_: random.Random, *, url: str = "") -> Iterator[rig.Rig]:
    """A site of its own; with a broker, its exchange and queue are there as long as it is."""
    with tempfile.TemporaryDirectory(prefix="copperline-") as folder:
        if broker is None:
            yield rig.Rig(Path(folder))
            return
        made = rig.Rig(Path(folder), broker_url=url or broker.url, name=f"trial-{random_.randrange(1 << 30)}")
        applied = made.run("topology", "apply", "--yes", "--reason", "campaign")
        if applied.code:
            raise RuntimeError(applied.errors)
        try:
            yield made
        finally:
            with broker.channel() as channel:
                channel.queue_delete(made.queue)
                channel.exchange_delete(made.queue)


def arrivals(made: rig.Rig, broker: RabbitMQ | None) -> list[Arrival]:
    """Everything that came to the consumer, in order of arrival."""
    return made.log() if broker is None else rig.from_bodies([body for _, body in broker.drain(made.queue)])


def fill(made: rig.Rig, random_: random.Random, *, files: int = FILES, rows: int = ROWS) -> list[str]:
    """Files lie in the inbox; returns what the source calls their records."""
    made_files = rig.documents(random_, files=files, rows=rows)
    return [record for name, lines in made_files for record in made.drop(name, lines)]


def finish(
    made: rig.Rig, broker: RabbitMQ | None, accepted: list[str], tally: Tally, fired: int, mutant: str = ""
) -> None:
    """Run to the end without a fault, and lay what came beside what was sent."""
    ended = faults.run(made.once(mutant=mutant), env=made.env)
    if ended.code:
        tally.extra["failed"] = ended.errors[-2000:]
    else:
        tally.recovered += fired
    tally.add(accepted, arrivals(made, broker))


class Kills:
    """Kills the whole gateway at calls that a run without faults has shown to happen."""

    def __init__(self, broker: RabbitMQ | None, *, kills: int = KILLS) -> None:
        self._broker = broker
        self._kills = kills
        self._calls: Counter[str] = Counter()

    def once(self, random_: random.Random, tally: Tally, *, mutant: str = "", where: str = "") -> None:
        """One round; `where` names the call at which to strike."""
        self._measure(random_)
        with site(self._broker, random_) as made:
            accepted = fill(made, random_)
            fired = 0
            for _ in range(self._kills):
                tally.attempted += 1
                call = where or random_.choice(sorted(self._calls))
                nth = random_.randint(1, self._calls[call])
                fired += faults.killed_at_call(made.once(mutant=mutant), call, nth, env=made.env).fired
            tally.fired += fired
            finish(made, self._broker, accepted, tally, fired, mutant)

    def _measure(self, random_: random.Random) -> None:
        if not self._calls:
            with site(self._broker, random_) as made:
                fill(made, random_)
                self._calls = faults.calls(made.once(), env=made.env)
