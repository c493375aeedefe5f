"""Unit: one resource, its status and its times on an incident.

A unit is known by its call sign; who sits in the car is of class officer and goes its own way.
"""

from __future__ import annotations

from contracts.parts import (
    Alternate,
    Code,
    Coded,
    Handling,
    Key,
    Location,
    Officer,
    Part,
    SourceRecord,
    Time,
    field,
    registry,
)

PRIMARY_STATUS = registry("Available ConditionallyAvailable NotAvailable")

SECONDARY_STATUS = registry(
    "AcknowledgedTransmission AlternateLocation Arrived Assigned AssignmentCancelled BacktoAssignedArea "
    "Backup Break CheckedIn Cleared COP_or_POP Court CoveringAlternateArea Delayed Departed Dispatched "
    "EnRoute EquipmentIssues Event Hospital InService Investigation Location Meal Meeting OffDuty OnDuty "
    "OnScene OutofService PatientContact Post ResponderInitiatedEvent RollCall Roster ShiftPending "
    "Staging Station TrafficStop Training Transporting Unmanned"
)


class Unit(Part):
    """A unit as dispatch sees it at one moment."""

    agency: Code | None = field("NIBRS DE 1", "operational", "Agency whose unit it is; common scheme ORI")
    unit_id: Key = field("EIDO emergencyResourceName", "operational", "Call sign", need=True)
    type: Coded | None = field("EIDO emergencyResourceTypeCommonRegistryText", "operational", "Kind of resource")
    attributes: list[Coded] | None = field("EIDO resourceAttributeRegistryText", "operational", "What it can do")
    primary_status: Coded | None = field(
        "EIDO primaryUnitStatusRegistryText", "operational", "Can it be sent", codes=PRIMARY_STATUS
    )
    secondary_statuses: list[Coded] | None = field(
        "EIDO secondaryUnitStatusRegistryText", "operational", "What it is doing", codes=SECONDARY_STATUS
    )
    emergency: Coded | None = field("EIDO UnitEmergencyStateType", "operational", "The unit itself is in trouble")
    status_at: Time | None = field("EIDO lastUpdateTimeStamp", "operational", "When the status was set")
    incident_id: str | None = field("EIDO incidentComponent.internalIncidentId", "key", "Incident it is on")
    primary: bool | None = field("j:ServiceCallAssistingUnit", "operational", "First unit of the call")
    assigned_at: Time | None = field("em:UnitAssignedDate", "operational", "Assigned or dispatched")
    enroute_at: Time | None = field("EIDO SecondaryUnitStatus EnRoute", "operational", "On the way")
    arrived_at: Time | None = field("EIDO SecondaryUnitStatus Arrived", "operational", "On scene")
    cleared_at: Time | None = field("em:UnitUnassignedDate", "operational", "Free again")
    location: Location | None = field("EIDO unitLocationReference", "place", "Where it is")
    destination: Location | None = field("EIDO unitDestinationReference", "place", "Where it is going")
    eta: Time | None = field("EIDO eta", "operational", "Expected on scene")
    crew: list[Officer] | None = field("EIDO agentReference", "officer", "Who is in it")
    remark: str | None = field("EIDO notesComponent", "free-text", "Remark of the dispatcher")
    alternates: list[Alternate] | None = field("EIDO AlternateValues", "special", "What other sources said")
    handling: Handling | None = field("nc:Metadata", "operational", "How it must be treated")
    source_record: SourceRecord | None = field("nc:SourceIDText", "key", "Where it comes from")
