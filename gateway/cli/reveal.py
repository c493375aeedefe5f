"""Showing values is an act of its own: it needs a reason and leaves a leaf in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.cli.common import hand_over, why


def viewed(folder: Path, what: Mapping[str, Any], *, by: str, reason: str) -> None:
    """Record who is about to see what, and why.  Raises Refused without a reason; then nothing is shown."""
    hand_over(folder, "note", {"kind": "view", **what}, by=by, reason=why(reason))
