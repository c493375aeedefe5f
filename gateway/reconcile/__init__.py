"""Reconciliation: what a system holds now beside what was journalled of it.  This turns "we think" into "we know".

A watermark can miss what was committed late, what was restored from a backup and what was deleted.
So every record that exists is looked up by name and digest, counted per day on both sides, and

    unknown here, or not the same     is read again by its key and journalled
    known here, and not there         is asked for by its key once more, then journalled as a removal

A run runs beside the feed's own polling: it looks on a connection of its own, and only what differs is
journalled, between two reads of the feed, so that neither overtakes the other.  What it found is
one row of the store and one leaf of the ledger.
"""

from __future__ import annotations

from gateway.reconcile.compare import MANY_GONE, Asked, Mend, Reconciliation
from gateway.reconcile.given import given
from gateway.reconcile.timetable import NOT_ASKED, NOT_OFFERED, NOT_YET_READ, Timetable, first_day, here, opened

__all__ = ["MANY_GONE", "NOT_ASKED", "NOT_OFFERED", "NOT_YET_READ", "Asked", "Mend", "Reconciliation", "Timetable", "first_day", "given", "here", "opened"]
