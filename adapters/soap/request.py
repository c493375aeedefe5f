"""Puts values into the request of the settings: `$since`, `$token`, `$fields.place` …"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from adapters.soap import paths
from adapters.soap.codes import REQUEST
from gateway.errors import Problem, Reject

_NOTHING = object()
BYTES = "bytes"
"""`$bytes.path` is `$fields.path` read as base64: what a base64 element of a request asks for."""


def filled(request: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The request with its values; what has none is left out.  Raises Reject where a name is not known."""
    found = _filled(request, values)
    return found if isinstance(found, dict) else {}


def _filled(said: Any, values: Mapping[str, Any]) -> Any:
    match said:
        case str() if said.startswith("$$"):
            return said[1:]
        case str() if said.startswith("$"):
            return _value(said[1:], values)
        case Mapping():
            pairs = {name: _filled(item, values) for name, item in said.items()}
            kept = {name: item for name, item in pairs.items() if item is not _NOTHING}
            return kept if kept or not said else _NOTHING
        case list():
            return [item for each in said if (item := _filled(each, values)) is not _NOTHING]
        case _:
            return said


def _value(name: str, values: Mapping[str, Any]) -> Any:
    first, _, rest = name.partition(".")
    if first == BYTES and "fields" in values:
        return _bytes(_value(f"fields.{rest}", values), name)
    if first not in values:
        raise Reject(Problem(REQUEST, path=f"${name}", rule=f"there is ${', $'.join(sorted(values))}"))
    value = values[first]
    if rest:
        found = list(paths.each(value, rest.replace(".", "/")))
        value = found[0] if len(found) == 1 else found or None
    return _NOTHING if value is None or value == "" else value


def _bytes(value: Any, name: str) -> Any:
    if value is _NOTHING:
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError):
        raise Reject(Problem(REQUEST, path=f"${name}", rule="is no base64")) from None
