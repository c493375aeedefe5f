"""An agreement as an entry of the register of disclosures that a data-protection officer keeps."""

from __future__ import annotations

from typing import Any

from gateway.agreement.values import Agreement, Conditions


def entry(agreement: Agreement) -> dict[str, Any]:
    """What the register says of one agreement, as plain JSON: names of fields and categories, never a value."""
    return {
        "agreement": agreement.name,
        "digest": agreement.digest,
        "title": agreement.title,
        "provider": agreement.provider,
        "recipient": agreement.recipient,
        "law_enforcement": agreement.law_enforcement,
        "contact": agreement.contact,
        "prepared_by": agreement.prepared_by,
        "purpose": agreement.purpose,
        "legal_basis": agreement.legal_basis,
        "authority": agreement.authority,
        "impact_assessment": agreement.impact_assessment,
        "valid": {"from": agreement.valid_from.isoformat(), "to": agreement.valid_to.isoformat()},
        "retention_days": agreement.retention_days,
        "onward": agreement.onward,
        "obligations": list(agreement.obligations),
        "topics": list(agreement.topics),
        "select": _plain(agreement.select),
        "leave_out": _plain(agreement.leave_out),
        "includes": sorted(agreement.includes),
        "fields": _fields(agreement),
        "destinations": {one.name: one.via for one in agreement.destinations},
    }


def _fields(agreement: Agreement) -> Any:
    if agreement.fields is None:
        return "all"
    return {
        entity: {path: agreement.treatments.get(entity, {}).get(path, "plain") for path in paths}
        for entity, paths in agreement.fields.items()
    }


def _plain(conditions: Conditions) -> dict[str, dict[str, list[str]]]:
    return {entity: {path: list(values) for path, values in said.items()} for entity, said in conditions.items()}
