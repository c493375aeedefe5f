"""A mapping begun by a machine: each line says how sure it is and why, and a person decides.

    draft(offer, system=…, name=…, entity=…)  →  Draft(mapping, codes, placed)

It reads names, counts and shapes, never a record, so nothing of a person can be in it.  What it writes
is a valid mapping: the compiler takes it as it is.
"""

from __future__ import annotations

from gateway.draft.writing import Draft, draft

__all__ = ["Draft", "draft"]
