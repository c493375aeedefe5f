"""Agreements: nothing leaves but through one.

A file says who may receive which records and which of their fields, why, on what authority and
until when.  It is compiled to a projector, which builds every outgoing event anew from what the
agreement names; an unknown field, an error or an expired agreement means that nothing leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gateway.agreement import older, points, selection, treatment
from gateway.agreement.envelope import CONTENT_TYPE, PREFIX, Fixed, Projected
from gateway.agreement.file import POINTS, Wording, is_name, load, load_all, on_disk, read, wording
from gateway.agreement.older import concerned
from gateway.agreement.projector import ALL, Outgoing, Projector, Terms, Withheld
from gateway.agreement.register import entry
from gateway.agreement.spoken import speaker
from gateway.agreement.topics import asked, bound, matcher, matches
from gateway.agreement.treatment import Token, Treat, tokens
from gateway.agreement.values import Agreement, Destination, Limits, exchange
from gateway.event import Keys

__all__ = [
    "ALL",
    "CONTENT_TYPE",
    "POINTS",
    "PREFIX",
    "Agreement",
    "Destination",
    "Fixed",
    "Limits",
    "Outgoing",
    "Projected",
    "Projector",
    "Terms",
    "Withheld",
    "Wording",
    "asked",
    "bound",
    "compile",
    "concerned",
    "entry",
    "exchange",
    "is_name",
    "load",
    "load_all",
    "matcher",
    "matches",
    "on_disk",
    "read",
    "wording",
]


def compile(agreement: Agreement, keys: Keys, *, format: str = "") -> Projector:
    """The projector of an agreement, with a key of its own.  One a thread."""
    return Projector(
        key=keys.derive("agreement:" + agreement.name),
        wants=matcher(agreement.topics),
        allowed=agreement.fields,
        outside=not agreement.law_enforcement,
        backfill=agreement.backfill,
        terms=_terms(agreement, keys),
        say=speaker(format) if format else None,
        past=None if (version := older.asked(agreement.topics)) is None else older.past(version),
    )


def _terms(agreement: Agreement, keys: Keys) -> Terms:
    token = Token(partial(_token, keys, agreement), agreement.epoch)
    treats = {
        entity: {path: _treat(agreement, how, token) for path, how in fields.items()}
        for entity, fields in agreement.treatments.items()
    }
    asked = {*agreement.select, *agreement.leave_out}
    chosen = {entity: selection.compile(entity, agreement.select, agreement.leave_out) for entity in asked}
    coarse = {entity: treatment.coarsest(fields) for entity, fields in agreement.treatments.items()}
    uses_tokens = any(how == "token" for fields in agreement.treatments.values() for how in fields.values())
    return Terms(
        chosen={entity: one for entity, one in chosen.items() if one is not None},
        treats=treats,
        coarse={entity: unit for entity, unit in coarse.items() if unit is not None},
        token=token if uses_tokens else None,
        includes=agreement.includes,
    )


def _token(keys: Keys, agreement: Agreement, epoch: str) -> Callable[[bytes], str]:
    """Makes the tokens of one epoch: under a key of this agreement, this purpose and this epoch."""
    return tokens(keys.derive(f"token\x00{agreement.name}\x00{agreement.purpose}\x00{epoch}"))


def _treat(agreement: Agreement, how: str, token: Token) -> Treat:
    """What is made of a field."""
    match treatment.parse(how):
        case "token", _:
            return treatment.each(token)
        case "snap", name:
            return treatment.each(points.snap(agreement.points[name]))
        case _, unit:
            return treatment.each(treatment.floor(treatment.unit(unit)))
