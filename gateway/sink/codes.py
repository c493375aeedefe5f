"""Why a legacy system was not written to, or did not take a record."""

from __future__ import annotations

from gateway.errors import code

NO_FEED = code(
    "sink.no-feed",
    "the destination names a system or a feed that cannot be written to",
    "Name a feed whose mappings begin with to:, and add its system: copperline docs sinks.",
)
NOT_RUNNING = code(
    "sink.not-running",
    "the system is not running (paused, tripped, in shadow, halted or retired), so nothing is written to it",
    "Its deliveries wait in the journal. See copperline systems list, then: copperline systems resume.",
)
AWAY = code(
    "sink.away",
    "the system does not answer, or asked to be left alone for a while",
    "Nothing is lost: deliveries wait in the journal and are tried again with growing waits. See whether the system runs.",
)
NO_MAPPING = code(
    "sink.no-mapping",
    "the sink has no mapping for events of this entity",
    "Name a mapping with to: for the entity under mappings: of the feed, or have the agreement ask for less; then: copperline deliveries retry AGREEMENT.",
)
SEVERAL = code(
    "sink.several",
    "the mapping makes several records of one event, and a sink takes one",
    "Write one record for each event: leave out each: in the mapping; then: copperline deliveries retry AGREEMENT.",
)
UNMAPPABLE = code(
    "sink.unmappable",
    "the event cannot be put into the legacy system's terms",
    "See why with `copperline deliveries show`, mend the mapping or its code lists; then: copperline deliveries retry AGREEMENT.",
)
REFUSED = code(
    "sink.refused",
    "the legacy system refused the record",
    "See why with `copperline deliveries show`. Mend the record at its source, the mapping, or the system; then: copperline deliveries retry AGREEMENT.",
)
AMBIGUOUS = code(
    "sink.ambiguous",
    "nobody can tell whether the legacy system has the record: it has neither a key nor a way to read back",
    "Look in the legacy system, then: copperline deliveries settle AGREEMENT POSITION --written, or --not-written to have it tried again.",
)
PENDING = code(
    "sink.pending",
    "the legacy system took the record and has not decided on it yet",
    "Nothing to do: it is asked again until it has decided.",
)
LATER = code(
    "sink.later",
    "the legacy system did not take the record now",
    "It is tried again by itself; after eight times it is parked. See why with `copperline deliveries show`.",
)
BROKEN = code(
    "sink.broken",
    "the adapter's sink did not answer for every record that it was given",
    "Whether they were written is unknown, so they are read back at the next try. Report it to the adapter's author; then: copperline systems resume.",
)
TWICE = code(
    "sink.twice",
    "two destinations write to one feed of a legacy system",
    "Make a feed of its own for each, or give both agreements' topics to one destination.",
)
