"""Whether the broker's disk has room for all that its queues may hold.

A full queue makes the journal wait for one consumer; a full disk makes it wait for all.  So the limits of
every queue, added up, stay below what `broker_disk` in site.yaml says that the broker may fill.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.agreement import Agreement, exchange
from gateway.errors import Problem, code
from gateway.site import Site
from gateway.topology import Publisher

EVENT_BYTES = 8 << 10
"""What a message takes where only their number is limited: with its headers few events are larger."""

UNLIMITED = code(
    "broker.unlimited",
    "a queue has no limit, so a consumer that is away fills the broker's disk, and then nobody is delivered to",
    "Give the destination limits: {megabytes: N} (or length), have the agreement approved again, then: copperline topology plan.",
)
TOO_LARGE = code(
    "broker.too-large",
    "all queues together may hold more than the broker's disk has room for",
    "Lower the limits of some, or raise broker_disk in site.yaml once the disk is larger.",
)


def problems(site: Site, agreements: Iterable[Agreement], publishers: Iterable[Publisher]) -> Iterator[Problem]:
    """What is amiss where site.yaml says how much there is; nothing where it does not."""
    disk = site.settings.broker_disk
    if not disk:
        return
    held = {**dict(_queues(agreements)), **{one.queue: one.length * EVENT_BYTES for one in publishers}}
    for queue, most in held.items():
        if not most:
            yield Problem(UNLIMITED, path="limits", where=queue)
    if (together := sum(held.values())) > disk:
        yield Problem(TOO_LARGE, path="broker_disk", where="site.yaml", rule=f"{len(held)} queues may hold {together >> 20} MB, and broker_disk is {disk >> 20} MB")


def _queues(agreements: Iterable[Agreement]) -> Iterator[tuple[str, int]]:
    """Each queue, and the bytes that it may hold; 0 where that is not limited."""
    for one in agreements:
        for to in one.destinations:
            if to.via == "bus":
                yield exchange(one.name, to.name), (to.limits.megabytes << 20) or to.limits.length * EVENT_BYTES
