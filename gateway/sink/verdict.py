"""What an adapter's outcome means for a delivery."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from gateway.adapter import Outcome, OutRecord
from gateway.errors import Problem
from gateway.lane import Verdict
from gateway.sink.codes import AMBIGUOUS, LATER, PENDING, REFUSED
from gateway.store.rows import Aim, Answer

ASKED_AGAIN = timedelta(seconds=30)
"""When a pending delivery is asked about, unless the system says."""


def judged(aim: Aim, record: OutRecord, outcome: Outcome, names: Sequence[bytes], digest: bytes) -> Verdict:
    """The verdict on one record, with what is to be kept of the system's answer."""
    position = aim.position
    match outcome.state:
        case "written":
            gone = record.change == "remove"
            kept = Answer(position, aim.partition, True, outcome.remote_id, record.key, names, digest, gone, outcome.problems, outcome.answer)
            return Verdict(position, "delivered", answer=kept)
        case "pending":
            kept = _kept(aim, outcome, outcome.problems, pending=outcome.remote_id)
            return Verdict(position, "pending", PENDING.id, outcome.after or ASKED_AGAIN, answer=kept)
        case "refused":
            problems = outcome.problems or (Problem(REFUSED),)
            return Verdict(position, "parked", REFUSED.id, answer=_kept(aim, outcome, problems))
        case "ambiguous":
            problems = outcome.problems or (Problem(AMBIGUOUS),)
            return Verdict(position, "parked", AMBIGUOUS.id, uncertain=True, answer=_kept(aim, outcome, problems))
        case "retry":
            kept = _kept(aim, outcome, outcome.problems)
            return Verdict(position, "retry", LATER.id, outcome.after, uncertain=outcome.uncertain, answer=kept)


def _kept(aim: Aim, outcome: Outcome, problems: Sequence[Problem], *, pending: str = "") -> Answer:
    return Answer(aim.position, aim.partition, False, pending, problems=problems, said=outcome.answer)
