"""Which charsets a document can be cut in: those that keep ASCII as it is, one way there and one way back."""

from __future__ import annotations

import codecs
import importlib


def keeps_ascii(name: str) -> bool:
    """Whether it is ASCII, UTF-8, or a table of one byte a character whose first half is ASCII."""
    try:
        codec = codecs.lookup(name).name
    except LookupError:
        return False
    if codec in {"ascii", "utf-8"}:
        return True
    try:
        module = importlib.import_module(f"encodings.{codec.replace('-', '_')}")
    except ImportError:
        return False
    table = getattr(module, "decoding_table", "")
    return bool(table[:128] == "".join(map(chr, range(128))))
