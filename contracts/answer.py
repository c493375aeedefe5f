"""What a consumer answers about its own queue: how far it has read, and what it has deleted.

Both come in over its inbound exchange, as the data of a CloudEvent; neither is passed on to anybody.
"""

from __future__ import annotations

from contracts.parts import OURS, Day, Key, Part, field

QUEUE = r"^copperline\.[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*$"


class DayRead(Part):
    """How many events of one day a consumer has."""

    day: Day = field(OURS, "operational", "Day of `recordedtime`, in UTC", need=True)
    events: int = field(OURS, "operational", "Different ids of that day so far", need=True, ge=0)


class AnswerRead(Part):
    """How far a consumer has read, and how much; the latest answer holds."""

    queue: Key = field(OURS, "key", "The consumer's queue", need=True, pattern=QUEUE)
    agreementseq: int = field(OURS, "operational", "The highest number that it has read", need=True, ge=0)
    days: list[DayRead] | None = field(
        OURS, "operational", "The days that it has counted; others stay as they were said before"
    )


class AnswerDeleted(Part):
    """What a consumer no longer holds, after it was told to forget it."""

    queue: Key = field(OURS, "key", "The consumer's queue", need=True, pattern=QUEUE)
    ids: list[Key] = field(
        OURS,
        "key",
        "Ids of the `withdrawn` and `removed` events that it has carried out",
        need=True,
        min_length=1,
        max_length=1000,
    )
