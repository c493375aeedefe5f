"""Named conversions: what a mapping may do to a value, each a small function with a doctest.

A conversion is built once, when a mapping is compiled, from its arguments; what comes out takes the
source's values and returns the result, or None where nothing was said.  Text arrives stripped and
never blank.  What cannot be read raises `Unreadable`, whose words never hold the value.

>>> build("decimal", 9, 3)("000000001500")
1.5
"""

from __future__ import annotations

from gateway.convert import number, place, text, time  # each registers its conversions
from gateway.convert.named import CONVERSIONS, Conversion, Convert, Never, Unreadable, build, plain

__all__ = [
    "CONVERSIONS",
    "Conversion",
    "Convert",
    "Never",
    "Unreadable",
    "build",
    "number",
    "place",
    "plain",
    "text",
    "time",
]
