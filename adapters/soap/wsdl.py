"""What a WSDL says, as zeep reads it from the bundle: operations, the types of their messages, and requests.

zeep builds requests, as it knows the types.  It never sees an answer: a value that it cannot read
becomes None there without a word.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import zeep
from lxml import etree
from zeep.exceptions import Error as ZeepError
from zeep.wsdl.bindings.soap import SoapBinding
from zeep.wsdl.wsdl import Document

from adapters.soap.bundle import WSDL_NS, Bundle
from adapters.soap.codes import ENCODED, NO_OPERATION, REQUEST, WSDL
from adapters.soap.schema import Schemas
from adapters.soap.settings import Port, Settings
from gateway.errors import GatewayError, Halt, Problem, Reject
from gateway.xml import Element

logging.getLogger("zeep").setLevel(logging.CRITICAL + 1)  # it would write whole messages
logging.getLogger("urllib3").setLevel(logging.WARNING)

SAFE = zeep.Settings(
    strict=True, xml_huge_tree=False, forbid_dtd=True, forbid_entities=True, forbid_external=True, raw_response=True
)
USE = "use"


class Loader:
    """What zeep takes for a transport: loads from the bundle, and hands a finished message on."""

    def __init__(self, bundle: Bundle, send: Callable[[Element, Mapping[str, str]], Any] | None = None) -> None:
        self._bundle, self._send = bundle, send

    def load(self, url: str) -> bytes:
        """A document of the bundle.  Raises Halt for anything else."""
        return self._bundle.load(url)

    def post_xml(self, _address: str, envelope: Element, headers: Mapping[str, str]) -> Any:
        """The message is built, signed and addressed; how it travels is not zeep's business."""
        assert self._send is not None
        return self._send(envelope, headers)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the port that the settings name."""

    name: str
    action: str
    payload: str
    """The element in the body of its answer, "{namespace}name"; "" where there is no answer."""
    asked: str
    """The element in the body of its request."""
    rpc: Mapping[str, Mapping[str, str]]
    """Of an rpc message: its element → part → the type's qualified name."""
    soap12: bool


@dataclass(frozen=True, slots=True)
class Description:
    """A bundle that was read: what zeep knows of it, and its schemas."""

    bundle: Bundle
    document: Document
    schemas: Schemas


@lru_cache(maxsize=64)
def description(folder: Path, digest: str) -> Description:
    """Of the bundle in a folder; read once for each digest.  Raises Halt with the reason and the place."""
    bundle = Bundle.open(folder)
    schemas = Schemas(bundle)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # zeep goes on without what it cannot read
            document = Document(str(folder.resolve() / bundle.wsdl), Loader(bundle), settings=SAFE)
    except GatewayError:
        raise
    except (ZeepError, etree.LxmlError, LookupError, ValueError, TypeError, AttributeError, NotImplementedError, Warning) as e:
        raise Halt(Problem(WSDL, where=_place(e, bundle), rule=_words(e))) from e
    return Description(bundle, document, schemas)


def binding(settings: Port) -> SoapBinding:
    """The binding of the port that the settings name, or of the only one.  Raises Halt where that is not clear."""
    known = description(settings.folder, settings.bundle_digest)
    ports = [
        (service.name, port.name, port.binding)
        for service in known.document.services.values()
        for port in service.ports.values()
        if settings.service in {"", service.name} and settings.port in {"", port.name}
        and isinstance(port.binding, SoapBinding)
    ]
    if not ports:
        raise Halt(Problem(NO_OPERATION, rule="the WSDL has no such service and port, or none that speaks SOAP over HTTP"))
    if len(ports) > 1:
        named = ", ".join(f"{service}/{port}" for service, port, _ in ports)
        raise Halt(Problem(NO_OPERATION, rule=f"service: and port: have to choose one of {named}"))
    return ports[0][2]


def operation(settings: Port, name: str) -> Operation:
    """One operation.  Raises Halt where there is none of the name, or its messages are encoded."""
    bound = binding(settings)
    try:
        found = bound.get(name)
    except ValueError:
        found = None
    if found is None:
        raise Halt(Problem(NO_OPERATION, rule=f"there is no operation {name}; there are {', '.join(sorted(bound.all()))}"))
    _literal(settings, name)
    sides = [message for message in (found.input, found.output) if message is not None and message.body is not None]
    return Operation(
        name=name,
        action=found.soapaction or "",
        asked=_payload(found, found.input),
        payload=_payload(found, found.output),
        rpc={_payload(found, message): _parts(message) for message in sides} if found.style == "rpc" else {},
        soap12=bound.nsmap["soap-env"].endswith("soap-envelope"),
    )


