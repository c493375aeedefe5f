"""Why an agreement lets nothing of an event leave."""

from __future__ import annotations

from gateway.errors import code

NOT_ASKED = code(
    "agreement.not-asked",
    "The agreement does not ask for the topic of this event.",
    "Nothing to do: the event goes to those who asked for it.",
)
NO_FIELD = code(
    "agreement.no-field",
    "The agreement names no field for this entity, or nothing that it names was left to send.",
    "Name fields for the entity in the agreement if its recipient should receive them.",
)
BACKFILL = code(
    "agreement.backfill",
    "The event is part of a database's first snapshot, which the agreement does not ask for.",
    "Set `backfill: true` in the agreement if its recipient should receive it.",
)
UNREADABLE = code(
    "agreement.unreadable",
    "The kept record could not be read as a JSON object, so nothing of it was sent.",
    "Run `copperline doctor`; then re-map the record.",
)
NOT_SELECTED = code(
    "agreement.not-selected",
    "The record is none of those that the agreement is about.",
    "Nothing to do; `select` and `leave_out` in the agreement say which records it is about.",
)
UNTRANSLATED = code(
    "agreement.untranslated",
    "The older major version that the agreement asks for has no words for this record.",
    "Nothing to do; ask for the newest major version in `topics` before the older one ends.",
)
NO_WORDS = code(
    "agreement.no-words",
    "The destination's format has no words for this event.",
    "Nothing to do; leave `format` out of the destination where its recipient should receive the plain event.",
)
EXCLUDED = code(
    "agreement.excluded",
    "The record is of a category that stays within law enforcement.",
    "Nothing to do. Where the law lets the recipient have the category, name it under `includes`; then have the agreement approved again.",
)
SEALED = code(
    "agreement.sealed",
    "The record is sealed: it leaves through no agreement.",
    "Nothing to do; `copperline seals` shows what a person sealed, and on what authority.",
)
NOT_GIVEN = code(
    "agreement.not-given",
    "The event takes something back that this recipient was never given.",
    "Nothing to do: who holds nothing need not be told to forget it.",
)
SUPERSEDED = code(
    "agreement.superseded",
    "A later version of the record may no longer be given, so neither may this one.",
    "Nothing to do.",
)

TAKEN_BACK = frozenset({NO_FIELD, NO_WORDS, UNTRANSLATED, NOT_SELECTED, EXCLUDED, SEALED})
"""Whoever was given an earlier version of a record that now meets one of these is told to forget it."""
