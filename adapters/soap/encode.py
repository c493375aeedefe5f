"""Records as the XML document that a service asks for, in the order and under the names of the mapping.

What does not obey the document's schema is never sent: the record is refused with the element and
the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from lxml import etree

from adapters.soap import violations
from adapters.soap.codes import DOCUMENT
from adapters.soap.settings import Settings, Shape
from adapters.soap.wsdl import description
from gateway.adapter import OutRecord
from gateway.errors import Halt, Problem, Reject
from gateway.xml import Element


def encode(settings: Settings, records: Sequence[OutRecord]) -> bytes:
    """One document with what each record's fields say.  Raises Reject where it does not obey its schema."""
    if settings.submit is None or settings.submit.document is None:
        raise Halt(Problem(DOCUMENT, rule="the settings describe no document under submit:"))
    shape = settings.submit.document
    root = _root(shape, settings.namespaces)
    for record in records:
        _fill(root, record.fields, settings.namespaces)
    schema = _schema(settings.folder, settings.bundle_digest, shape.schema_)
    if not schema.validate(root):
        found = violations.judge(root, root, schema)
        raise Reject(*(Problem(DOCUMENT, path=each.path, rule=each.rule) for each in found))
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


@lru_cache(maxsize=64)
def _schema(folder: Path, digest: str, name: str) -> etree.XMLSchema:
    return description(folder, digest).schemas.document(name)


def _root(shape: Shape, namespaces: Mapping[str, str]) -> Element:
    root = etree.Element(_tag(shape.root, namespaces), nsmap=dict(namespaces))
    for name, value in shape.attributes.items():
        root.set(_tag(name, namespaces), value)
    return root


def _fill(element: Element, fields: Mapping[str, Any], namespaces: Mapping[str, str]) -> None:
    for name, value in fields.items():
        if name == "#text":
            element.text = _text(value)
        elif name.startswith("@"):
            element.set(_tag(name[1:], namespaces), _text(value))
        else:
            for each in value if isinstance(value, list) else [value]:
                if each is not None:
                    _add(element, name, each, namespaces)


def _add(element: Element, name: str, value: Any, namespaces: Mapping[str, str]) -> None:
    child = etree.SubElement(element, _tag(name, namespaces))
    if isinstance(value, Mapping):
        _fill(child, value, namespaces)
    else:
        child.text = _text(value)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _tag(name: str, namespaces: Mapping[str, str]) -> str:
    prefix, _, local = name.rpartition(":")
    try:
        return f"{{{namespaces[prefix]}}}{local}" if prefix else local
    except KeyError:
        raise Reject(Problem(DOCUMENT, path=name, rule="the prefix is not one of namespaces:")) from None
