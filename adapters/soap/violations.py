"""What in a record does not obey its schema, in words that hold no value, and a record without it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from adapters.soap.codes import INVALID
from gateway.errors import Problem
from gateway.xml import Element

ROUNDS = 64
"""So many elements that are not expected are taken out of one record, one after the other."""
INCLUDE = "{http://www.w3.org/2004/08/xop/include}Include"
STEP = re.compile(r"(?:(?P<prefix>[^:\[\]/@]+):)?(?P<name>[^:\[\]/@]+)(?:\[(?P<number>\d+)\])?")
TYPE = re.compile(r"type '([^']+)'\.$")
WORDS: Mapping[str, str] = {
    "CVC_DATATYPE_VALID_1_2_1": "the value is not of its type",
    "CVC_DATATYPE_VALID_1_2_2": "a value of the list is not of its type",
    "CVC_DATATYPE_VALID_1_2_3": "the value is of none of the types that it may have",
    "CVC_ENUMERATION_VALID": "the value is none of those that are allowed",
    "CVC_PATTERN_VALID": "the value does not have the form that is asked for",
    "CVC_LENGTH_VALID": "the value has another length",
    "CVC_MINLENGTH_VALID": "the value is too short",
    "CVC_MAXLENGTH_VALID": "the value is too long",
    "CVC_MININCLUSIVE_VALID": "the value is too small",
    "CVC_MAXINCLUSIVE_VALID": "the value is too large",
    "CVC_TOTALDIGITS_VALID": "the value has too many digits",
    "CVC_FRACTIONDIGITS_VALID": "the value has too many digits behind the point",
    "CVC_COMPLEX_TYPE_3_2_1": "the attribute is not expected",
    "CVC_COMPLEX_TYPE_3_2_2": "the attribute is not expected",
    "CVC_COMPLEX_TYPE_4": "an attribute that must be there is missing",
    "CVC_COMPLEX_TYPE_2_3": "text where only elements may be",
    "CVC_ELT_3_1": "the element may not be empty by xsi:nil",
    "CVC_ELT_4_2": "xsi:type names a type that is not known",
    "CVC_IDC": "a key is there twice, or leads nowhere",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that does not obey the schema."""

    path: str
    """From the record inward, dotted; an attribute with "@"."""
    rule: str

    def problem(self, where: str) -> Problem:
        return Problem(INVALID, path=self.path, where=where, rule=self.rule)


def judge(root: Element, record: Element, schema: etree.XMLSchema) -> tuple[Violation, ...]:
    """Everything in the record that does not obey the schema of the message around it; all that is taken out of it.

    What is left of the record has been validated.  What lies outside the record is not looked at.
    """
    attached = [(holder, include) for include in record.iter(INCLUDE) if (holder := include.getparent()) is not None]
    for holder, include in attached:  # it stands for bytes that came as a part of their own
        holder.remove(include)
    found: dict[Violation, None] = {}
    spoiled: list[Element] = []
    for _ in range(ROUNDS):
        unexpected = None
        for error in _errors(root, schema):
            place = _at(root, error.path or "")
            if place is None or not _inside(place[0], record):
                continue
            element, attribute = place
            found[Violation(_path(element, record, attribute), _rule(error))] = None
            if attribute:
                element.attrib.pop(attribute, "")
            elif "not expected" in error.message and element is not record:
                unexpected = unexpected if unexpected is not None else element
            elif not _short_type(error).endswith("ELEMENT_CONTENT"):
                spoiled.append(element)
        if unexpected is None:
            break
        _drop(unexpected)
    for element in spoiled:
        if element is not record:
            _drop(element)
        else:
            record.text = None
    for holder, include in attached:
        holder.append(include)
    return tuple(found)


def around(root: Element, record: Element | None, schema: etree.XMLSchema) -> tuple[Violation, ...]:
    """What does not obey the schema outside one record."""
    found = []
    for error in _errors(root, schema):
        place = _at(root, error.path or "")
        element, attribute = place or (root, "")
        if record is None or not _inside(element, record):
            found.append(Violation(_path(element, root, attribute), _rule(error)))
    return tuple(dict.fromkeys(found))


def _errors(root: Element, schema: etree.XMLSchema) -> list[Any]:
    if schema.validate(root):
        return []
    log: Any = schema.error_log
    return list(log)


def _drop(element: Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _inside(element: Element, record: Element) -> bool:
    return element is record or any(above is record for above in element.iterancestors())


def _at(root: Element, path: str) -> tuple[Element, str] | None:
    """The element, and the attribute, that a path of libxml2 leads to."""
    first, *steps = path.strip("/").split("/")
    element, attribute = root, ""
    for step in steps if first else ():
        if step.startswith("@"):
            name = step[1:].rpartition(":")[2]
            attribute = next((str(key) for key in element.attrib if etree.QName(str(key)).localname == name), "")
            continue
        match = STEP.fullmatch(step)
        children = [child for child in element if match and _named(child, match["prefix"], match["name"])]
        number = int(match["number"] or 1) if match else 0
        if not 0 < number <= len(children):
            return None
        element = children[number - 1]
    return element, attribute


def _named(child: Element, prefix: str | None, name: str) -> bool:
    return name == "*" or (child.prefix == prefix and etree.QName(child).localname == name)


def _path(element: Element, record: Element, attribute: str) -> str:
    names: list[str] = []
    while element is not record:
        names.append(etree.QName(element).localname)
        above = element.getparent()
        assert above is not None
        element = above
    names.reverse()
    return ".".join([*names, *([f"@{etree.QName(attribute).localname}"] if attribute else [])])


def _short_type(error: Any) -> str:
    return str(error.type_name).removeprefix("SCHEMAV_")


def _rule(error: Any) -> str:
    """Words of our own; of libxml2's message only what names elements and types, since the rest may quote a value."""
    kind = _short_type(error)
    if kind == "ELEMENT_CONTENT":
        return error.message.partition("': ")[2] or "the elements are not those that are expected"
    words = WORDS.get(kind, kind.lower().replace("_", " "))
    named = TYPE.search(error.message)
    return f"{words} ({named[1]})" if named and kind.startswith("CVC_DATATYPE") else words
