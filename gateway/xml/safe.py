"""Parsers that read nothing but the bytes they are given, and what is wrong with XML that they refuse."""

from __future__ import annotations

from typing import Any, TypeAlias

from lxml import etree

from gateway.errors import Code, Problem, Reject, code

Element: TypeAlias = "etree._Element"  # noqa: SLF001 - lxml has no public name for what its functions return

DOCTYPE = code(
    "xml.doctype",
    "The XML holds a document type declaration; nothing of it was read.",
    "Ask the sender to leave it out; entities and external parts are never read here.",
)
MALFORMED = code(
    "xml.malformed",
    "The XML is not well-formed.",
    "Ask the sender for a corrected document; often an & or a < stands unescaped in a text.",
)
OVERLONG = code(
    "xml.overlong",
    "An element or another piece of the XML is longer than the limit.",
    "If it is right as it is, raise the limit for records and read the document again.",
)
TRUNCATED = code(
    "xml.truncated",
    "The XML ends inside an element.",
    "The document is not complete; ask the sender for it again.",
)

HEAD_BYTES = 256 * 1024
"""A document type can only stand at the beginning."""


def parser(
    encoding: str | None = None, *, target: Any = None, schema: etree.XMLSchema | None = None
) -> etree.XMLParser:
    """A parser that reads nothing but the bytes it is given.  One a document; never shared between threads."""
    return etree.XMLParser(
        encoding=encoding,
        target=target,
        schema=schema,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        recover=False,
        remove_pis=True,
        remove_comments=True,
    )


def parse(data: bytes, *, encoding: str | None = None) -> Element:
    """The root element of a small document.  Raises Reject where it has a DOCTYPE or is not well-formed."""
    try:
        root = etree.fromstring(data, parser(encoding))
    except etree.XMLSyntaxError as error:
        raise Reject(Problem(_code(data), where=f"line {error.lineno}")) from None
    if getattr(root.getroottree().docinfo, "doctype", ""):  # an entity would be dropped silently otherwise
        raise Reject(Problem(DOCTYPE))
    return root


def written(element: Element) -> bytes:
    """An element as a document of its own, UTF-8, with the namespaces that it stands in."""
    text: bytes = etree.tostring(element, encoding="utf-8", xml_declaration=True, with_tail=False)
    return text


def line_of(element: Element) -> int:
    """The line of an element in its document; 0 where that is not known."""
    line: Any = element.sourceline
    return int(line or 0)


def _code(data: bytes) -> Code:
    return DOCTYPE if b"<!DOCTYPE" in data[:HEAD_BYTES] else MALFORMED
