"""From a file to a mapping that runs: read, checked against its contract, written out as one function."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.errors import Refused
from gateway.mapping import codes as lists
from gateway.mapping import target
from gateway.mapping.language import TARGET, ZONE, MappingFile, Sentence
from gateway.mapping.reading import Complaints, read
from gateway.mapping.steps import Deeds, is_zone
from gateway.mapping.translate import Mapping
from gateway.mapping.writing import write


def compile(
    path: Path, *, codes: Sequence[Path], zone: str, schemas: target.Schemas = target.contract
) -> Mapping:
    """The mapping of a file.

    `codes`: folders of code lists; the first that has a list is taken, so a site's own stand first.
    `zone`: IANA zone of local times, unless the mapping names one.  Raises Refused with everything
    that is wrong, each with file, line and field.
    """
    label = f"{path.parent.name}/{path.name}" if path.parent.name else path.name
    complaints = Complaints(label)
    file = read(path, complaints)
    complaints.refuse()
    zone = file.zone or zone
    if not is_zone(zone):
        complaints.add(ZONE, 1, "zone", f"there is no time zone {zone}")
        complaints.refuse()
    tables = _tables(file, codes, complaints)
    if not file.sink:
        for record in file.records:
            target.check(record, schemas, complaints)
    _parts(file, complaints)
    unmapped: Counter[tuple[str, str]] = Counter()
    deeds = Deeds(tables=tables, zone=zone, sink=file.sink, complaints=complaints, unmapped=unmapped)
    written = write(file, deeds=deeds, label=label, complaints=complaints)
    complaints.refuse()
    return Mapping(
        file,
        written,
        digest=_digest(path.read_bytes(), zone, tables),
        label=label,
        unmapped=unmapped,
        schemas=schemas,
    )


def _parts(file: MappingFile, complaints: Complaints) -> None:
    for record in file.records:
        if "part" not in record.heads and (len(file.records) > 1 or record.each) and not file.sink:
            rule = "with several canonical records each needs a part: that tells it apart"
            complaints.add(TARGET, record.line, "part", rule)


def _tables(file: MappingFile, folders: Sequence[Path], complaints: Complaints) -> dict[str, lists.Table]:
    """The code lists that the mapping names."""
    made: dict[str, lists.Table] = {}
    for sentence in sentences(file):
        name = sentence.table
        if not name or name in made:
            continue
        found = lists.find(name, folders)
        if found is None:
            complaints.add(lists.TABLE, sentence.line, name, f"there is no code list {name}.csv")
            continue
        try:
            made[name] = lists.load(found)
        except Refused as e:
            complaints.problems.extend(e.problems)
    return made


def sentences(file: MappingFile) -> Iterator[Sentence]:
    """Every sentence of a mapping, those inside others too."""
    for record in file.records:
        for field in (*record.heads.values(), *record.fields):
            for sentence in field.sentences:
                yield from _inner(sentence)


def _inner(sentence: Sentence) -> Iterator[Sentence]:
    yield sentence
    for one in sentence.either:
        yield from _inner(one)
    for field in sentence.fields or ():
        for one in field.sentences:
            yield from _inner(one)


def _digest(content: bytes, zone: str, tables: dict[str, lists.Table]) -> str:
    """What tells two mappings apart: the file, the zone and the code lists; 16 hex digits of SHA-256."""
    whole = hashlib.sha256()
    for name, part in (("mapping", content), ("zone", zone.encode()), *((n, tables[n].content) for n in sorted(tables))):
        whole.update(f"{name} {len(part)}\n".encode() + part)
    return whole.hexdigest()[:16]


