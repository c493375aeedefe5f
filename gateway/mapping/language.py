"""The mapping language as values: what a mapping can say, and nothing else.

One sentence form, *target ← source, as conversion*.  A mapping is read once into these values
(`reading`), checked against its contract (`target`), and written out as one Python function (`writing`).
`docs/mapping.md` describes the language to people, `editor` to editors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from gateway.errors import code

FORM = code(
    "mapping.form",
    "a mapping says something in a way that the language does not have",
    "Compare the line with `copperline docs mapping`; every form there has an example.",
)
WORD = code(
    "mapping.word",
    "a mapping uses a word that the language does not have",
    "Correct the word; `copperline docs mapping` lists all of them.",
)
TARGET = code(
    "mapping.target",
    "a target does not fit the contract",
    "Take the name and form from contracts/published/v1/; a dot leads inward, a list needs each or -.",
)
CONVERSION = code(
    "mapping.conversion",
    "a conversion does not exist or does not take these arguments",
    "`copperline docs mapping` lists the conversions and their arguments.",
)
ZONE = code(
    "mapping.zone",
    "a time zone does not exist",
    "Name an IANA zone, for example America/New_York.",
)


class Unsaid:
    """What stands where a word is not used; not None, because null could be said."""

    def __repr__(self) -> str:
        return "UNSAID"


UNSAID: Final = Unsaid()


@dataclass(frozen=True, slots=True)
class Source:
    """One source field: how many records outward, and the way inward from there."""

    text: str
    up: int = 0
    steps: tuple[str, ...] = ()
    special: Literal["", "key", "number"] = ""


@dataclass(frozen=True, slots=True)
class Present:
    """All of the sources are there and not blank; or, `absent`, none of them is."""

    sources: tuple[Source, ...]
    absent: bool


@dataclass(frozen=True, slots=True)
class Compare:
    """The stripped text of a source is one of the values; or, `negate`, none of them."""

    source: Source
    values: tuple[str, ...]
    negate: bool


@dataclass(frozen=True, slots=True)
class Same:
    """The stripped texts of two sources are the same, and not blank."""

    source: Source
    other: Source


@dataclass(frozen=True, slots=True)
class Several:
    """All of the conditions hold; or, `any`, at least one."""

    conditions: tuple[Condition, ...]
    any: bool


Condition: TypeAlias = Present | Compare | Same | Several


@dataclass(frozen=True, slots=True)
class Step:
    """One conversion with its arguments."""

    name: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Pick:
    """One row of a list: the first or last that passes the test, in the order of the list or of a field."""

    rows: Source
    test: Compare | Same | None
    take: Literal["first", "last"]
    by: Source | None


@dataclass(frozen=True, slots=True)
class Reference:
    """The result names an item of another list of the same record, found by one of its fields."""

    list: str
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence.  Exactly one of `sources`, `value`, `fields`, `either` says where the result comes from."""

    line: int
    sources: tuple[Source, ...] = ()
    value: Any = UNSAID
    fields: tuple[Field, ...] | None = None
    either: tuple[Sentence, ...] = ()
    steps: tuple[Step, ...] = ()
    table: str = ""
    default: Any = UNSAID
    optional: bool | None = None
    zone: str | Source = ""
    when: Condition | None = None
    unknown: Literal["", "keep", "reject", "absent"] = ""
    each: Source | None = None
    split: str | int = ""
    pick: tuple[Pick, ...] = ()
    """One row after the other, each found from the one before."""
    ref: Reference | None = None

    @property
    def said(self) -> str:
        """The names of its sources, for people."""
        return ", ".join(source.text for source in self.sources) or (self.each.text if self.each else "")


@dataclass(frozen=True, slots=True)
class Field:
    """A target and what fills it; `many` where several sentences stand as a list."""

    target: tuple[str, ...]
    line: int
    sentences: tuple[Sentence, ...]
    many: bool = False

    @property
    def name(self) -> str:
        return ".".join(self.target)


@dataclass(frozen=True, slots=True)
class Record:
    """One canonical record (or a sink's) that a raw record makes, or one for each item of a list."""

    line: int
    entity: str
    fields: tuple[Field, ...]
    heads: dict[str, Field] = field(default_factory=dict)
    each: Source | None = None
    when: Condition | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class MappingFile:
    """A whole mapping."""

    kind: str
    sink: bool
    records: tuple[Record, ...]
    zone: str = ""
    title: str = ""
    because: str = ""
    ignored: tuple[str, ...] = ()
    takes: tuple[str, ...] = ("Actual",)


FILE_WORDS: Final = {
    "kind": "Which kind of raw record this mapping is for.",
    "to": "The other way: the record of a legacy sink that is made.",
    "takes": "With to: which events it takes by their status; only Actual, if not said.",
    "title": "A line for people.",
    "zone": "IANA zone of local times, instead of the system's.",
    "optional": "true: blank sources are no problem unless a sentence says optional: false.",
    "records": "Several canonical records of one raw record.",
    "emit": "none: such records are accepted and make no event.",
    "because": "Why no event is made.",
    "ignored": "Source fields left out on purpose; * at the end stands for the rest of a name.",
}
HEADS: Final = {
    "subject": "What the event is about: an incident, an exhibit.",
    "part": "Tells apart several canonical records of one raw record.",
    "agency": "ORI or the like; without it the system's own.",
    "time": "When it happened.",
    "status": "Actual, Exercise or Test.",
    "expires": "After this time nobody is sent it any more.",
}
RECORD_WORDS: Final = {
    "entity": "Which contract the record obeys.",
    **HEADS,
    "each": "One record for each item of a list.",
    "when": "A condition; where it does not hold, there is no such record.",
    "optional": "As above, for this record.",
    "fields": "Target ← source.",
}
SENTENCE_WORDS: Final = {
    "from": "The source field, or a list of them for one conversion or table.",
    "value": "A constant.",
    "as": "One conversion, or a list of them done in order.",
    "table": "The code list that it is looked up in.",
    "default": "What to take where the source is blank, written as the source would write it.",
    "optional": "true: blank leaves the target out; false: blank is a problem of the record.",
    "zone": "IANA zone of a local time, or {from: FIELD}.",
    "when": "A condition; where it does not hold, the sentence is passed over.",
    "unknown": "What to do with an unknown code (keep, reject) or reference (reject, absent).",
    "fields": "An object with sentences of its own.",
    "each": "For each item of a list.",
    "split": "Cuts a text into the items of each: at this text, or every so many characters.",
    "pick": "Reads one row of a list; a list of these: each from the row before.",
    "ref": "The list of the same record that the result refers to.",
    "by": "The field by which the item of that list is found.",
    "either": "Sentences; the first that gives something.",
}
CONDITION_WORDS: Final = {
    "present": "These sources are not blank.",
    "absent": "These sources are blank or missing.",
    "field": "The source that is compared, as stripped text.",
    "is": "It is this value, or one of these.",
    "in": "It is one of these values.",
    "not": "It is not this value, or none of these.",
    "same": "It is what this other source says; blank is never the same.",
    "any": "At least one of these conditions holds.",
}
PICK_WORDS: Final = {
    "in": "The list of rows.",
    "where": "The field of a row that is compared.",
    "is": "The value it has, or a list of values.",
    "not": "The value it does not have, or a list of values.",
    "same": "The source that it is the same as; ^ leads out of the row.",
    "take": "first or last of the rows that pass.",
    "by": "Orders the rows by this field before one is taken.",
}
