"""What a system's records mean: a mapping is a YAML file, compiled once into one Python function.

    compile(path, codes=…, zone=…)  →  Mapping
        .translate(fields, key=…)   →  plain canonical records, or Reject with every problem
        .drafts(fields, key)        →  the same, valid against the contract, as bytes

`docs/mapping.md` is the language; `language` holds it as values.
"""

from __future__ import annotations

from gateway.mapping.compile import compile
from gateway.mapping.runtime import Translated
from gateway.mapping.translate import Coverage, Mapping, Shown

__all__ = ["Coverage", "Mapping", "Shown", "Translated", "compile"]
