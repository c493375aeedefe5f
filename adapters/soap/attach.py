"""A finished message as bytes: CDATA where it is asked for, and large base64 as MTOM parts.

zeep sends neither.  Both change only how the message is written: the canonical form, and so a
signature over it, is the same.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Sequence
from typing import Any

from lxml import etree

from adapters.soap.codes import REQUEST
from gateway.errors import Problem, Reject
from gateway.xml import Element

XOP = "http://www.w3.org/2004/08/xop/include"
DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'


def message(
    envelope: Element, cdata: Sequence[str], attach: Sequence[str], *, soap12: bool, action: str
) -> tuple[bytes, str]:
    """Body and Content-Type of a request.  Raises Reject where what is to be attached is no base64."""
    for path in cdata:
        for element in _found(envelope, path):
            element.text = etree.CDATA(element.text or "")
    kind = "application/soap+xml" if soap12 else "text/xml"
    named = f"; action={action}" if soap12 and action.strip('"') else ""
    parts = [part for path in attach for element in _found(envelope, path) for part in [_part(element)]]
    written = DECLARATION + etree.tostring(envelope, encoding="utf-8")
    if not parts:
        return written, f"{kind}; charset=utf-8{named}"
    return _multipart(written, parts, kind, named)


def _found(envelope: Element, path: str) -> list[Element]:
    """The elements at a path from the body inward, whatever their namespaces."""
    names = "/".join(f"*[local-name() = '{name}']" for name in ["Body", *path.split("/")])
    found: Any = envelope.xpath(names)
    return [element for element in found if element.text]


def _part(element: Element) -> tuple[str, bytes]:
    try:
        data = base64.b64decode(element.text or "", validate=True)
    except (binascii.Error, ValueError):
        raise Reject(Problem(REQUEST, path=etree.QName(element).localname, rule="what is to be attached is no base64")) from None
    name = f"{secrets.token_hex(12)}@copperline"
    element.text = None
    etree.SubElement(element, f"{{{XOP}}}Include", href=f"cid:{name}", nsmap={"xop": XOP})
    return name, data


def _multipart(written: bytes, parts: Sequence[tuple[str, bytes]], kind: str, named: str) -> tuple[bytes, str]:
    boundary, start = f"copperline-{secrets.token_hex(16)}", "message@copperline"
    head = f'Content-Type: application/xop+xml; charset=utf-8; type="{kind}"\r\nContent-Transfer-Encoding: 8bit\r\nContent-ID: <{start}>'
    pieces = [_piece(boundary, head, written)]
    for name, data in parts:
        head = f"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <{name}>"
        pieces.append(_piece(boundary, head, data))
    content_type = f'multipart/related; type="application/xop+xml"; boundary="{boundary}"; start="<{start}>"; start-info="{kind}"{named}'
    return b"".join(pieces) + f"--{boundary}--\r\n".encode(), content_type


def _piece(boundary: str, head: str, data: bytes) -> bytes:
    return f"--{boundary}\r\n{head}\r\n\r\n".encode() + data + b"\r\n"
