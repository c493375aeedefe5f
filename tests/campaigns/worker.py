"""Journals documents and says each one only after `accept` returned; started to be killed.

    python -m tests.campaigns.worker STORE SEED DOCUMENTS ROWS FIRST [mutant]

It stands for a source that deletes a document once it was told that it is safe: what it has said on
stdout, nobody will ever send again.
"""

from __future__ import annotations

import hashlib
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from gateway import store
from gateway.adapter import Batch, Document, RawRecord
from gateway.event import Draft, Keys
from gateway.store.rows import Intake
from tests.campaigns import rig
from tests.campaigns.mutants import MUTANTS
from tests.campaigns.tally import Arrival

KEYS = Keys(bytes(range(32)))
INTAKE = Intake(
    system="trial",
    agency="ZZ0010000",
    translate=lambda record: [
        Draft("incident", "", record.key, "", "", orjson.dumps({"reportNumber": record.fields["record"]}))
    ],
    mapping=lambda _: "0123456789abcdef",
    removes=lambda _: "incident",
)


def work(folder: Path, seed: int, documents: int, rows: int, first: int, say: Callable[[int], None]) -> None:
    """Journal documents from `first` on; `say` each number once it is durable."""
    opened = _open(folder)
    try:
        feed = opened.journal.feed("trial", "calls")
        for number, batch in enumerate(_batches(seed, documents, rows)):
            if number >= first:
                opened.journal.accept(feed.id, batch, INTAKE)
                say(number)
    finally:
        opened.close()


def arrivals(folder: Path) -> list[Arrival]:
    """Everything that the store would deliver, in order; raises where its ledger does not verify."""
    opened = _open(folder)
    try:
        faults = opened.ledger.verify()
        if faults:
            raise AssertionError(f"the ledger does not verify: {faults[:3]}")
        feed = opened.journal.feed("trial", "calls")
        found = opened.deliveries.read(opened.deliveries.destination("trial", "log", start=0), feed.id, 0, 1_000_000)
        return [
            Arrival(orjson.loads(out.data)["reportNumber"], out.event.hex(), out.partition.hex(), out.sequence)
            for out in found
        ]
    finally:
        opened.close()


def expected(seed: int, documents: int, rows: int) -> list[str]:
    """What the source calls each of the records that `work` journals."""
    made = rig.documents(random.Random(seed), files=documents, rows=rows)
    return [record for _, lines in made for record in rig.records(lines)]


def _open(folder: Path) -> store.Store:
    return store.open(f"sqlite:///{folder / 'store.db'}", KEYS)


def _batches(seed: int, documents: int, rows: int) -> Sequence[Batch]:
    made = rig.documents(random.Random(seed), files=documents, rows=rows)
    return [_batch(number, lines) for number, (_, lines) in enumerate(made)]


def _batch(number: int, lines: Sequence[Sequence[str]]) -> Batch:
    originals = [",".join(line).encode() + b"\n" for line in lines]
    sha256 = hashlib.sha256(b"".join(originals)).digest()
    records = [
        RawRecord(
            kind="call",
            key=line[0],
            version=f"{sha256.hex()[:16]}:{at}",
            change="put",
            fields=dict(zip(rig.COLUMNS, line, strict=True)),
            original=original,
            where=f"row {at}",
        )
        for at, (line, original) in enumerate(zip(lines, originals, strict=True))
    ]
    size = sum(map(len, originals))
    return Batch(str(number + 1), records, Document("file", sha256, size), complete=True)


def main(folder: str, seed: str, documents: str, rows: str, first: str, mutant: str = "") -> None:
    """Work until done or killed."""
    if mutant == "say-before-accept":
        for number in range(int(first), int(documents)):
            print(number, flush=True)
            work(Path(folder), int(seed), number + 1, int(rows), number, lambda _: time.sleep(0))
        return
    if mutant:
        MUTANTS[mutant]()
    work(Path(folder), int(seed), int(documents), int(rows), int(first), lambda number: print(number, flush=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
