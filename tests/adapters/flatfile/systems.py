"""Invented legacy systems, one for each form of file, that drop and take files as real ones do."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, ClassVar

from adapters.flatfile import adapter
from gateway.adapter import Document, OutRecord, RawRecord
from gateway.testing import LegacySystem, LegacyTarget


class Dropping(LegacySystem):
    """Writes numbered records into files of its folder and renames them when they are complete."""

    layout: ClassVar[dict[str, Any]]
    ending: ClassVar[str] = "txt"

    def __init_subclass__(cls) -> None:
        cls.settings = {"folder": "drop", "match": f"*.{cls.ending}", "layout": cls.layout}

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.folder = root / "drop"
        self.folder.mkdir()
        self._count = self._files = 0
        self._last = b""

    def document(self, keys: list[str]) -> bytes:
        """A whole file with these records."""
        raise NotImplementedError

    def key(self, number: int) -> str:
        return f"K{number:05d}"

    def keys(self, count: int) -> list[str]:
        self._count += count
        return [self.key(number) for number in range(self._count - count + 1, self._count + 1)]

    def drop(self, data: bytes) -> Path:
        self._files += 1
        path = self.folder / f"{self._files:03d}.{self.ending}"
        part = path.with_name(path.name + ".part")
        part.write_bytes(data)
        part.rename(path)
        self._last = data
        return path

    def add(self, count: int) -> list[str]:
        keys = self.keys(count)
        self.drop(self.document(keys))
        return keys

    def half(self) -> list[str]:
        keys = self.keys(4)
        self._last = self.document(keys)
        (self.folder / f"900.{self.ending}.part").write_bytes(self._last[: len(self._last) // 2])
        return keys

    def finish(self) -> None:
        part = self.folder / f"900.{self.ending}.part"
        part.write_bytes(self._last)
        part.rename(self.folder / f"900.{self.ending}")

    def again(self) -> None:
        self.drop(self._last)

    def one_instant(self, count: int) -> list[str]:
        """Every file with the same time of change."""
        keys: list[str] = []
        for _ in range(3):
            fresh = self.keys(count // 3)
            os.utime(self.drop(self.document(fresh)), ns=(10**18, 10**18))
            keys += fresh
        return keys

    def emptied(self) -> bool:
        return not list(self.folder.iterdir())

    def spoiled(self, secret: str) -> list[str]:
        keys = self.keys(3)
        whole = self.document([*keys[:1], f"{secret}\xff", *keys[1:]])
        self.drop(whole.replace("\xff".encode(), b"\xff"))
        return keys


class Delimited(Dropping):
    ending = "csv"
    layout: ClassVar[dict[str, Any]] = {"form": "delimited", "header": True, "kind": "call", "key": "number"}

    def document(self, keys: list[str]) -> bytes:
        rows = [f'{key},"MAIN ST, REAR","said ""no""\r\nand left",{index}\r\n' for index, key in enumerate(keys)]
        return ("number,place,note,units\r\n" + "".join(rows) + "\r\n").encode()


class Plain(Dropping):
    """Without a quote anywhere, without a header, with comments and a trailer."""

    layout: ClassVar[dict[str, Any]] = {
        "form": "delimited",
        "delimiter": "||",
        "quote": "none",
        "header": ["number", "place"],
        "comment": "#",
        "trailer": {"starts": "END", "count": "2"},
        "kind": "call",
        "key": "number",
    }

    def document(self, keys: list[str]) -> bytes:
        rows = "".join(f"{key}||MAIN ST\n" for key in keys)
        return f"# made at night\n{rows}END||{len(keys)}\n".encode()


class Fixed(Dropping):
    layout: ClassVar[dict[str, Any]] = {
        "form": "fixed",
        "lengths": "any",
        "kind": "call",
        "key": "number",
        "fields": {"number": "1-12", "place": "13-30", "units": {"at": "31-42", "repeat": 3}},
    }

    def document(self, keys: list[str]) -> bytes:
        return "".join(f"{key:<12}{'12 MAIN ST':<18}A12     B7\n" for key in keys).encode() + b"\n\x1a"


class Multirecord(Dropping):
    layout: ClassVar[dict[str, Any]] = {
        "form": "multirecord",
        "type": "1",
        "common": {"number": "2-14"},
        "lines": {
            "1": {"name": "head", "lengths": "any", "fields": {"place": "15-30"}},
            "2": {"name": "persons", "many": True, "lengths": "any", "fields": {"role": "15"}},
        },
        "records": {"incident": {"starts": "1", "then": ["2"], "key": ["number"]}},
    }

    def document(self, keys: list[str]) -> bytes:
        groups = [f"1{key:<13}12 MAIN ST\r\n2{key:<13}W\r\n\r\n2{key:<13}V\r\n" for key in keys]
        return "".join(groups).encode() + b"\r\n"


class Tagged(Dropping):
    """Delimited lines of several types."""

    layout: ClassVar[dict[str, Any]] = {
        "form": "multirecord",
        "delimiter": "|",
        "type": "1",
        "common": {"number": "2"},
        "lines": {
            "C": {"name": "call", "fields": {"place": "3"}},
            "U": {"name": "units", "many": True, "fields": {"unit": "3"}},
        },
        "records": {"call": {"starts": "C", "then": ["U"], "key": ["number", "call.place"]}},
        "ignore": {"H": "header"},
    }

    def key(self, number: int) -> str:
        return f"K{number:05d}|MAIN ST"

    def document(self, keys: list[str]) -> bytes:
        numbers = [key.partition("|")[0] + ("\xff" if "\xff" in key else "") for key in keys]
        return ("H|today\n" + "".join(f"C|{number}|MAIN ST\nU|{number}|A12\n" for number in numbers)).encode()


class Xml(Dropping):
    ending = "xml"
    layout: ClassVar[dict[str, Any]] = {
        "form": "xml",
        "records": "/export/days/call",
        "kind": "call",
        "key": "@id",
        "lists": ["unit"],
        "namespaces": {"g": "urn:example:geo"},
    }

    def document(self, keys: list[str]) -> bytes:
        calls = [
            f'\n <call id="{key}"><x:place x:lat="1.50">R &amp; B</x:place><unit>A1</unit><!-- </call> --></call>'
            for key in keys
        ]
        return (
            '<?xml version="1.0"?>\n<export xmlns:x="urn:example:geo"><made>now</made><days>'
            + "".join(calls)
            + "\n</days></export>\n"
        ).encode()


class Json(Dropping):
    ending = "json"
    layout: ClassVar[dict[str, Any]] = {"form": "json", "records": "data.calls[]", "kind": "call", "key": "head.id"}

    def document(self, keys: list[str]) -> bytes:
        calls = [{"head": {"id": key}, "lat": 29.9295015, "note": 'a "}" in ñ', "none": None} for key in keys]
        return json.dumps({"made": 1, "data": {"calls": calls, "count": len(calls)}}, ensure_ascii=False).encode()


class JsonLines(Dropping):
    ending = "jsonl"
    layout: ClassVar[dict[str, Any]] = {"form": "json", "records": "lines", "kind": "call", "key": "id"}

    def document(self, keys: list[str]) -> bytes:
        return "".join(
            json.dumps({"id": key, "n": index}, ensure_ascii=False) + "\n" for index, key in enumerate(keys)
        ).encode()


class Taking(LegacyTarget):
    """Takes the files from a folder."""

    layout: ClassVar[dict[str, Any]]
    ending: ClassVar[str] = "csv"

    def __init_subclass__(cls) -> None:
        cls.settings = {"folder": "out", "layout": cls.layout}

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.folder = root / "out"
        self.folder.mkdir()
        self._count = 0

    def records(self, count: int) -> list[OutRecord]:
        self._count += count
        numbers = range(self._count - count, self._count)
        return [
            OutRecord(f"event-{n:04d}", f"K{n}", "", "put", {"number": f"K{n}", "place": "12 MAIN ST"}) for n in numbers
        ]

    def misfit(self) -> OutRecord:
        return OutRecord("event-bad", "BAD", "", "put", {"number": "BAD", "place": "nul \0 in the middle"})

    def holds(self) -> list[dict[str, Any]]:
        settings = adapter.settings.model_validate(self.settings)
        found: list[dict[str, Any]] = []
        for path in sorted(self.folder.glob(f"*.{self.ending}"), key=lambda path: path.stat().st_mtime_ns):
            for record in adapter.decode(settings, Document("file", b"", 0, body=path.read_bytes())):
                assert isinstance(record, RawRecord)
                found.append(dict(record.fields))
        return found

    def takes_away(self) -> None:
        for path in self.folder.glob(f"*.{self.ending}"):
            path.unlink()

    def dies_after_commit(self, sink: Any) -> None:
        def die(stem: str, name: str) -> None:
            raise KeyboardInterrupt

        sink._release = die  # the entry is on disk, the file still waits: the latest point at which a crash can hurt
