"""From a bundle to the one schema that a message of an operation must obey, envelope included.

A WSDL holds several schemas side by side that import each other by namespace alone, which libxml2
does not follow.  So each document is numbered, each namespace gets a small schema that includes its
documents, and every import is pointed at that one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from lxml import etree

from adapters.soap.bundle import LOCATION, WSDL_NS, XSD, Bundle
from adapters.soap.codes import OUTSIDE, WSDL
from gateway.errors import Halt, Problem
from gateway.xml import Element, parser

ENVELOPES: Final = ("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope")
"""SOAP 1.1 and 1.2.  A service may answer with either, whatever it was asked with."""
XML_NS = "http://www.w3.org/XML/1998/namespace"
XS_NS = XSD.strip("{}")
NO_REFERENCE = frozenset({XS_NS})

ENVELOPE = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:p="{payload}" targetNamespace="{envelope}"
  elementFormDefault="qualified"><xs:import {named} schemaLocation="{location}"/>
 <xs:element name="Envelope"><xs:complexType><xs:sequence>
  <xs:element name="Header" minOccurs="0"><xs:complexType><xs:sequence>
    <xs:any processContents="skip" minOccurs="0" maxOccurs="unbounded"/></xs:sequence>
    <xs:anyAttribute processContents="skip"/></xs:complexType></xs:element>
  <xs:element name="Body"><xs:complexType><xs:sequence><xs:element ref="{ref}"/></xs:sequence>
    <xs:anyAttribute processContents="skip"/></xs:complexType></xs:element>
 </xs:sequence><xs:anyAttribute processContents="skip"/></xs:complexType></xs:element></xs:schema>"""
XML_ATTRIBUTES = f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{XML_NS}">
 <xs:attribute name="lang" type="xs:string"/><xs:attribute name="base" type="xs:anyURI"/>
 <xs:attribute name="id" type="xs:ID"/><xs:attribute name="space" type="xs:NCName"/></xs:schema>"""


TRIES = 20
"""How often a schema is made whose documents another thread's parse took away."""
_ALONE = threading.Lock()
"""libxml2 makes its built-in types when the first schema is made, and does not expect two threads to do so."""


