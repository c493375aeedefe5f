"""RabbitMQ stopped, killed and started under load, and connections dropped in mid-file.

The gateway runs all the while and files keep coming.  In the end every record is in the queue: as
often as it had to be sent, under one id, and in order.
"""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Callable

from tests import peers
from tests.campaigns import faults, journey, rig
from tests.campaigns.tally import Tally
from tests.campaigns.trial import Tell, hunt
from tests.peers.rabbitmq import RabbitMQ

MUTANTS = ("settle-before-confirm",)
SETTLED_S = 5.0
"""A quorum queue that was declared less than about a second before its node is killed may not come back."""
RETURN_S = 20.0
"""After an outage the gateway takes its time to connect again."""
ROWS = 200


def campaign(count: int, seed: int, tell: Tell, *, broker: RabbitMQ) -> Tally:
    """`count` faults on one running gateway, then the mutants."""
    random_ = random.Random(seed)
    tally = Tally("broker")
    proxy = faults.Proxy(broker.port)
    try:
        under_load(count, random_, tally, broker, proxy, tell)

        def dropped(again: random.Random, account: Tally, *, mutant: str = "") -> None:
            dropped_once(again, account, broker, proxy, mutant=mutant)

        dropped(random_, tally)
        hunt(MUTANTS, tally, 8, random_, dropped, tell)
    finally:
        proxy.close()
    return tally


def under_load(
    count: int, random_: random.Random, tally: Tally, broker: RabbitMQ, proxy: faults.Proxy, tell: Tell
) -> None:
    """One gateway that runs on while its broker fails `count` times."""
    kinds: dict[str, Callable[[], bool]] = {
        "drop": lambda: proxy.wait_open(RETURN_S) and proxy.drop(),
        "kill": lambda: _restarted(broker.kill, broker),
        "stop": lambda: _restarted(broker.stop, broker),
    }
    with journey.site(broker, random_, url=_through(proxy, broker)) as made:
        settled = time.monotonic() + SETTLED_S
        source = rig.documents(random_, files=20 * count + 20, rows=ROWS)
        gateway = subprocess.Popen(
            made.command("run"), env=made.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        accepted: list[str] = []
        fired = 0
        for number in range(count):
            accepted += _come_in(made, source, 6)
            kind = sorted(kinds)[number % len(kinds)]
            time.sleep(0 if kind == "drop" else max(0.0, settled - time.monotonic()))
            struck = kinds[kind]()
            fired += struck
            tally.attempted += 1
            tell(f"fault {number + 1}: {kind}{'' if struck else ' came when no connection was open'}")
            accepted += _come_in(made, source, 2)
        gateway.send_signal(signal.SIGTERM)
        gateway.wait(60)
        tally.fired += fired
        journey.finish(made, broker, accepted, tally, fired)


def dropped_once(
    random_: random.Random, tally: Tally, broker: RabbitMQ, proxy: faults.Proxy, *, mutant: str = ""
) -> None:
    """One run over some files, its connection dropped while they are being published."""
    with journey.site(broker, random_, url=_through(proxy, broker)) as made:
        accepted = journey.fill(made, random_, rows=ROWS)
        drops = proxy.drops
        proxy.drop_after(random_.randrange(20_000, 300_000))
        faults.run(made.once(mutant=mutant), env=made.env)
        proxy.drop_after(0)
        fired = proxy.drops - drops
        tally.attempted += 1
        tally.fired += fired
        journey.finish(made, broker, accepted, tally, fired, mutant)


def _come_in(made: rig.Rig, source: object, files: int) -> list[str]:
    accepted = []
    for _ in range(files):
        name, lines = next(source)  # type: ignore[call-overload]  # a generator of documents
        accepted += made.drop(name, lines)
        time.sleep(0.15)
    return accepted


def _restarted(end: Callable[[], None], broker: RabbitMQ) -> bool:
    end()
    time.sleep(0.5)
    broker.start()
    return True


def _through(proxy: faults.Proxy, broker: RabbitMQ) -> str:
    return broker.url.replace(f":{broker.port}/", f":{proxy.port}/")


def main(count: int, seed: int, tell: Tell) -> Tally:
    """As started by a person: with a broker of its own."""
    with peers.started(RabbitMQ, tell) as broker:
        if broker is None:
            raise SystemExit("this campaign is about a broker")
        return campaign(count, seed, tell, broker=broker)
