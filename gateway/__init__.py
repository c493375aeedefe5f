"""Copperline: the gateway between police systems and the smart city around them.

One idea: a durable journal in the middle, two pumps.  Everything that comes in ends in
`store.journal.accept()`; everything that goes out starts from the journal.
"""

__version__ = "0.1.0"
