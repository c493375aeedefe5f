"""The account of a campaign: what was said by the source against what came to the consumer.

Every source record carries a number and a revision, and every event brings both back.  So each
arrival can be laid beside the record it came from, whatever happened in between.
"""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event as a consumer got it, in order of arrival."""

    record: str
    """What the source called this revision of this record: "C-7/3"."""
    id: str
    partition: str
    sequence: int

    @classmethod
    def of(cls, event: dict[str, Any]) -> Arrival:
        """From the structured CloudEvent; the campaign's mapping puts number and revision into the report number."""
        record = event["data"]["reportNumber"]
        return cls(record, event["id"], event["partitionkey"], int(event["sequence"]))


@dataclass(slots=True)
class Tally:
    """One campaign's account; the names are those of its last line.

    attempted: faults that were tried; fired: those that struck.  lost: accepted and absent at the consumer
    after recovery; duplicated: one record under more than one id; resent: the same id again, which is
    allowed; reordered: first arrivals of one subject and feed out of order; recovered: faults after which
    the gateway ran to its end.
    """

    campaign: str
    attempted: int = 0
    fired: int = 0
    lost: int = 0
    duplicated: int = 0
    resent: int = 0
    reordered: int = 0
    recovered: int = 0
    mutants_caught: int = 0
    mutants: int = 0
    records: int = 0
    """Records that were laid beside what arrived."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Figures that only this campaign has."""
    needs_faults: bool = True

    def add(self, accepted: Iterable[str], arrivals: Iterable[Arrival]) -> None:
        """Lay one round's arrivals beside what had been accepted in it."""
        accepted, arrivals = set(accepted), list(arrivals)
        ids: dict[str, set[str]] = defaultdict(set)
        first: dict[str, list[int]] = defaultdict(list)
        seen: set[str] = set()
        for arrival in arrivals:
            ids[arrival.record].add(arrival.id)
            if arrival.id in seen:
                self.resent += 1
                continue
            seen.add(arrival.id)
            first[arrival.partition].append(arrival.sequence)
        self.records += len(accepted)
        self.lost += len(accepted - ids.keys())
        self.duplicated += sum(len(of_one) - 1 for of_one in ids.values())
        self.reordered += sum(
            after <= before for sequences in first.values() for before, after in itertools.pairwise(sequences)
        )

    @property
    def broken(self) -> bool:
        """Something that was promised did not hold."""
        own = ("server_errors", "violations", "leaked", "untold", "differences")
        return bool(self.lost or self.duplicated or self.reordered or any(self.extra.get(name) for name in own))

    @property
    def clean(self) -> bool:
        """Every promise held, faults fired and every one was recovered from, and every mutant was caught."""
        fired = self.fired > 0 or not self.needs_faults
        return fired and not self.broken and self.recovered == self.fired and self.mutants_caught == self.mutants

    def line(self) -> str:
        """The campaign's last line."""
        account = asdict(self)
        del account["needs_faults"]
        extra = account.pop("extra")
        return json.dumps({**account, **extra})
