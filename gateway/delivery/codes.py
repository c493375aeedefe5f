"""Why a destination, or one delivery, does not move."""

from __future__ import annotations

from gateway.errors import code

NOT_IN_FORCE = code(
    "delivery.not-in-force",
    "The agreement is not in force today, so its destinations receive nothing.",
    "Its events wait in the journal. Renew `valid` in the agreement, or remove the agreement.",
)
PAUSED = code(
    "delivery.paused",
    "A person paused this destination.",
    "Its events wait in the journal until it is resumed.",
)
FULL = code(
    "delivery.full",
    "So many deliveries failed one by one that the destination takes no new ones.",
    "See why with `copperline deliveries list`, mend it, then: copperline deliveries retry AGREEMENT.",
)
UNROUTED = code(
    "delivery.unrouted",
    "The destination exists, but nothing there takes events of this topic.",
    "Run `copperline topology apply`; then: copperline deliveries retry AGREEMENT.",
)
IN_DOUBT = code(
    "delivery.in-doubt",
    "The event's time is past, and nobody knows whether an earlier try reached the legacy system.",
    "Look in the legacy system, then: copperline deliveries settle AGREEMENT POSITION --written, or --not-written.",
)
REFUSED = code(
    "delivery.refused",
    "The destination refused this one event.",
    "It is probably larger than the broker allows: have the limit raised, or have the agreement name fewer fields; then: copperline deliveries retry AGREEMENT.",
)
