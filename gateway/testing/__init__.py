"""Conformance of plugins.  A plugin author subclasses a suite in three lines; legacy faults do the rest.

    class TestMyFiles(SourceConformance):
        adapter = my_adapter
        system = MyLegacySystem          # a LegacySystem that puts records where the adapter finds them

The suites know nothing of files, tables or calls.  They hold the adapter to its side of the contract
in `gateway.adapter`, against what legacy systems do: write by halves, offer the same thing twice, set
their clock back, write many rows in one instant; and against a gateway that dies between any two steps.
"""

from gateway.testing.lent import Clock, Heard, KeptInMemory, context
from gateway.testing.reading import drained, keys_of, names_of, polled, records_of
from gateway.testing.sink import LegacyTarget, SinkConformance
from gateway.testing.source import LegacySystem, SourceConformance
from gateway.testing.survey import SurveyConformance, surveyed

__all__ = [
    "Clock",
    "Heard",
    "KeptInMemory",
    "LegacySystem",
    "LegacyTarget",
    "SinkConformance",
    "SourceConformance",
    "SurveyConformance",
    "context",
    "drained",
    "keys_of",
    "names_of",
    "polled",
    "records_of",
    "surveyed",
]
