"""Showing values is an act of its own: it needs a reason and leaves a leaf in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gateway.cli.common import hand_over, why


def viewed(folder: Path, positions: Sequence[int], *, by: str, reason: str) -> None:
    """Record who is about to see which records, and why.  Raises Refused without a reason; then nothing is shown."""
    hand_over(folder, "view", {"positions": list(positions)}, by=by, reason=why(reason))
