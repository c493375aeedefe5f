"""Alert: a warning or a sensor's message, in the terms of CAP 1.2; and Removed, the shortest of all.

CAP's words are kept as they are, so that an alert goes in and out of a public warning system
without being translated twice.
"""

from __future__ import annotations

from contracts.parts import (
    OURS,
    Alternate,
    Code,
    Coded,
    Geo,
    Handling,
    Identifier,
    Key,
    Opaque,
    Part,
    SourceRecord,
    Time,
    field,
    registry,
)

CATEGORY = registry("Geo Met Safety Security Rescue Fire Health Env Transport Infra CBRNE Other")
RESPONSE = registry("Shelter Evacuate Prepare Execute Avoid Monitor Assess AllClear None")
URGENCY = registry("Immediate Expected Future Past Unknown")
SEVERITY = registry("Extreme Severe Moderate Minor Unknown")
CERTAINTY = registry("Observed Likely Possible Unlikely Unknown")
MSG_TYPE = registry("Alert Update Cancel Ack Error")
SCOPE = registry("Public Restricted Private")


class Area(Part):
    """Where an alert holds."""

    description: str | None = field("CAP areaDesc", "place", "The area in words")
    polygon: str | None = field("CAP polygon", "place", "Pairs lat,lon separated by blanks; first equals last")
    circle: str | None = field("CAP circle", "place", "lat,lon and radius in kilometres")
    geo: Geo | None = field("SDM Alert.location", "place", "Point")
    codes: list[Identifier] | None = field("CAP geocode", "place", "Area codes")


class Parameter(Part):
    """A value of the sender's own."""

    name: str | None = field("CAP parameter.valueName", "operational", "Name")
    value: str | None = field("CAP parameter.value", "free-text", "Value")


class Resource(Part):
    """Something that belongs to the alert, by reference."""

    description: str | None = field("CAP resourceDesc", "free-text", "What it is")
    mime_type: str | None = field("CAP mimeType", "operational", "Media type")
    size_bytes: int | None = field("CAP size", "operational", "Size, in bytes", ge=0)
    digest: str | None = field("CAP digest", "key", "SHA-1 of it, as CAP has it")
    ref: Opaque | None = field("CloudEvents dataref", "key", "Opaque reference, never a link")


class Alert(Part):
    """An alert as its sender gave it."""

    agency: Code | None = field("NIBRS DE 1", "operational", "Agency it concerns; common scheme ORI")
    alert_id: Key = field("CAP identifier", "key", "The sender's number", need=True)
    sender: str | None = field("CAP sender", "operational", "Who sent it")
    sent: Time | None = field("CAP sent", "operational", "When it was sent")
    msg_type: str | None = field("CAP msgType", "operational", "First, update, cancel, …", codes=MSG_TYPE)
    source: str | None = field("CAP source", "operational", "Sensor or operator it comes from")
    scope: str | None = field("CAP scope", "operational", "Who may see it", codes=SCOPE)
    restriction: str | None = field("CAP restriction", "operational", "The rule of a restricted scope")
    references: list[Key] | None = field("CAP references", "key", "Earlier alerts it is about")
    incidents: list[Key] | None = field("CAP incidents", "key", "Incidents it belongs to")
    language: str | None = field("CAP language", "operational", "Language of its texts, RFC 3066")
    categories: list[str] | None = field("CAP category", "operational", "Kind of hazard", codes=CATEGORY)
    event: Coded | None = field("CAP event, eventCode", "operational", "What happened")
    response_types: list[str] | None = field("CAP responseType", "operational", "What to do", codes=RESPONSE)
    urgency: str | None = field("CAP urgency", "operational", "How soon", codes=URGENCY)
    severity: str | None = field("CAP severity", "operational", "How bad", codes=SEVERITY)
    certainty: str | None = field("CAP certainty", "operational", "How sure", codes=CERTAINTY)
    observed_at: Time | None = field("SDM dateObserved", "operational", "When a sensor saw it")
    received_at: Time | None = field("nc:ReceivedDate", "operational", "When it came in")
    effective: Time | None = field("CAP effective", "operational", "Holds from")
    onset: Time | None = field("CAP onset", "operational", "Expected beginning")
    expires: Time | None = field("CAP expires", "operational", "Holds until")
    sender_name: str | None = field("CAP senderName", "operational", "Sender, in words")
    headline: str | None = field("CAP headline", "free-text", "Headline")
    description: str | None = field("CAP description", "free-text", "What happened")
    instruction: str | None = field("CAP instruction", "free-text", "What people should do")
    contact: str | None = field("CAP contact", "free-text", "Whom to ask")
    areas: list[Area] | None = field("CAP area", "place", "Where it holds")
    parameters: list[Parameter] | None = field("CAP parameter", "free-text", "The sender's own values")
    resources: list[Resource] | None = field("CAP resource", "operational", "What belongs to it, by reference")
    note: str | None = field("CAP note", "free-text", "Remark")
    alternates: list[Alternate] | None = field("EIDO AlternateValues", "special", "What other sources said")
    handling: Handling | None = field("nc:Metadata", "operational", "How it must be treated")
    source_record: SourceRecord | None = field("nc:SourceIDText", "key", "Where it comes from")


class Removed(Part):
    """The record is gone at its source: forget what was sent about this subject."""

    entity: str = field(OURS, "operational", "What it was: incident, unit, …", need=True)
    reason: str | None = field("LEXS PublishInstruction", "operational", "Why", codes=("source", "part", "policy"))
    removed_at: Time | None = field("nc:LastUpdatedDate", "operational", "When the source removed it, where it says")
    handling: Handling | None = field("nc:Metadata", "operational", "How it must be treated")
