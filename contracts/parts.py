"""The small parts every contract is made of: codes, times, places, officers, handling.

One idea: nothing of the source is lost on the way to the common term.  A code stands beside the
source's own, a time beside its text, a position beside the source's pair, and a conflicting value
beside the one that was chosen.

Every field is declared with `field(source, cls, says)`: the standard its name and meaning come
from, its class, and one sentence.  `contracts.publish` refuses a field without all three.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

CLASSES: Final = ("operational", "place", "personal", "special", "officer", "free-text", "key")
"""operational: about the work · place: where · personal: about a person · special: race, health, bias, juveniles ·
officer: about a member of the service · free-text: anything may stand in it · key: identifies or joins a record."""

INHERITED: Final = "inherited"
"""The class of a field of a shared value (`Code`, `Time`, `Geo`, …): that of the field that holds the value."""

OURS: Final = "Copperline"
"""The source of a name that no standard of the field has."""

UNMAPPED: Final = "unmapped"
"""The common code of what nobody has classified yet."""

Key = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Opaque = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:~+-]{1,200}$")]
"""A reference that a store resolves for those it knows: no path, no query, so never a link that is signed."""
Instant = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Day = Annotated[str, Field(json_schema_extra={"format": "date"})]


def field(source: str, cls: str, says: str, *, need: bool = False, codes: tuple[str, ...] = (), **limits: Any) -> Any:
    """A field of a contract: the standard it comes from, its class and what it says.

    `need`: required.  `codes`: the registry of its (common) code, open to consumers, held on our side.
    `limits`: what pydantic's Field takes (ge, le, pattern, min_length, …).
    """
    extra: dict[str, Any] = {"x-class": cls, "x-source": source}
    if codes:
        extra["x-codes"] = list(codes)
    return Field(... if need else None, description=says, json_schema_extra=extra, **limits)


def registry(words: str) -> tuple[str, ...]:
    """The codes of a registry, written as words."""
    return tuple(words.split())


LOCATION_ROLES = registry(
    "RoutingLocation Caller CurrentIncident InitialIncident Investigation Other Staging TowerLocation UnitLocation"
)
PRECISIONS = registry("day hour minute second millisecond")


class Part(BaseModel):
    """How every model is written: snake_case here, camelCase on the wire, unknown fields let through."""

    model_config = ConfigDict(extra="allow", alias_generator=to_camel, populate_by_name=True)


class Code(Part):
    """One code of one list, with its text where the source or the list gives one."""

    code: str = field("nc:CodeType", INHERITED, "The code itself", need=True, min_length=1)
    scheme: str | None = field(
        "nc:CodeType @listID", INHERITED, "Which list: UCR, ORI, EIDO.PersonRole, a system's own"
    )
    text: str | None = field("EIDO …Text", INHERITED, "What the code stands for; the source's text may be cut short")


class Coded(Part):
    """A coded fact: the source's own code beside the common one."""

    internal: Code | None = field("EIDO …InternalCode", INHERITED, "As the source said it")
    common: Code | None = field(
        "EIDO …CommonRegistryText", INHERITED, "In the common list; `unmapped` if not yet known"
    )


class Time(Part):
    """An instant with its zone, and the text it was read from."""

    at: Instant = field("nc:DateTime", INHERITED, "RFC 3339, always with an offset", need=True)
    text: str | None = field("EIDO AlternateValues", INHERITED, "The source's text, where it differs")
    zone: str | None = field("nc:DateTimeZone", INHERITED, "IANA zone that a time without offset was read in")
    ambiguous: bool | None = field(OURS, INHERITED, "The local time came twice that night; the first is taken")
    precision: str | None = field("nc:DateRepresentation", INHERITED, "How much was said", codes=PRECISIONS)


class Geo(Part):
    """A position in WGS 84 where it is known, and the source's own pair."""

    lat: float | None = field("nc:LocationGeospatialCoordinate", INHERITED, "Degrees north, WGS 84", ge=-90, le=90)
    lon: float | None = field("nc:LocationGeospatialCoordinate", INHERITED, "Degrees east, WGS 84", ge=-180, le=180)
    text: str | None = field("EIDO locationComponent", INHERITED, "The pair as the source wrote it")
    srid: str | None = field("EPSG", INHERITED, "Reference system of the source's pair, e.g. EPSG:3452")
    accuracy_m: float | None = field("Axis TriggerOnLocation", INHERITED, "Radius in metres", ge=0)
    method: str | None = field("EIDO locationComponent", INHERITED, "How it was found: gnss, geocoded, cell, entered")


