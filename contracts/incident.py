"""Incident: what happened, where, to whom, and what became of it.

One record for a call for service, a live dispatch, a crime report or an arrest without one: a
source fills what it knows, so nothing but the source's own number is required.
"""

from __future__ import annotations

from contracts.involved import Drug, Person, Property, Vehicle, VehicleCount, Weapon
from contracts.parts import (
    Alternate,
    Code,
    Coded,
    Handling,
    Identifier,
    Key,
    Location,
    Officer,
    Opaque,
    Part,
    SourceRecord,
    Time,
    field,
    registry,
)

INCIDENT_STATUS = registry(
    "Active Cancelled Closed FireUnderControl NewLocation ReOpened ResourcesAssigned ResourcesEnroute "
    "ResourcesOnscene StructureCleared"
)

MECHANISMS = registry("ALARM E911 HEARING_IMPAIRED INTERNET-EMAIL MULTIPLE OFFICER PHONE TELETYPE UNKNOWN WALK-IN")


class Offence(Part):
    """One offence of the incident."""

    id: str | None = field("j:Offense @id", "key", "Name of the offence within this record, e.g. offence-13A")
    code: Coded | None = field("NIBRS DE 6", "operational", "Which offence; common scheme UCR")
    attempted: bool | None = field("NIBRS DE 7", "operational", "Attempted, not completed")
    using: list[Coded] | None = field("NIBRS DE 8", "special", "Offender suspected of using alcohol, drugs, a computer")
    bias: list[Coded] | None = field("NIBRS DE 8A", "special", "Bias that moved the offender")
    location_category: Coded | None = field("NIBRS DE 9", "place", "Kind of place")
    premises_entered: int | None = field("NIBRS DE 10", "operational", "Premises entered", ge=0)
    entry_method: Coded | None = field("NIBRS DE 11", "operational", "Entry by force or without")
    activities: list[Coded] | None = field("NIBRS DE 12", "operational", "Criminal activity or gang involvement")
    weapons: list[Weapon] | None = field("NIBRS DE 13", "operational", "Weapons or force used")


class Arrest(Part):
    """One arrest; with Group B offences it is all there is of the incident."""

    number: str | None = field("NIBRS DE 41", "key", "Transaction number")
    seq: int | None = field("NIBRS DE 40", "operational", "Number of the arrestee", ge=0)
    person: str | None = field("j:ArrestSubject @ref", "key", "`id` of the arrestee in this record")
    at: Time | None = field("NIBRS DE 42", "operational", "When")
    kind: Coded | None = field("NIBRS DE 43", "operational", "On view, summoned, taken into custody")
    multiple: Coded | None = field("NIBRS DE 44", "operational", "Whether the arrest clears several incidents")
    offence: Coded | None = field("NIBRS DE 45", "operational", "Offence of the arrest; common scheme UCR")
    armed_with: list[Weapon] | None = field("NIBRS DE 46", "operational", "What the arrestee was armed with")
    under18: Coded | None = field("NIBRS DE 52", "special", "How an arrestee under 18 was dealt with")
    official: Officer | None = field("j:ArrestOfficial", "officer", "Arresting officer")
    location: Location | None = field("j:ArrestLocation", "place", "Where")


class ExceptionalClearance(Part):
    """Cleared without an arrest, and why."""

    code: Coded | None = field("NIBRS DE 4", "operational", "Reason")
    at: Time | None = field("NIBRS DE 5", "operational", "When")


class Disposition(Part):
    """What became of a call."""

    code: Coded | None = field("EIDO dispositionComponent", "operational", "Outcome; common scheme APCO 1.111.2")
    at: Time | None = field("EIDO dispositionComponent", "operational", "When")
    unit: str | None = field("EIDO dispositionComponent", "operational", "Unit that gave it")


class AssignedUnit(Part):
    """A unit on the call and its times, where the call says them itself."""

    unit_id: Key = field("j:ServiceCallAssignedUnit", "operational", "Call sign", need=True)
    primary: bool | None = field("j:ServiceCallAssistingUnit", "operational", "First unit, not an assisting one")
    assigned_at: Time | None = field("em:UnitAssignedDate", "operational", "Assigned")
    enroute_at: Time | None = field("EIDO SecondaryUnitStatus EnRoute", "operational", "On the way")
    arrived_at: Time | None = field("EIDO SecondaryUnitStatus Arrived", "operational", "On scene")
    cleared_at: Time | None = field("em:UnitUnassignedDate", "operational", "Free again")


class ServiceCall(Part):
    """The call for service: how it came in and its times."""

    call_id: str | None = field("j:ServiceCall nc:ActivityIdentification", "key", "Number of the call")
    mechanism: Coded | None = field("j:ServiceCallMechanismCode", "operational", "How it came in", codes=MECHANISMS)
    self_initiated: bool | None = field(
        "EIDO ResponderInitiatedEvent", "operational", "Begun by an officer, not a caller"
    )
    received_at: Time | None = field("em:CallOpenDate", "operational", "Call received or created")
    dispatched_at: Time | None = field("j:ServiceCallDispatchedDate", "operational", "First unit dispatched")
    enroute_at: Time | None = field("EIDO SecondaryUnitStatus EnRoute", "operational", "First unit on the way")
    arrived_at: Time | None = field("j:ServiceCallArrivedDate", "operational", "First unit on scene")
    cleared_at: Time | None = field("j:ServiceCallClearedDate", "operational", "Last unit cleared")
    closed_at: Time | None = field("em:CallCloseDate", "operational", "Call closed")
    units: list[AssignedUnit] | None = field("em:ServiceCallAssignedUnit", "operational", "Units on the call")
    dispatcher: Officer | None = field("j:ServiceCallDispatcher", "officer", "Dispatcher")


