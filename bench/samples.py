"""The samples beside the shipped mappings and what they must give: `python -m bench.samples` writes both again.

Samples are made by the generators of this package; the expected results are what the mappings make of
them today, so a change of a mapping shows as a difference to be read before it is committed.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bench import generate, nibrs
from gateway import site, system
from gateway.adapter import Document, RawRecord
from gateway.errors import Reject


def files() -> dict[str, bytes]:
    """Path inside `mappings/systems/` → the sample's bytes."""
    tables: dict[str, tuple[generate.Row, Iterable[generate.Row]]] = {
        "cad-export/samples/calls.csv": (generate.CALLS, generate.calls(6, seed=3)),
        "cad-export/samples/dispatches.csv": (generate.DISPATCHES, generate.dispatches(3, seed=3)),
        "cad-export/samples/units.csv": (generate.UNITS, generate.units(5, seed=3)),
        "bodycam-export/samples/recordings.csv": (generate.RECORDINGS, generate.recordings(7, seed=3)),
    }
    made = {path: b"".join(generate.table(*table)) for path, table in tables.items()}
    made["nibrs/samples/submissions.txt"] = b"".join(nibrs.submission(3, seed=5))
    made["nibrs/samples/submissions-corners.txt"] = b"".join(nibrs.corners())
    return made


def expected(feed: system.Feed, sample: bytes) -> list[dict[str, Any]]:
    """What a feed makes of a sample: its events and its removals, in order."""
    document = Document("sample", hashlib.sha256(sample).digest(), len(sample), body=sample)
    return [item for record in feed.decode(document) for item in _item(feed, record)]


def _item(feed: system.Feed, record: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(record, RawRecord):
        raise SystemExit(f"{record.where}: {record.problems}")
    if record.change == "remove":
        yield {"kind": record.kind, "key": record.key, "change": "remove"}
        return
    try:
        drafts = feed.translate(record)
    except Reject as e:
        raise SystemExit(f"{record.where}: {e}") from e
    for draft in drafts:
        said = {name: getattr(draft, name) for name in ("entity", "part", "subject", "agency", "time")}
        yield said | {"data": json.loads(draft.data)}


def load(name: str, folder: Path) -> system.System:
    """A shipped system in a throw-away site."""
    site.init(folder, "sample", "XX0000000")
    made = site.open(folder)
    site.copy_template(site.templates()[name], made.systems / name)
    return system.load(made, name)


def feed_of(loaded: system.System, sample: str) -> system.Feed:
    """The feed that a sample belongs to: its file's name begins with the feed's."""
    return loaded.feeds[max((name for name in loaded.feeds if sample.startswith(name)), key=len)]


def main() -> None:
    """Write every sample and every expected result."""
    top = site.shipped() / "systems"
    for path, contents in files().items():
        name, _, sample = path.split("/")
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_bytes(contents)
        with tempfile.TemporaryDirectory() as folder:
            feed = feed_of(load(name, Path(folder) / "site"), sample)
            result = expected(feed, contents)
        target = top / name / "expected" / f"{Path(sample).stem}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
