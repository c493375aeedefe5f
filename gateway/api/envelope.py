"""A document in a SOAP envelope: taken out, and answered in kind.  What is in the header is not read."""

from __future__ import annotations

import codecs
import re

from fastapi import Request

from gateway import xml
from gateway.api.codes import ENVELOPE
from gateway.api.problems import SOAP, Refusal, simple
from gateway.errors import Reject

_HEAD = 4096
_ENVELOPE = re.compile(rb"<([A-Za-z_][\w.-]*:)?Envelope[\s>]")


def opened(request: Request, data: bytes) -> bytes:
    """The document that an envelope holds; any other body as it is.  Raises Refusal where an envelope is empty.

    Notes the version of the envelope, so that the answer comes in one too.
    """
    request.state.soap = ""
    first = data[:_HEAD].removeprefix(codecs.BOM_UTF8).lstrip()
    if not first.startswith(b"<") or not _ENVELOPE.search(first):
        return data
    try:
        root = xml.parse(data)
    except Reject as e:
        raise Refusal(422, *e.problems) from e
    for version, space in SOAP.items():
        if root.tag == f"{{{space}}}Envelope":
            request.state.soap = version
            bodies = root.findall(f"{{{space}}}Body")
            if len(bodies) != 1 or len(bodies[0]) != 1:
                raise simple(422, ENVELOPE)
            return xml.written(bodies[0][0])
    return data
