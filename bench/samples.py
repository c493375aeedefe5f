"""The samples beside the shipped mappings and what they must give: `python -m bench.samples` writes both again.

Samples are made by the generators of this package; the expected results are what the mappings make of
them today, so a change of a mapping shows as a difference to be read before it is committed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from bench import generate, nibrs, tables
from gateway import samples, site, system


def files() -> dict[str, bytes]:
    """Path inside `mappings/systems/` → the sample's bytes."""
    files: dict[str, tuple[generate.Row, Iterable[generate.Row]]] = {
        "cad-export/samples/calls.csv": (generate.CALLS, generate.calls(6, seed=3)),
        "cad-export/samples/dispatches.csv": (generate.DISPATCHES, generate.dispatches(3, seed=3)),
        "cad-export/samples/units.csv": (generate.UNITS, generate.units(5, seed=3)),
        "bodycam-export/samples/recordings.csv": (generate.RECORDINGS, generate.recordings(7, seed=3)),
    }
    made = {path: b"".join(generate.table(*table)) for path, table in files.items()}
    made["nibrs/samples/submissions.txt"] = b"".join(nibrs.submission(3, seed=5))
    made["nibrs/samples/submissions-corners.txt"] = b"".join(nibrs.corners())
    made |= {f"{name}/samples/{feed}.jsonl": tables.rows(name, feed, count) for name, feed, count in _DATABASES}
    return made


_DATABASES = (
    ("cad-odbc", "calls", 14),
    ("cad-odbc", "units", 8),
    ("rms-odbc", "incidents", 6),
    ("rms-odbc", "evidence", 4),
    ("rms-odbc", "custody", 5),
)


def load(name: str, folder: Path) -> system.System:
    """A shipped system in a throw-away site."""
    site.init(folder, "sample", "XX0000000")
    made = site.open(folder)
    site.copy_template(site.templates()[name], made.systems / name)
    return system.load(made, name)


def main() -> None:
    """Write every sample and every expected result."""
    top = site.shipped() / "systems"
    for path, contents in files().items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_bytes(contents)
    for name in site.templates():
        with tempfile.TemporaryDirectory() as folder:
            for result in samples.run(load(name, Path(folder) / "site")):
                samples.update(result)
                (top / name / "expected").mkdir(exist_ok=True)
                shutil.copy(result.expected, top / name / "expected")
                print(f"{name}/{result.sample.name}: {len(result.found)}")


if __name__ == "__main__":
    main()
