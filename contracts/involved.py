"""Who and what is involved in an incident: persons, vehicles, property, weapons.

Roles belong to the incident, not to the person: the same human being may be a victim here and a
witness there, and each record says only what it knows.
"""

from __future__ import annotations

from contracts.parts import Code, Coded, Day, Identifier, Officer, Part, Time, field, registry

PERSON_ROLES = registry(
    "InvolvedPerson Caller Patient PatientAcquaintance PatientRelative PersonOfInterest ReportingParty "
    "Suspect Victim VictimAcquaintance VictimRelative Witness Arrestee Officer"
)

VEHICLE_ROLES = registry("AccidentVehicle InvolvedVehicle SuspectVehicle VictimVehicle WitnessVehicle ResponseVehicle")


class Age(Part):
    """Years, a range of years, or a word for what is younger or not known."""

    value: int | None = field("nc:PersonAgeMeasure", "personal", "Years", ge=0, le=150)
    low: int | None = field("nc:RangeMinimumIntegerValue", "personal", "Years at least", ge=0, le=150)
    high: int | None = field("nc:RangeMaximumIntegerValue", "personal", "Years at most", ge=0, le=150)
    word: str | None = field(
        "nc:MeasureValueText",
        "personal",
        "Where years do not say it: under a day, 1-6 days, 7-364 days",
        codes=("NEONATAL", "NEWBORN", "BABY", "UNKNOWN", "OVER98"),
    )


class PersonName(Part):
    """A name in parts where the source has parts."""

    full: str | None = field("nc:PersonFullName", "personal", "The name in one piece")
    given: str | None = field("nc:PersonGivenName", "personal", "Given name")
    middle: str | None = field("nc:PersonMiddleName", "personal", "Middle name")
    family: str | None = field("nc:PersonSurName", "personal", "Family name")
    suffix: str | None = field("nc:PersonNameSuffixText", "personal", "Jr., III, …")


class Relationship(Part):
    """What a person is to another one of the same record."""

    person: str | None = field("nc:RoleOfPerson @ref", "key", "`id` of the other person in this record")
    kind: Coded | None = field("NIBRS DE 35", "personal", "What this person is to that one")


class Weapon(Part):
    """A weapon or force, used or carried."""

    kind: Coded | None = field("NIBRS DE 13, 46", "operational", "Kind of weapon or force")
    automatic: bool | None = field("NIBRS DE 13, 46", "operational", "Fully automatic firearm")


class Person(Part):
    """A person, or an organisation as victim, in its roles in this incident."""

    id: str | None = field("EIDO personComponent.$id", "key", "Name of the person within this record, e.g. victim-1")
    roles: list[Coded] | None = field("EIDO PersonRole", "personal", "Roles in this incident", codes=PERSON_ROLES)
    seq: int | None = field("NIBRS DE 23, 36, 40", "operational", "Number within its role", ge=0)
    kind: Coded | None = field("NIBRS DE 25", "operational", "Individual, business, government, society, officer, …")
    name: PersonName | None = field("nc:PersonName", "personal", "Name")
    date_of_birth: Day | None = field("nc:PersonBirthDate", "personal", "Date of birth")
    age: Age | None = field("nc:PersonAgeMeasure", "personal", "Age at the time of the incident")
    sex: Coded | None = field("nc:PersonSex", "personal", "Sex")
    race: Coded | None = field("nc:PersonRace", "special", "Race")
    ethnicity: Coded | None = field("nc:PersonEthnicity", "special", "Ethnicity")
    resident: Coded | None = field("nc:PersonResident", "personal", "Resident of the jurisdiction")
    ids: list[Identifier] | None = field("nc:PersonOtherIdentification", "personal", "Licence and other numbers")
    phones: list[str] | None = field("nc:ContactTelephoneNumber", "personal", "Telephone numbers")
    offences: list[str] | None = field("NIBRS DE 24", "key", "`id` of the offences against this person")
    circumstances: list[Coded] | None = field("NIBRS DE 31", "operational", "Circumstances of assault or homicide")
    justifiable: Coded | None = field("NIBRS DE 32", "operational", "Circumstance of a justifiable homicide")
    injuries: list[Coded] | None = field("NIBRS DE 33", "special", "Injuries")
    relationships: list[Relationship] | None = field("NIBRS DE 34, 35", "personal", "To other persons of the record")
    officer: Officer | None = field("j:EnforcementOfficial", "officer", "Where the person is one, on duty")


class Plate(Part):
    """A number plate."""

    number: str | None = field("nc:ConveyanceRegistrationPlateIdentification", "personal", "Number")
    state: str | None = field("nc:IdentificationJurisdiction", "personal", "State that gave it")
    expires: str | None = field("nc:IdentificationExpirationDate", "personal", "Year or date of expiry")


class Vehicle(Part):
    """A vehicle and what it is to the incident."""

    id: str | None = field("EIDO vehicleComponent.$id", "key", "Name of the vehicle within this record")
    roles: list[Coded] | None = field(
        "EIDO VehicleRelationship", "operational", "What it is to the incident", codes=VEHICLE_ROLES
    )
    plate: Plate | None = field("nc:ConveyanceRegistrationPlate", "personal", "Number plate")
    vin: str | None = field("nc:VehicleIdentification", "personal", "Vehicle identification number")
    make: str | None = field("nc:VehicleMake", "operational", "Make")
    model: str | None = field("nc:ItemModelName", "operational", "Model")
    year: int | None = field("nc:ItemModelYearDate", "operational", "Model year")
    style: str | None = field("nc:VehicleStyle", "operational", "Body style")
    colours: list[str] | None = field("nc:ItemColor", "operational", "Colours")


class Drug(Part):
    """Drugs seized or found, with their measured quantity."""

    status: Coded | None = field("NIBRS DE 14", "operational", "What became of it")
    kind: Coded | None = field("NIBRS DE 20", "operational", "Kind of drug")
    quantity: float | None = field("NIBRS DE 21", "operational", "How much", ge=0)
    unit: Coded | None = field("NIBRS DE 22", "operational", "Of which measure")


class Property(Part):
    """Property of one kind with one fate: stolen, recovered, seized, …"""

    status: Coded | None = field("NIBRS DE 14", "operational", "What became of it")
    category: Coded | None = field("NIBRS DE 15", "operational", "What it is")
    description: str | None = field("nc:ItemDescriptionText", "free-text", "Description")
    value: int | None = field("NIBRS DE 16", "operational", "Value in whole dollars; 1 means unknown", ge=0)
    currency: Code | None = field("nc:CurrencyCode", "operational", "Currency, ISO 4217")
    recovered_at: Time | None = field("NIBRS DE 17", "operational", "When it was recovered")
    quantity: float | None = field("nc:ItemQuantity", "operational", "How many", ge=0)
    serial_number: str | None = field("nc:ItemSerialIdentification", "personal", "Serial number")
    owner: str | None = field("nc:ItemOwner @ref", "key", "`id` of a person of this record")


class VehicleCount(Part):
    """How many motor vehicles were stolen or recovered, where a report counts them."""

    status: Coded | None = field("NIBRS DE 14", "operational", "What became of them")
    stolen: int | None = field("NIBRS DE 18", "operational", "Motor vehicles stolen", ge=0)
    recovered: int | None = field("NIBRS DE 19", "operational", "Motor vehicles recovered", ge=0)
