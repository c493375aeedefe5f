"""Agreements: nothing leaves but through one.

A file says who may receive which topics and which fields, for what purpose and until when.  It is
compiled to a projector, which builds every outgoing event anew from what the agreement names; an
unknown field, an error or an expired agreement means that nothing leaves.
"""

from __future__ import annotations

from gateway.agreement.envelope import CONTENT_TYPE, PREFIX, Fixed, Projected
from gateway.agreement.file import asked, load, load_all
from gateway.agreement.projector import ALL, Outgoing, Projector, Withheld
from gateway.agreement.topics import matcher, matches
from gateway.agreement.values import Agreement, Destination, Limits, exchange
from gateway.event import Keys

__all__ = [
    "ALL",
    "CONTENT_TYPE",
    "PREFIX",
    "Agreement",
    "Destination",
    "Fixed",
    "Limits",
    "Outgoing",
    "Projected",
    "Projector",
    "Withheld",
    "asked",
    "compile",
    "exchange",
    "load",
    "load_all",
    "matcher",
    "matches",
]


def compile(agreement: Agreement, keys: Keys) -> Projector:
    """The projector of an agreement, with a key of its own.  One a thread."""
    return Projector(
        key=keys.derive("agreement:" + agreement.name),
        wants=matcher(agreement.topics),
        allowed=agreement.fields,
        only_classified=not agreement.law_enforcement,
        backfill=agreement.backfill,
    )