class Schemas:
    """All schemas of a bundle, ready to be put together."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._texts: dict[str, bytes] = {}
        """Where libxml2 finds a document: our own name for it → its text."""
        self._numbers: dict[str, str] = {}
        self._members: dict[str, list[str]] = {}
        """Namespace → the documents that its own schema includes."""
        roots = [root for name in self._wsdls(bundle.wsdl, []) for root in bundle.document(name).iter(f"{XSD}schema")]
        for index, root in enumerate(roots):
            self._members.setdefault(root.get("targetNamespace", ""), []).append(f"copperline:inline-{index}")
        self._waiting = [(f"copperline:inline-{index}", root) for index, root in enumerate(roots)]
        self._number_all()
        self._lone = self._alone()
        self._number_all()

    def message(self, payload: str, extra: str = "") -> etree.XMLSchema:
        """The schema of an envelope with this element, "{namespace}name", in its body.

        `extra`: a schema document for the payload's namespace that the bundle does not have, as an rpc
        message needs.  Raises Halt where the schemas do not hold together.
        """
        name = etree.QName(payload)
        space = name.namespace or ""
        texts = dict(self._texts)
        members = [*self._members.get(space, ())]
        if extra:
            members.append("copperline:extra")
        everything = {**self._members, space: members}
        places = {each: _place(index) for index, each in enumerate(everything)}
        if extra:
            texts["copperline:extra"] = _pointed(extra.encode(), places)
        texts |= {_place(index): text for index, text in self._combined(everything)}
        tops = [self._envelope(envelope, space, name.localname, places[space]) for envelope in ENVELOPES]
        imports = "".join(
            f'<xs:import namespace="{envelope}" schemaLocation="copperline:envelope-{index}"/>'
            for index, envelope in enumerate(ENVELOPES)
        ) + "".join(f'<xs:import namespace="{lone}" schemaLocation="{places[lone]}"/>' for lone in self._lone if lone != space)
        texts |= {f"copperline:envelope-{index}": text.encode() for index, text in enumerate(tops)}
        return _compiled(f'<xs:schema xmlns:xs="{XS_NS}">{imports}</xs:schema>'.encode(), texts)

    def document(self, name: str) -> etree.XMLSchema:
        """The schema that one file of the bundle is, with all that it refers to."""
        place = self._numbered(name)
        self._number_all()
        texts = self._texts | {_place(index): text for index, text in self._combined(self._members)}
        return _compiled(texts[place], texts)

    def _wsdls(self, name: str, seen: list[str]) -> list[str]:
        """A WSDL and those that it imports."""
        if name not in seen:
            seen.append(name)
            for each in self._bundle.document(name).iter(f"{WSDL_NS}import"):
                self._wsdls(str(each.get("location")), seen)
        return seen

    def _numbered(self, name: str) -> str:
        """Our own name for a file of the bundle, which is read when its turn comes."""
        if name not in self._numbers:
            self._numbers[name] = f"copperline:file-{len(self._numbers)}"
            self._waiting.append((self._numbers[name], self._bundle.document(name)))
        return self._numbers[name]

    def _alone(self) -> list[str]:
        """Namespaces of schemas that no WSDL refers to and no other schema: given for what an xs:any may hold."""
        documents = {name: self._bundle.document(name) for name in self._bundle.files if name not in self._numbers}
        schemas = {name: root for name, root in documents.items() if root.tag == f"{XSD}schema"}
        named = {element.get("schemaLocation") for root in schemas.values() for element in root.iter(*LOCATION)}
        found = []
        for name in sorted(schemas.keys() - named):
            space = schemas[name].get("targetNamespace", "")
            self._members.setdefault(space, []).append(self._numbered(name))
            found.append(space)
        return [space for space in dict.fromkeys(found) if space]

    def _number_all(self) -> None:
        while self._waiting:
            place, root = self._waiting.pop()
            for element in root.iter(*LOCATION):
                self._point(element)
            self._texts[place] = etree.tostring(root)
        spaces = {space: _place(index) for index, space in enumerate(self._members)}
        for place, text in self._texts.items():
            self._texts[place] = _pointed(text, spaces)

    def _point(self, element: Element) -> None:
        location = element.get("schemaLocation")
        if element.tag == f"{XSD}import":
            if location is not None:
                place = self._numbered(location)
                members = self._members.setdefault(element.get("namespace", ""), [])
                if place not in members:
                    members.append(place)
        elif location is not None:
            element.set("schemaLocation", self._numbered(location))

    def _combined(self, members: Mapping[str, Sequence[str]]) -> Iterator[tuple[int, bytes]]:
        """For each namespace a schema that includes its documents."""
        for index, (space, places) in enumerate(members.items()):
            target = f' targetNamespace="{space}"' if space else ""
            included = "".join(f'<xs:include schemaLocation="{place}"/>' for place in places)
            yield index, f'<xs:schema xmlns:xs="{XS_NS}"{target}>{included}</xs:schema>'.encode()

    def _envelope(self, envelope: str, space: str, name: str, location: str) -> str:
        return ENVELOPE.format(
            envelope=envelope,
            payload=space or "urn:none",
            named=f'namespace="{space}"' if space else "",
            location=location,
            ref=f"p:{name}" if space else name,
        )


def _place(index: int) -> str:
    return f"copperline:namespace-{index}"


def _pointed(text: bytes, spaces: Mapping[str, str]) -> bytes:
    """A schema whose imports lead to the schemas of namespaces."""
    root = etree.fromstring(text, parser())
    for element in root.iter(f"{XSD}import"):
        space = element.get("namespace", "")
        if space in spaces:
            element.set("schemaLocation", spaces[space])
        elif space == XML_NS:
            element.set("schemaLocation", "copperline:xml")
    return bytes(etree.tostring(root))


class _Known(etree.Resolver):
    """Gives the documents that were put together, and nothing else."""

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        super().__init__()
        self._texts = {**texts, "copperline:xml": XML_ATTRIBUTES.encode()}
        self.refused = ""

    def resolve(self, system_url: str, public_id: str, context: Any) -> Any:  # type: ignore[override]  # the stub forgets the third
        if system_url not in self._texts:
            self.refused = system_url
        return self.resolve_string(self._texts.get(system_url, b""), context, base_url=system_url)


def _compiled(text: bytes, texts: Mapping[str, bytes]) -> etree.XMLSchema:
    """The schema that is made of these documents alone.

    Who loads what a schema imports is decided for the whole process, and lxml decides it anew whenever a parse begins or
    ends, on any thread.  So a document may be sought elsewhere than here, where it is not: then the schema is made again.
    """
    for _ in range(TRIES):
        known = _Known(texts)
        reading = parser()
        reading.resolvers.add(known)
        try:
            with _ALONE:
                schema = etree.XMLSchema(etree.fromstring(text, reading))
        except etree.XMLSchemaParseError as e:
            if not _sought_elsewhere(e.error_log):
                raise _uncompiled(e, known) from None
        else:
            if not _sought_elsewhere(schema.error_log):
                return schema
    raise Halt(Problem(WSDL, rule=f"its documents could not be loaded in {TRIES} tries"))


def _sought_elsewhere(log: Any) -> bool:
    """Whether a document was asked of the file system: of ours none ever is."""
    return any(entry.type_name.startswith("IO_") for entry in log)


def _uncompiled(e: etree.XMLSchemaParseError, known: _Known) -> Halt:
    if known.refused:
        return Halt(Problem(OUTSIDE, path=known.refused))
    said = e.error_log.last_error
    rule = said.message if said is not None else "the schema cannot be compiled"
    return Halt(Problem(WSDL, where=f"line {said.line}" if said is not None else "", rule=rule))