def schema_of(settings: Port, name: str, *, asked: bool = False) -> etree.XMLSchema | None:
    """The schema of a whole answer, or request, of an operation; None where it has none."""
    known = operation(settings, name)
    payload = known.asked if asked else known.payload
    if not payload:
        return None
    extra = wrapper(payload, known.rpc[payload]) if payload in known.rpc else ""
    return _compiled(settings.folder, settings.bundle_digest, payload, extra)


@lru_cache(maxsize=256)
def _compiled(folder: Path, digest: str, payload: str, extra: str) -> etree.XMLSchema:
    return description(folder, digest).schemas.message(payload, extra)


def wrapper(payload: str, parts: Mapping[str, str]) -> str:
    """A schema with the element around the parts of an rpc message, which a WSDL leaves unsaid."""
    name = etree.QName(payload)
    spaces = sorted({space for kind in parts.values() if (space := etree.QName(kind).namespace)})
    prefixes = {space: f"t{index}" for index, space in enumerate(spaces)}
    declared = "".join(f' xmlns:{prefix}="{space}"' for space, prefix in prefixes.items())
    imports = "".join(
        f'<xs:import namespace="{space}"/>' for space in spaces if space not in {name.namespace, "http://www.w3.org/2001/XMLSchema"}
    )
    elements = "".join(
        f'<xs:element name="{part}" type="{prefixes.get(etree.QName(kind).namespace or "", "")}:{etree.QName(kind).localname}"/>'
        for part, kind in parts.items()
    )
    target = f' targetNamespace="{name.namespace}"' if name.namespace else ""
    return (
        f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"{declared}{target}>{imports}<xs:element name="{name.localname}">'
        f"<xs:complexType><xs:sequence>{elements}</xs:sequence></xs:complexType></xs:element></xs:schema>"
    )


def client(settings: Settings, send: Callable[[Element, Mapping[str, str]], Any], security: Any) -> Callable[..., Any]:
    """A function that builds one request and hands it to `send`: operation, request and headers in, its answer out.

    Raises Reject where the request cannot be built as its type asks for.
    """
    known = description(settings.folder, settings.bundle_digest)
    bound = binding(settings)
    made = zeep.Client(known.document, wsse=security, transport=Loader(known.bundle, send), settings=SAFE)
    service = made.create_service(bound.name.text, settings.address)

    def call(name: str, request: Mapping[str, Any], header: Mapping[str, Any]) -> Any:
        operation(settings, name)
        more = {"_soapheaders": dict(header)} if header else {}
        try:
            return service[name](**request, **more)
        except GatewayError:
            raise
        except (ZeepError, LookupError, ValueError, TypeError, AttributeError) as e:
            path = ".".join(map(str, getattr(e, "path", None) or ()))
            raise Reject(Problem(REQUEST, path=path or name, rule=_unbuilt(e))) from e

    return call


def _payload(found: Any, message: Any) -> str:
    """The element in the body.  That of an rpc answer is called after the operation; zeep names it after its message."""
    if message is None or message.body is None:
        return ""
    name = message.body.qname
    if found.style == "rpc" and message is found.output:
        return str(etree.QName(name.namespace, f"{found.name}Response"))
    return str(name)


def _parts(message: Any) -> dict[str, str]:
    """Part → type of an rpc message.  A part that is an element has no type of its own."""
    return {name: str(part.type.qname) for name, part in message.abstract.parts.items() if part.type is not None}


def _literal(settings: Port, name: str) -> None:
    for body in _bodies(settings, name):
        if body.get(USE) == "encoded":
            raise Halt(Problem(ENCODED, path=name, where=f"line {body.sourceline}"))


def _bodies(settings: Port, name: str) -> Iterator[Element]:
    """The soap:body elements of an operation of our binding."""
    known = description(settings.folder, settings.bundle_digest)
    for file in known.bundle.files:
        if file.endswith(".wsdl") or file == known.bundle.wsdl:
            for each in known.bundle.document(file).iter(f"{WSDL_NS}binding"):
                if each.get("name") == etree.QName(binding(settings).name).localname:
                    for found in each.iterfind(f"{WSDL_NS}operation[@name='{name}']"):
                        yield from found.iter("{*}body")


def _unbuilt(error: Exception) -> str:
    """Why a request cannot be built.  A message of zeep's own kind names elements; any other may quote a value."""
    return str(error) if isinstance(error, TypeError) and "unexpected keyword" in str(error) else type(error).__name__


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:300]}"


def _place(error: Exception, bundle: Bundle) -> str:
    line = getattr(error, "sourceline", None)
    return f"{bundle.wsdl}, line {line}" if line else bundle.wsdl
