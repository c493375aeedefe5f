"""What a WSDL offers: operations with the fields of their messages, and the record types inside answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from adapters.soap.settings import Reach
from adapters.soap.wsdl import binding, operation
from gateway.adapter import Column, Context, Discovery, Offer
from gateway.errors import Halt

DEPTH = 8


def discover(reach: Reach, _context: Context, named: Sequence[str]) -> Discovery:
    """Operations by name, and by their paths the elements of answers that repeat: those are records.

    Raises Halt with the place and the reason where the WSDL cannot be read.
    """
    offers: dict[str, Offer] = {}
    for name in sorted(binding(reach).all()):
        offers |= _operation(reach, name)
    return Discovery({name: offer for name, offer in offers.items() if not named or name in named})


def _operation(reach: Reach, name: str) -> dict[str, Offer]:
    found = binding(reach).get(name)
    try:
        known = operation(reach, name)
    except Halt as e:
        return {name: Offer((), notes=[f"cannot be used: {e.problem}"])}
    asked = list(_columns(found.input.body, "")) if found.input.body is not None else []
    answer = found.output.body if found.output is not None else None
    notes = [f"SOAP {'1.2' if known.soap12 else '1.1'}, {'rpc' if known.rpc else 'document'}"]
    if answer is None:
        return {name: Offer(asked, notes=[*notes, "one-way: it has no answer"])}
    records = dict(_records(answer, answer.qname.localname))
    notes += [f"records: {path}" for path in records]
    return {name: Offer(asked, notes=notes)} | {
        path: Offer(list(_columns(element, "")), notes=[f"records of {name}"], watermarks=_watermarks(element))
        for path, element in records.items()
    }


def _records(element: Any, path: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The outermost elements that repeat, by their paths from the body inward."""
    for child in _children(element):
        below = f"{path}/{child.attr_name}"
        if child.accepts_multiple and list(_children(child)):
            yield below, child
        elif depth < DEPTH:
            yield from _records(child, below, depth + 1)


def _columns(element: Any, prefix: str, depth: int = 0) -> Iterator[Column]:
    """The leaves, by dotted names as a mapping reads them."""
    for name, attribute in getattr(element.type, "attributes", ()):
        if hasattr(attribute, "type"):
            yield Column(f"{prefix}@{name}", _type(attribute))
    for child in _children(element):
        name = f"{prefix}{child.attr_name}"
        if list(_children(child)) and depth < DEPTH and not child.accepts_multiple:
            yield from _columns(child, f"{name}.", depth + 1)
        else:
            yield Column(name, _type(child))


def _children(element: Any) -> Iterator[Any]:
    for _, child in getattr(element.type, "elements", ()):
        if hasattr(child, "attr_name") and hasattr(child, "type"):
            yield child


def _type(element: Any) -> str:
    kind = getattr(element.type, "name", "") or "structure"
    return kind + (" list" if getattr(element, "accepts_multiple", False) else "") + (" optional" if getattr(element, "is_optional", False) else "")


def _watermarks(element: Any) -> list[str]:
    return [child.attr_name for child in _children(element) if getattr(child.type, "name", "") == "dateTime"]
