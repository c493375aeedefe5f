"""CAP 1.2, the alert of public warning systems: read, and held against the rules of its standard.

Section numbers are those of the OASIS standard.  Texts stay as the sender wrote them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.errors import Problem, Reject
from gateway.inbound.codes import CONTRACT, FORM
from gateway.xml import Naming, parse

ROOT = "{urn:oasis:names:tc:emergency:cap:1.2}alert"
LISTS = (
    "code", "info", "info.category", "info.responseType", "info.eventCode", "info.parameter", "info.resource", "info.area",
    "info.area.polygon", "info.area.circle", "info.area.geocode",
)  # fmt: skip

# 3.2.1 alert
NEEDED = ("identifier", "sender", "sent", "status", "msgType", "scope")
WORDS: Mapping[str, frozenset[str]] = {
    "status": frozenset("Actual Exercise System Test Draft".split()),
    "msgType": frozenset("Alert Update Cancel Ack Error".split()),
    "scope": frozenset("Public Restricted Private".split()),
}
# 3.2.2 info
INFO_NEEDED = ("event", "urgency", "severity", "certainty")
INFO_WORDS: Mapping[str, frozenset[str]] = {
    "urgency": frozenset("Immediate Expected Future Past Unknown".split()),
    "severity": frozenset("Extreme Severe Moderate Minor Unknown".split()),
    "certainty": frozenset("Observed Likely Possible Unlikely Unknown".split()),
}
CATEGORIES = frozenset("Geo Met Safety Security Rescue Fire Health Env Transport Infra CBRNE Other".split())
RESPONSES = frozenset("Shelter Evacuate Prepare Execute Avoid Monitor Assess AllClear None".split())

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d")
NAME = re.compile(r"[^\s,&<]+")
"""3.2.1: identifier and sender hold no blanks, commas, < or &."""


def read(text: bytes) -> dict[str, Any]:
    """The alert as plain values: `info` is its first, `more` are those in other languages.

    Raises Reject with everything that breaks the standard.
    """
    root = parse(text)
    if root.tag != ROOT:
        raise Reject(Problem(FORM, rule="the XML is not a CAP 1.2 alert"))
    alert = Naming(lists=frozenset(LISTS)).reader()(root)
    problems = list(_problems(alert))
    if problems:
        raise Reject(*problems)
    alert["references"] = _references(alert)
    first, *more = alert.pop("info") or [None]
    alert |= ({"info": first} if first else {}) | ({"more": more} if more else {})
    return alert


def key(alert: Mapping[str, Any]) -> str:
    """The number of the record that a message belongs to: its own, or that of the first alert that it refers to."""
    if alert["msgType"] == "Alert" or not alert["references"]:
        return str(alert["identifier"])
    first: str = alert["references"][0]
    return first


def _references(alert: Mapping[str, Any]) -> list[str]:
    """Identifiers of the earlier messages of this sender, the earliest first (3.2.1: sender,identifier,sent)."""
    triples = [one.split(",") for one in _text(alert.get("references")).split()]
    own = [one for one in triples if len(one) == 3 and one[0] == alert["sender"]]
    return [identifier for _, identifier, _ in sorted(own, key=lambda one: one[2])]


def _problems(alert: Mapping[str, Any]) -> Iterator[Problem]:
    for name in NEEDED:
        if not _text(alert.get(name)):
            yield _wrong(name, "is missing")
    yield from _words(alert, WORDS, "")
    yield from (_wrong(name, "holds a blank, a comma, < or &") for name in ("identifier", "sender") if not NAME.fullmatch(_text(alert.get(name)) or "-"))
    yield from _times(alert, ("sent",), "")
    if alert.get("scope") == "Restricted" and not _text(alert.get("restriction")):
        yield _wrong("restriction", "is missing, and the scope is Restricted")
    if alert.get("scope") == "Private" and not _text(alert.get("addresses")):
        yield _wrong("addresses", "is missing, and the scope is Private")
    for number, info in enumerate(alert["info"]):
        yield from _info(info, f"info.{number}.")


def _info(info: Any, at: str) -> Iterator[Problem]:
    if not isinstance(info, dict):
        yield _wrong(at.rstrip("."), "is empty")
        return
    yield from (_wrong(at + name, "is missing") for name in INFO_NEEDED if not _text(info.get(name)))
    yield from _words(info, INFO_WORDS, at)
    if not info["category"]:
        yield _wrong(at + "category", "is missing")
    yield from (_wrong(at + "category", "is none of the standard's words") for one in info["category"] if one not in CATEGORIES)
    yield from (_wrong(at + "responseType", "is none of the standard's words") for one in info["responseType"] if one not in RESPONSES)
    yield from _times(info, ("effective", "onset", "expires"), at)
    for number, area in enumerate(info["area"]):
        if not isinstance(area, dict) or not _text(area.get("areaDesc")):
            yield _wrong(f"{at}area.{number}.areaDesc", "is missing")


def _words(said: Mapping[str, Any], words: Mapping[str, frozenset[str]], at: str) -> Iterator[Problem]:
    for name, known in words.items():
        if _text(said.get(name)) and said[name] not in known:
            yield _wrong(at + name, "is none of the standard's words")


def _times(said: Mapping[str, Any], names: tuple[str, ...], at: str) -> Iterator[Problem]:
    for name in names:
        if name in said and not TIME.fullmatch(_text(said[name])):
            yield _wrong(at + name, "is not a time like 2026-01-02T03:04:05-05:00")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _wrong(path: str, rule: str) -> Problem:
    return Problem(CONTRACT, path=path, rule=rule)
