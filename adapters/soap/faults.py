"""A fault as data, and what the settings say it means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from lxml import etree

from adapters.soap.codes import FAULT
from adapters.soap.settings import FaultRule
from gateway.errors import Halt, Problem, Retry
from gateway.xml import Element

Action: TypeAlias = Literal["retry", "reject", "halt", "done", "restart"]
TEMPORARY = frozenset({"Server", "Receiver"})
SECURITY = frozenset({"FailedAuthentication", "FailedCheck", "InvalidSecurity", "InvalidSecurityToken", "SecurityTokenUnavailable"})
OURS = frozenset({"MustUnderstand", "VersionMismatch", "DataEncodingUnknown"})


@dataclass(frozen=True, slots=True)
class Fault:
    """What a service said instead of an answer."""

    codes: tuple[str, ...]
    """Code and subcodes, without prefixes."""
    details: tuple[str, ...]
    """The elements of its detail, without namespaces."""
    text: str
    """Its own words; they may hold anything, so they go nowhere but into the archive and to a rule."""
    original: bytes
    place: str

    def problem(self) -> Problem:
        """The fault for a person: by its codes, never by its words."""
        named = ", ".join(filter(None, [*self.codes, *(f"detail {name}" for name in self.details)]))
        return Problem(FAULT, where=self.place, rule=f"fault {named}" if named else "")


def read(element: Element, original: bytes, place: str) -> Fault:
    """The fault of either version of SOAP."""
    parts = [(etree.QName(child).localname.lower(), child) for child in element]
    codes = [each.text or "" for name, child in parts if name in {"faultcode", "code"} for each in _leaves(child, "Value")]
    texts = [each.text or "" for name, child in parts if name in {"faultstring", "reason"} for each in _leaves(child, "Text")]
    return Fault(
        codes=tuple(code.strip().rpartition(":")[2] for code in codes),
        details=tuple(etree.QName(each).localname for name, child in parts if name == "detail" for each in child),
        text=" ".join(texts),
        original=original,
        place=place,
    )


def _leaves(element: Element, name: str) -> list[Element]:
    """The element itself, as SOAP 1.1 has it, or those inside, as 1.2 does."""
    return list(element.iter(f"{{*}}{name}")) if len(element) else [element]


def meaning(fault: Fault, rules: Sequence[FaultRule]) -> tuple[Action, timedelta | None]:
    """What the first rule that fits says; else by who is to blame: the service later, us never."""
    for rule in rules:
        if _fits(fault, rule):
            return rule.then, rule.after
    if set(fault.codes) & (SECURITY | OURS) or not fault.codes:
        return "halt", None
    return ("retry" if fault.codes[0].partition(".")[0] in TEMPORARY else "reject"), None


def raised(fault: Fault, action: Action, after: timedelta | None) -> Retry | Halt:
    """The error of a fault that is about no single record."""
    return Retry(fault.problem(), after=after) if action == "retry" else Halt(fault.problem())


def _fits(fault: Fault, rule: FaultRule) -> bool:
    return _has(rule.code, fault.codes) and _has(rule.detail, fault.details) and rule.says.lower() in fault.text.lower()


def _has(wanted: str, found: Iterable[str]) -> bool:
    return not wanted or wanted in found
