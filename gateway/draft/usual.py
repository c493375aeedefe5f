"""What columns are usually called that hold a field of a contract: the trade's own names, in the words of `words`."""

from __future__ import annotations

from collections.abc import Mapping

_PLACE: Mapping[str, str] = {
    "text": "address; call address; incident address",
    "city": "city; address city",
    "state": "state; address state",
    "postalCode": "zip; address zip",
    "beat": "beat",
    "district": "district",
    "zone": "zone; report district",
    "geo": "latitude longitude",
}

_PERSON: Mapping[str, str] = {
    "name.full": "{} name; {}",
    "name.family": "{} family; {} family name",
    "name.given": "{} given; {} given name",
    "dateOfBirth": "{} birth; {} birth time",
    "sex": "{} sex",
    "race": "{} race",
    "phones[]": "{} phone; {} phone number",
}

ROLES: Mapping[str, str] = {"Caller": "caller", "Suspect": "suspect", "Victim": "victim"}
"""Role of a person → the idea in the names of its columns."""

_EXHIBIT: Mapping[str, str] = {
    "evidenceId": "evidence id; evidence number; item id; item number",
    "exhibitNumber": "evidence number; item number; property number",
    "kind": "evidence type; item type; type; type code",
    "status": "status; evidence status; item status; status code",
    "description": "description; item description; evidence description",
    "sizeBytes": "size",
    "capturedAt": "collected time; seized time",
    "capturer.badge": "collected badge; badge; badge number",
    "linkedIncidents[].incidentId": "incident number; incident id; case number; case id; call number; report number",
    "location.text": "collected address; address",
}

USUAL: Mapping[str, Mapping[str, str]] = {
    "incident": {
        "incidentId": "incident number; incident id; call number; call id; case number; case id; incident",
        "reportNumber": "report number; case number; report id",
        "types[]": "type; call type; incident type; type code; call code",
        "initialTypes[]": "initial type; initial call type",
        "priority": "priority; call priority; priority code",
        "initialPriority": "initial priority",
        "statuses[]": "status; call status; incident status; status code",
        "reportedAt": "report time; received time; call time; call received time",
        "occurredStart": "occurred time; incident time; occurred start; from time",
        "occurredEnd": "occurred closed; to time",
        "serviceCall.callId": "call id; call number",
        "serviceCall.mechanism": "call source; source",
        "serviceCall.selfInitiated": "self; self initiated",
        "serviceCall.receivedAt": "call time; call received time; received time",
        "serviceCall.dispatchedAt": "dispatched time; assigned time",
        "serviceCall.enrouteAt": "enroute time; enroute",
        "serviceCall.arrivedAt": "arrived time; arrived",
        "serviceCall.clearedAt": "cleared time; cleared",
        "serviceCall.closedAt": "closed time; closed",
        "dispositions[].code": "disposition; disposition code; call disposition",
        "units[]": "unit; unit id; primary unit",
        "offences[].code": "offence; offence code",
        "narrative": "narrative; description",
        "vehicles[].plate.number": "plate; plate number; vehicle plate",
        "vehicles[].plate.state": "plate state",
        "vehicles[].make": "make; vehicle make",
        "vehicles[].model": "model; vehicle model",
        "vehicles[].vin": "vin",
        "property[].description": "property description; item description",
        "property[].value": "property value; value",
        "property[].serialNumber": "serial; serial number",
        **{f"locations[].{field}": said for field, said in _PLACE.items()},
        **{
            f"persons[{role}].{field}": said.replace("{}", idea)
            for role, idea in ROLES.items()
            for field, said in _PERSON.items()
        },
    },
    "unit": {
        "unitId": "unit; unit id; unit number",
        "type": "unit type; type",
        "incidentId": "call number; call id; incident number; incident id; case number",
        "primaryStatus": "status; unit status; action",
        "statusAt": "status time; action time",
        "primary": "primary; primary unit",
        "assignedAt": "assigned time; dispatched time",
        "enrouteAt": "enroute time; enroute",
        "arrivedAt": "arrived time; arrived",
        "clearedAt": "cleared time; cleared",
        "crew[].badge": "badge; badge number; badge id",
        "remark": "narrative",
        **{f"location.{field}": said for field, said in _PLACE.items()},
    },
    "evidence": _EXHIBIT,
    "recording": {**_EXHIBIT, "start": "start time", "stop": "stop time", "durationS": "duration; duration seconds"},
    "custody-transfer": {
        "transferId": "transfer id; transfer number",
        "evidenceIds[]": "evidence id; evidence number; item id; item number",
        "seq": "sequence; transfer sequence",
        "action": "action; action code; transfer type",
        "at": "transfer time; action time; time",
        "releasing.official.badge": "from badge; from",
        "receiving.official.badge": "to badge; to",
        "reason": "reason; transfer reason",
        "location.text": "address; transfer address",
        "narrative": "narrative",
    },
}
"""Entity → target → names.  What is not here is found by the contract's own names."""

CONSTANT: Mapping[str, str] = {
    "locations[]": "role: {value: CurrentIncident, as: common EIDO.LocationType}",
    **{
        f"persons[{role}]": f"roles: [{{value: {role}, as: common EIDO.PersonRole}}]" for role in ROLES
    },
}
"""What an item of a list says besides what columns fill: its role."""
