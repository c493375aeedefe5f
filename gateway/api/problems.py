"""Problems as RFC 9457 says them, in the format that was asked for: JSON, XML, text, or in kind as a SOAP fault."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from math import ceil
from typing import Any
from xml.sax.saxutils import escape  # writes text, parses nothing

import orjson
from fastapi import Request, Response

from gateway.errors import Code, Problem

_ROW = re.compile(r"\bline (\d+)")
_COLUMN = re.compile(r", field (\S+)$")
_PART = re.compile(r"\[(\d+)\]")
_NAMESPACE = "urn:ietf:rfc:7807"  # RFC 9457 keeps that of its predecessor

SOAP = {"1.1": "http://schemas.xmlsoap.org/soap/envelope/", "1.2": "http://www.w3.org/2003/05/soap-envelope"}


class Refusal(Exception):
    """A request that is not carried out.  `problems`: the first says why; the others what is wrong in the document."""

    def __init__(
        self, status: int, *problems: Problem, after: timedelta | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(problems[0].code.id)
        self.status = status
        self.problems = problems
        self.headers = {**(headers or {}), **({"Retry-After": str(ceil(after.total_seconds()))} if after else {})}


def response(request: Request, refusal: Refusal) -> Response:
    """The answer to a request that is refused."""
    body = described(refusal.status, refusal.problems)
    soap = getattr(request.state, "soap", "")
    if soap:
        return Response(_fault(soap, body), 500, refusal.headers, _soap_type(soap))
    match wanted(request):
        case "xml":
            return Response(_xml(body), refusal.status, refusal.headers, "application/problem+xml")
        case "text" | "csv":
            return Response(_text(body), refusal.status, refusal.headers, "text/plain; charset=utf-8")
        case _:
            return Response(orjson.dumps(body), refusal.status, refusal.headers, "application/problem+json")


def wanted(request: Request) -> str:
    """The format that was asked for: json, xml, csv or text; "" where nothing that we have was."""
    asked = request.query_params.get("format")
    if asked:
        return asked if asked in {"json", "xml", "csv", "text"} else ""
    for kind in request.headers.get("accept", "*/*").split(","):
        match kind.partition(";")[0].strip().lower():
            case "*/*" | "application/*" | "application/json" | "application/problem+json":
                return "json"
            case "application/xml" | "text/xml" | "application/problem+xml" | "application/soap+xml":
                return "xml"
            case "text/csv":
                return "csv"
            case "text/plain" | "text/*":
                return "text"
    return ""


def described(status: int, problems: Sequence[Problem]) -> dict[str, Any]:
    """The members of RFC 9457, with code and hint, and one entry for each thing wrong in the document."""
    first, *others = problems
    said: dict[str, Any] = {
        "type": f"urn:copperline:error:{first.code.id}",
        "title": first.code.meaning,
        "status": status,
        "detail": first.rule or first.code.meaning,
        "code": first.code.id,
        "hint": first.code.remedy,
    }
    if first.path:
        said["pointer"] = pointer(first.path)
    if others:
        said["errors"] = [entry(problem.as_dict()) for problem in others]
    return said


def entry(problem: Mapping[str, str], place: str = "") -> dict[str, Any]:
    """One thing wrong with one record: code, message, hint, and where.  `place`: that of the record in its document.

    pointer is the field of the canonical record; column that of the document.
    """
    said: dict[str, Any] = {"code": problem["code"], "message": problem["rule"], "hint": problem["remedy"]}
    if problem["path"]:
        said["pointer"] = pointer(problem["path"])
    if problem["where"]:
        said["where"] = problem["where"]
    if row := _ROW.search(place or problem["where"]):
        said["row"] = int(row[1])
    if column := _COLUMN.search(problem["where"]):
        said["column"] = column[1]
    return said


def pointer(path: str) -> str:
    """A path such as offenses[0].code as a JSON pointer (RFC 6901)."""
    steps = _PART.sub(r".\1", path).split(".")
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps if step)


def _xml(body: Mapping[str, Any]) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<problem xmlns="{_NAMESPACE}">{elements(body)}</problem>\n'.encode()


def elements(body: Mapping[str, Any]) -> str:
    """JSON members as XML: a list is an element that holds `i` for each item, as RFC 9457 does."""
    return "".join(f"<{name}>{_content(value)}</{name}>" for name, value in body.items())


def _content(value: Any) -> str:
    match value:
        case dict():
            return elements(value)
        case list() | tuple():
            return "".join(f"<i>{_content(item)}</i>" for item in value)
        case bool():
            return str(value).lower()
        case None:
            return ""
        case _:
            return escape(legal(str(value)))


def legal(text: str) -> str:
    """Text without the characters that XML 1.0 cannot hold."""
    return _ILLEGAL.sub("\ufffd", text)


_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _text(body: Mapping[str, Any]) -> str:
    lines = [f"# {body['code']}: {body['detail']}. {body['hint']}"]
    lines += [f"# {one.get('where', '')} {one['code']}: {one['message']}. {one['hint']}" for one in body.get("errors", ())]
    return "\n".join(lines) + "\n"


def soap_answer(version: str, body: Mapping[str, Any]) -> Response:
    """An answer in the envelope of the request."""
    space = SOAP[version]
    inner = f'<receipt xmlns="urn:copperline:receipt">{elements(body)}</receipt>'
    return Response(_enveloped(space, inner), 200, media_type=_soap_type(version))


def _fault(version: str, body: Mapping[str, Any]) -> bytes:
    detail = f'<problem xmlns="{_NAMESPACE}">{elements(body)}</problem>'
    reason = escape(legal(f"{body['code']}: {body['detail']}"))
    party = "server" if body["status"] >= 500 else "client"
    if version == "1.1":
        code = {"server": "s:Server", "client": "s:Client"}[party]
        inner = f"<s:Fault><faultcode>{code}</faultcode><faultstring>{reason}</faultstring><detail>{detail}</detail></s:Fault>"
    else:
        code = {"server": "s:Receiver", "client": "s:Sender"}[party]
        inner = (
            f"<s:Fault><s:Code><s:Value>{code}</s:Value></s:Code>"
            f'<s:Reason><s:Text xml:lang="en">{reason}</s:Text></s:Reason><s:Detail>{detail}</s:Detail></s:Fault>'
        )
    return _enveloped(SOAP[version], inner)


def _enveloped(space: str, inner: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<s:Envelope xmlns:s="{space}"><s:Body>{inner}</s:Body></s:Envelope>\n'.encode()


def _soap_type(version: str) -> str:
    return "text/xml; charset=utf-8" if version == "1.1" else "application/soap+xml; charset=utf-8"


def simple(status: int, code: Code, rule: str = "") -> Refusal:
    """A refusal for one reason."""
    return Refusal(status, Problem(code, rule=rule))