class Identifier(Part):
    """An id that somebody else gave."""

    id: Key = field("nc:IdentificationID", INHERITED, "The id", need=True)
    scheme: str | None = field("nc:IdentificationCategory", INHERITED, "What kind of id it is")
    issuer: str | None = field("nc:IdentificationJurisdiction", INHERITED, "Who gave it")


class Location(Part):
    """A place, as text and in parts, with its role in the record."""

    role: Coded | None = field(
        "EIDO LocationType",
        "operational",
        "What the place is to the record",
        codes=LOCATION_ROLES,
    )
    text: str | None = field("nc:LocationDescriptionText", "place", "The place as the source wrote it")
    block: str | None = field("nc:AddressFullText", "place", "Hundred block, house number masked, e.g. 001XX Elm St")
    street: str | None = field("nc:LocationStreet", "place", "Street with house number")
    intersection: str | None = field("nc:LocationCrossStreet", "place", "Two streets that meet")
    city: str | None = field("nc:LocationCityName", "place", "City")
    state: str | None = field("nc:LocationState", "place", "State")
    postal_code: str | None = field("nc:LocationPostalCode", "place", "Postal code")
    country: str | None = field("nc:LocationCountry", "place", "Country, ISO 3166")
    beat: str | None = field("EIDO beatOrDispatchGroupText", "place", "Beat")
    district: str | None = field("j:EnforcementUnit", "place", "District, area or division of the agency")
    zone: str | None = field("j:EnforcementUnit", "place", "Reporting district or zone")
    geo: Geo | None = field("nc:Location2DGeospatialCoordinate", "place", "Position")
    category: Coded | None = field("NIBRS DE 9", "place", "Kind of place: bar, residence, school, …")


class Officer(Part):
    """A member of the service in one function of one record."""

    id: str | None = field("Axis UserID", "officer", "The source's id of the person")
    badge: str | None = field("j:EnforcementOfficialBadgeIdentification", "officer", "Badge number")
    name: str | None = field("nc:PersonFullName", "officer", "Name")
    unit: str | None = field("j:EnforcementOfficialUnit", "officer", "Unit")
    agency: Code | None = field("NIBRS DE 25C", "officer", "Agency, where another one")
    activity: Coded | None = field("NIBRS DE 25A", "officer", "What the officer was doing when harmed")
    assignment: Coded | None = field("NIBRS DE 25B", "officer", "Kind of duty")


class AlternateValue(Part):
    """One other value that a source gave."""

    value: Any = field("EIDO AlternateValues.Value", "special", "The value; may be of any class, so of the strictest")
    source: str | None = field("EIDO AlternateValues.Constituent", "operational", "Which source said it")
    at: Time | None = field("EIDO AlternateValues.TimeStamp", "operational", "When it said so")


class Alternate(Part):
    """What other sources said of one field: kept, not overwritten."""

    element: str = field("EIDO AlternateValues.Element", "operational", "Dotted path of the field", need=True)
    values: list[AlternateValue] | None = field("EIDO AlternateValues.Alternate", "special", "The other values")


class Handling(Part):
    """How a record must be treated wherever it goes."""

    caveats: list[str] | None = field("nc:CaveatText", "operational", "Warnings and limits of use")
    juvenile: bool | None = field("nc:SensitivityAbstract", "operational", "Rules for juveniles apply")
    sealed: bool | None = field("nc:SensitivityAbstract", "operational", "Sealed by a court or by law")
    expires: Instant | None = field("nc:ExpirationDate", "operational", "Not to be kept after")


class SourceRecord(Part):
    """Where the record comes from, in the source's own terms."""

    system: str | None = field("nc:SourceText", "operational", "The legacy system, as the site names it")
    key: str | None = field("nc:SourceIDText", "key", "The record's number there")
    period: str | None = field("NIBRS month and year of submission", "operational", "What it was submitted for")
    updated: Time | None = field("nc:LastUpdatedDate", "operational", "Last change there")
    action: Coded | None = field("NIBRS report action", "operational", "What the source asked for: I, A, R")
