"""The reviewed bundle: a folder of WSDL and schemas in which every file and every reference is known by digest.

Nothing outside it is ever opened.  `bundle.json` names the files with their digests, and for each
web address that they refer to, the file that stands for it.  A document is handed on with its
references rewritten to files of the bundle, so that whoever reads it next has no other way to go.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from adapters.soap.codes import BUNDLE, OUTSIDE, WSDL
from gateway.errors import Halt, Problem, Reject
from gateway.xml import Element, line_of, parse

INDEX = "bundle.json"
XSD = "{http://www.w3.org/2001/XMLSchema}"
WSDL_NS = "{http://schemas.xmlsoap.org/wsdl/}"
LOCATION = {
    f"{XSD}import": "schemaLocation",
    f"{XSD}include": "schemaLocation",
    f"{XSD}redefine": "schemaLocation",
    f"{WSDL_NS}import": "location",
}


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files of one bundle, by their names in it."""

    folder: Path
    wsdl: str
    """The name of the WSDL to begin with."""
    files: Mapping[str, str]
    """Name → SHA-256 in hex."""
    references: Mapping[str, str]
    """Web address → name."""

    @classmethod
    def open(cls, folder: Path) -> Bundle:
        """Raises Halt where there is none, or its index cannot be read."""
        try:
            index = json.loads((folder / INDEX).read_bytes())
            return cls(folder, index["wsdl"], dict(index["files"]), dict(index.get("references", {})))
        except (OSError, ValueError, KeyError, TypeError) as e:
            raise Halt(Problem(BUNDLE, where=INDEX, rule=f"the index cannot be read ({type(e).__name__})")) from e

    def document(self, name: str) -> Element:
        """One document, its references as names of the bundle.  Raises Halt where it is not as reviewed."""
        root = self._parsed(name)
        for element in root.iter(*LOCATION):
            attribute = LOCATION[str(element.tag)]
            location = element.get(attribute)
            if location is not None:
                element.set(attribute, self._name(name, location, line_of(element)))
            elif element.get("namespace") in self.references:
                element.set(attribute, self.references[str(element.get("namespace"))])
        return root

    def load(self, location: str) -> bytes:
        """For zeep: the document at a path inside the bundle's folder.  Raises Halt for anything else."""
        home = self.folder.resolve()
        path = Path(location)
        if not path.is_absolute() or not path.is_relative_to(home):
            raise Halt(Problem(OUTSIDE, where=location))
        name = path.relative_to(home).as_posix()
        root = self.document(name)
        for element in root.iter(*LOCATION):
            attribute = LOCATION[str(element.tag)]
            if element.get(attribute) is not None:
                element.set(attribute, str(home / str(element.get(attribute))))
        return bytes(etree.tostring(root))

    def _parsed(self, name: str) -> Element:
        try:
            data = (self.folder / name).read_bytes()
        except OSError as e:
            raise Halt(Problem(BUNDLE, where=name, rule=f"the file cannot be read ({type(e).__name__})")) from e
        if hashlib.sha256(data).hexdigest() != self.files.get(name):
            raise Halt(Problem(BUNDLE, where=name, rule="the file is not the one that was reviewed"))
        try:
            return parse(data)
        except Reject as e:
            place = ", ".join(filter(None, (name, e.problems[0].where)))
            raise Halt(Problem(WSDL, where=place, rule=e.problems[0].code.meaning)) from e

    def _name(self, name: str, location: str, line: int) -> str:
        """The file of the bundle that a reference in `name` means."""
        known = self.references.get(location) or posixpath.normpath(posixpath.join(posixpath.dirname(name), location))
        if known not in self.files:
            raise Halt(Problem(OUTSIDE, path=location, where=f"{name}, line {line}"))
        return known
