"""What the newest file in a folder holds: kinds, fields, shapes; never a person's value, and the file stays."""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict

import pytest

from adapters.flatfile import adapter
from gateway import draft, mapping
from gateway.errors import Halt, Retry
from gateway.testing import context

LAYOUT = {"form": "delimited", "header": True, "kind": "tow", "key": ["tow_no"]}
ROWS = "tow_no,case_no,towed_at,reason,driver\n" + "".join(
    f"T{number},C{number // 2},03/04/2026 21:{number % 60:02},{'ABANDONED' if number % 3 else 'ACCIDENT'},\"CANARY, ZOE\"\n" for number in range(60)
)


def discovered(root, *names, **more):
    settings = adapter.settings.model_validate({"folder": "drop", "match": "*.csv*", "layout": LAYOUT, **more})
    return adapter.discover(settings, context(root), names).offers


@pytest.fixture
def drop(tmp_path):
    folder = tmp_path / "drop"
    folder.mkdir()
    return folder


def test_the_newest_file_is_profiled_and_stays_where_it_is(drop, tmp_path):
    (drop / "tows.csv").write_text(ROWS)
    (found,) = discovered(tmp_path).values()
    said = {column.name: column.profile for column in found.columns}
    assert found.rows == 60
    assert said["reason"].codes == {"ABANDONED": 40, "ACCIDENT": 20}
    assert said["towed_at"].patterns == {"99/99/9999 99:99": 60}
    assert said["driver"].personal
    assert "CANARY" not in json.dumps(asdict(found))
    assert (drop / "tows.csv").read_text() == ROWS
    made = draft.draft(found, system="tow", name="tow", entity="incident")
    (tmp_path / "tow.yaml").write_text(made.mapping)
    for file, text in made.codes.items():
        (tmp_path / file).write_text(text)
    assert mapping.compile(tmp_path / "tow.yaml", codes=[tmp_path], zone="UTC").kind == "tow"


def test_a_compressed_file_is_opened_and_a_damaged_one_named(drop, tmp_path):
    (drop / "tows.csv.gz").write_bytes(gzip.compress(ROWS.encode()))
    assert discovered(tmp_path, compression="gzip")["tow"].rows == 60
    (drop / "tows.csv.gz").write_bytes(gzip.compress(ROWS.encode())[:-9])
    with pytest.raises(Halt):
        discovered(tmp_path, compression="gzip")


def test_a_list_inside_a_record_is_told_as_one(drop, tmp_path):
    (drop / "calls.csv").write_text('[{"id": "1", "units": [{"unit": "A"}]}, {"id": "2", "units": []}]')
    found = discovered(tmp_path, "call", layout={"form": "json", "records": "[]", "kind": "call", "key": "id"})
    assert [(column.name, column.type) for column in found["call"].columns] == [("id", "text"), ("units", "list")]


def test_an_empty_folder_offers_nothing_and_a_missing_one_is_asked_again(drop, tmp_path):
    assert discovered(tmp_path) == {}
    drop.rmdir()
    with pytest.raises(Retry):
        discovered(tmp_path)