class Note(Part):
    """A remark on the incident, with its time."""

    at: Time | None = field("EIDO notesComponent", "operational", "When it was written")
    text: str | None = field("EIDO notesComponent", "free-text", "What it says")
    author: Officer | None = field("EIDO notesComponent", "officer", "Who wrote it")


class EvidenceLink(Part):
    """An exhibit of this incident, by reference."""

    evidence_id: str | None = field("j:IncidentEvidence", "key", "The evidence system's own id")
    ref: Opaque | None = field("CloudEvents dataref", "key", "Opaque reference to the exhibit, never a link")
    kind: Coded | None = field("j:BinaryCategoryCode", "operational", "Kind of evidence")


class RelatedIncident(Part):
    """Another incident that this one is linked to or merged with."""

    incident_id: Key = field("EIDO linkComponent", "key", "Its number", need=True)
    relation: Coded | None = field("EIDO linkComponent, mergeComponent", "operational", "Duplicate, merged, related")


class Incident(Part):
    """An incident as one source knows it."""

    agency: Code | None = field("NIBRS DE 1", "operational", "Agency whose incident it is; common scheme ORI")
    incident_id: Key = field("EIDO incidentComponent.internalIncidentId", "key", "The source's number", need=True)
    report_number: str | None = field("EIDO documentIdentification", "key", "Number of the report, where another one")
    report_number_type: str | None = field(
        "EIDO reportNumberType", "operational", "New, Ongoing, Reopened", codes=("New", "Ongoing", "Reopened")
    )
    other_ids: list[Identifier] | None = field("nc:ActivityIdentification", "key", "Numbers elsewhere")
    report_category: Coded | None = field("NIBRSReportCategoryCode", "operational", "Group A report, Group B arrest")
    types: list[Coded] | None = field("EIDO incidentTypeInternalCode", "operational", "What it is, as known now")
    initial_types: list[Coded] | None = field(
        "EIDO incidentTypeInternalCode", "operational", "What it was called in as"
    )
    statuses: list[Coded] | None = field(
        "EIDO incidentStatusCommonRegistryText", "operational", "Where it stands", codes=INCIDENT_STATUS
    )
    priority: Coded | None = field("EIDO incidentCommonPriorityNumber", "operational", "Priority now")
    initial_priority: Coded | None = field("EIDO incidentPriorityInternalText", "operational", "Priority as called in")
    occurred_start: Time | None = field("NIBRS DE 3", "operational", "When it happened or began")
    occurred_end: Time | None = field("nc:ActivityDateRange", "operational", "When it ended")
    reported_at: Time | None = field("nc:IncidentReportedDate", "operational", "When it was reported")
    report_date: bool | None = field(
        "NIBRS DE 3 report-date indicator", "operational", "The date is that of the report"
    )
    service_call: ServiceCall | None = field("j:IncidentServiceCall", "operational", "The call for service")
    locations: list[Location] | None = field("nc:IncidentLocation", "place", "Places")
    offences: list[Offence] | None = field("j:Offense", "operational", "Offences")
    persons: list[Person] | None = field("EIDO personComponent", "personal", "Persons and their roles")
    vehicles: list[Vehicle] | None = field("EIDO vehicleComponent", "operational", "Vehicles")
    property: list[Property] | None = field("NIBRS DE 14-17", "operational", "Property")
    vehicle_counts: list[VehicleCount] | None = field("NIBRS DE 14, 18, 19", "operational", "Vehicles stolen, found")
    drugs: list[Drug] | None = field("NIBRS DE 20-22", "operational", "Drugs")
    arrests: list[Arrest] | None = field("j:IncidentArrest", "operational", "Arrests")
    cargo_theft: bool | None = field("NIBRS DE 2A", "operational", "Theft of cargo")
    exceptional_clearance: ExceptionalClearance | None = field("NIBRS DE 4, 5", "operational", "Cleared without arrest")
    dispositions: list[Disposition] | None = field("EIDO dispositionComponent", "operational", "What became of it")
    units: list[str] | None = field("j:IncidentResponseOrganization", "operational", "Call signs of the units involved")
    evidence: list[EvidenceLink] | None = field("j:IncidentEvidence", "operational", "Exhibits, by reference")
    related: list[RelatedIncident] | None = field("EIDO linkComponent", "key", "Other incidents")
    narrative: str | None = field("nc:ActivityDescriptionText", "free-text", "What happened, in words")
    notes: list[Note] | None = field("EIDO notesComponent", "free-text", "Remarks in their order")
    alternates: list[Alternate] | None = field("EIDO AlternateValues", "special", "What other sources said")
    handling: Handling | None = field("nc:Metadata", "operational", "How it must be treated")
    source_record: SourceRecord | None = field("nc:SourceIDText", "key", "Where it comes from")
