"""WS-Security: what we put into a request, and what an answer must bear.

An answer is believed only where the signature is by the key of the settings (never by one that the
message brings), covers the one body that is read, and covers the timestamp where there is one.
zeep looks at none of that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import xmlsec
from lxml import etree
from zeep.wsse import utils
from zeep.wsse.signature import BinarySignature
from zeep.wsse.username import UsernameToken

from adapters.soap.codes import SIGNATURE, TLS
from adapters.soap.settings import Settings, Signing
from gateway.adapter import Context
from gateway.errors import Halt, Problem, Reject
from gateway.xml import Element, parse

DS = "{http://www.w3.org/2000/09/xmldsig#}"
WSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-"
WSSE, WSU = f"{{{WSS}secext-1.0.xsd}}", f"{{{WSS}utility-1.0.xsd}}"
EXCLUSIVE = frozenset({"http://www.w3.org/2001/10/xml-exc-c14n#"})
SHA2 = frozenset(
    f"http://www.w3.org/{name}"
    for name in (
        "2001/04/xmldsig-more#rsa-sha256 2001/04/xmldsig-more#rsa-sha384 2001/04/xmldsig-more#rsa-sha512 "
        "2001/04/xmlenc#sha256 2001/04/xmldsig-more#sha384 2001/04/xmlenc#sha512 "
        "2001/04/xmldsig-more#ecdsa-sha256 2001/04/xmldsig-more#ecdsa-sha384"
    ).split()
)
SHA1 = frozenset({"http://www.w3.org/2000/09/xmldsig#rsa-sha1", "http://www.w3.org/2000/09/xmldsig#sha1"})
SKEW = timedelta(minutes=5)
"""How far two clocks may be apart."""


class Parts:
    """What zeep asks for: each part puts itself into a message that is ready otherwise."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings, self._context = settings, context

    def apply(self, envelope: Element, headers: Any) -> tuple[Element, Any]:
        """User and timestamp first, then the signature over body and timestamp."""
        said = self._settings.security
        if said.timestamp is not None:
            utils.get_security_header(envelope).append(_timestamp(self._context.clock(), said.timestamp))
        if said.user is not None:
            password = self._context.secret(said.user.password_from)
            token = UsernameToken(said.user.name, password, use_digest=said.user.digest, created=self._context.clock(), zulu_timestamp=True)
            envelope, headers = token.apply(envelope, headers)
        if said.sign is not None:
            envelope, headers = self._signature(said.sign).apply(envelope, headers)
        return envelope, headers

    def verify(self, _envelope: Element) -> None:
        """Never asked: zeep sees no answer."""

    def _signature(self, sign: Signing) -> BinarySignature:
        password = self._context.secret(sign.password_from) if sign.password_from else None
        with _readable():
            return BinarySignature(
                str(self._settings.path(sign.key)),
                str(self._settings.path(sign.certificate)),
                password,
                signature_method=xmlsec.constants.TransformRsaSha256,
                digest_method=xmlsec.constants.TransformSha256,
            )


def of(settings: Settings, context: Context) -> Parts | None:
    """What the settings ask for; None where that is nothing."""
    said = settings.security
    return Parts(settings, context) if said.user or said.sign or said.timestamp is not None else None


def verify(envelope: bytes, settings: Settings, now: datetime) -> None:
    """Raises Halt unless the message is signed as the settings expect."""
    expect = settings.security.expect
    assert expect is not None
    try:
        root = parse(envelope)
    except Reject as e:
        raise Halt(Problem(SIGNATURE, rule=e.problems[0].code.meaning)) from None
    signature = _only([each for security in _securities(root) for each in security.iterchildren(f"{DS}Signature")], "signature")
    _check_methods(signature, SHA2 | (SHA1 if expect.sha1 else frozenset()))
    signed = [_referred(root, reference) for reference in signature.iterfind(f"{DS}SignedInfo/{DS}Reference")]
    body = _only([child for child in root if etree.QName(child).localname == "Body"], "body")
    if not any(each is body for each in signed):
        raise Halt(Problem(SIGNATURE, rule="the signature does not cover the body"))
    _check_time(root, signed, now)
    with _readable():
        certificate = settings.path(expect.certificate).read_bytes()
    _check_value(signature, signed, certificate)


def _securities(root: Element) -> Iterator[Element]:
    for header in root:
        if etree.QName(header).localname == "Header":
            yield from header.iterchildren(f"{WSSE}Security")


def _only(found: list[Element], what: str) -> Element:
    if len(found) != 1:
        raise Halt(Problem(SIGNATURE, rule=f"there is {'no' if not found else 'more than one'} {what}"))
    return found[0]


def _check_methods(signature: Element, allowed: frozenset[str]) -> None:
    """Only algorithms that we name; a transform can turn anything into anything."""
    for element in signature.find(f"{DS}SignedInfo").iter():  # type: ignore[union-attr]  # without one the next step finds nothing signed
        method = element.get("Algorithm")
        name = etree.QName(element).localname
        known = EXCLUSIVE if name in {"CanonicalizationMethod", "Transform"} else allowed
        if method is not None and method not in known:
            raise Halt(Problem(SIGNATURE, rule=f"the algorithm of its {name} is not one that is taken"))


def _referred(root: Element, reference: Element) -> Element:
    """The one element that a reference means.  Two of one id are an attack."""
    wanted = reference.get("URI", "")
    found = [each for each in root.iter() if wanted.startswith("#") and wanted[1:] in (each.get(f"{WSU}Id"), each.get("Id"), each.get("ID"))]
    return _only(found, "element for a reference of the signature")


def _check_time(root: Element, signed: list[Element], now: datetime) -> None:
    for stamp in (each for security in _securities(root) for each in security.iterchildren(f"{WSU}Timestamp")):
        if not any(each is stamp for each in signed):
            raise Halt(Problem(SIGNATURE, rule="the signature does not cover the timestamp"))
        expires, created = stamp.findtext(f"{WSU}Expires"), stamp.findtext(f"{WSU}Created")
        if (expires and _moment(expires) + SKEW < now) or (created and _moment(created) - SKEW > now):
            raise Halt(Problem(SIGNATURE, rule="its timestamp is not of now; see the clocks of both machines"))


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Halt(Problem(SIGNATURE, rule="its timestamp is no time")) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _check_value(signature: Element, signed: list[Element], certificate: bytes) -> None:
    context = xmlsec.SignatureContext()
    try:
        context.key = xmlsec.Key.from_memory(certificate, xmlsec.constants.KeyDataFormatCertPem, None)
        for element in signed:
            name = next(name for name in (f"{WSU}Id", "Id", "ID") if element.get(name) is not None)
            space = etree.QName(name).namespace
            context.register_id(element, etree.QName(name).localname, space)
        context.verify(signature)
    except xmlsec.Error:
        raise Halt(Problem(SIGNATURE, rule="the signature is not by the known key, or what it covers was changed")) from None


def _timestamp(now: datetime, lasting: timedelta) -> Element:
    def said(moment: datetime) -> str:
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    stamp: Element = utils.WSU.Timestamp(utils.WSU.Created(said(now)), utils.WSU.Expires(said(now + lasting)))
    return stamp


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (OSError, xmlsec.Error) as e:
        raise Halt(Problem(TLS, rule=f"a certificate or key of security: cannot be read ({type(e).__name__})")) from e
