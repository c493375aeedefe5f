"""Delivery: pushes from the journal to one destination, at least once, each subject in order.

The record log is the outbox.  A destination has one position for each feed, which never leads;
only deliveries that are not simply done have a row of their own.
"""

from __future__ import annotations

from gateway.delivery.board import TRIES
from gateway.delivery.gate import Gate, Leaves
from gateway.delivery.worker import Delivery

__all__ = ["TRIES", "Delivery", "Gate", "Leaves"]
