"""The AsyncAPI document by its own parser, the package by the compilers of both languages, the frozen samples by digest."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import jsonschema_rs
import pytest
from click.testing import CliRunner

from contracts import asyncapi, events, frozen, package, publish, schema
from gateway.cli import contracts as command
from gateway.cli import copperline
from gateway.errors import Refused

PARSE = """
import fs from 'node:fs';
import { Parser } from '@asyncapi/parser';
const { document, diagnostics } = await new Parser().parse(fs.readFileSync(process.argv[2], 'utf8'));
const bad = diagnostics.filter((each) => each.severity <= 1).map((each) => each.path.join('/') + ': ' + each.message);
const channels = document ? document.allChannels().all().map((each) => each.address()) : [];
console.log(JSON.stringify({ bad, channels }));
"""


def parsed(npm, document) -> dict:
    return json.loads(npm.node(PARSE, str(npm.write("asyncapi.json", document))))


def test_the_official_parser_takes_the_document_without_a_warning(npm):
    found = parsed(npm, publish.build()["asyncapi.json"])
    assert found["bad"] == []
    assert set(found["channels"]) == {event.topic for event in events.events()} | {"copperline.inbound.{user}"}


def test_the_official_parser_refuses_what_is_no_asyncapi(npm):
    document = json.loads(publish.build()["asyncapi.json"])
    document["operations"]["send.incident.created"]["action"] = "sends"
    assert any("send.incident.created/action" in each for each in parsed(npm, json.dumps(document).encode())["bad"])


def test_no_reference_of_the_document_leads_out_of_it():
    text = publish.build()["asyncapi.json"].decode()
    assert "#/$defs/" not in text
    assert '"$ref": "http' not in text


@pytest.mark.parametrize("event", events.events(), ids=lambda event: event.type)
def test_every_example_keeps_envelope_and_contract(event):
    made = asyncapi.example(event)
    assert made["type"] == event.type
    for name, data in (("envelope", made), (event.body, made["data"])):
        assert jsonschema_rs.validator_for(schema.published(name), validate_formats=True).is_valid(data)


def test_the_types_of_both_languages_take_every_sample_and_refuse_a_wrong_one(npm, tmp_path):
    files = package.files()
    python = files["types/copperline.py"].decode()
    typescript = files["types/copperline.d.ts"].decode()
    (tmp_path / "copperline.py").write_text(python)
    for number, name in enumerate(sorted(name for name in files if name.startswith("samples/"))):
        data = json.loads(files[name])
        kind = "".join(word.capitalize() for word in frozen.contract(Path(name).name).split("-"))
        python += f"\n_{number}: {kind} = {data!r}"
        typescript += f"\nconst _{number}: {kind} = {json.dumps(data)};"
    assert _mypy(tmp_path, python) == ""
    assert _tsc(npm, typescript) == ""
    assert '"narrative"' in _mypy(tmp_path, python + "\nwrong: Incident = {'narrative': 1}")
    assert "TS2322" in _tsc(npm, typescript + "\nconst wrong: Incident = {narrative: 1};")


def test_an_event_is_told_apart_by_its_type_in_typescript(npm):
    use = """
    export function street(event: Event): string | undefined {
      return event.type === "police.incident.created.v1" ? event.data.locations?.[0]?.street : undefined;
    }"""
    typescript = package.files()["types/copperline.d.ts"].decode()
    assert _tsc(npm, typescript + use) == ""
    assert "error TS" in _tsc(npm, typescript + use.replace("?.street", "?.avenue.name"))


def _mypy(folder, text):
    (folder / "sample.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "sample.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def _tsc(npm, text):
    npm.write("sample.ts", text.encode())
    return npm.program("tsc", ["--strict", "--noEmit", "--target", "es2022", "sample.ts"]).stdout


def test_the_package_is_the_same_bytes_every_time_and_reads_as_a_version_to_compare_with(tmp_path):
    assert package.archive() == package.archive()
    path = tmp_path / "package.tar.gz"
    path.write_bytes(package.archive())
    assert package.schemas_of(path) == {name: schema.published(name) for name in schema.BODIES}
    assert package.schemas_of(publish.FOLDER) == package.schemas_of(path)
    path.write_bytes(b"something else")
    with pytest.raises(Refused):
        package.schemas_of(path)


def test_the_command_packs_what_the_package_holds(tmp_path):
    assert _command("package", "--out", str(tmp_path)).exit_code == 0
    with tarfile.open(fileobj=io.BytesIO((tmp_path / f"{package.NAME}.tar.gz").read_bytes())) as tar:
        assert {name.partition("/")[2] for name in tar.getnames()} == set(package.files())


def test_the_command_names_what_an_older_package_promised_and_the_models_no_longer_keep(tmp_path):
    promised = tmp_path / "promised"
    publish.write(promised)
    older = schema.published("unit") | {
        "properties": {**schema.published("unit")["properties"], "unitId": {"type": "string", "maxLength": 3}}
    }
    (promised / "unit.json").write_text(json.dumps(older))
    done = _command("check", "--against", str(promised))
    assert done.return_value == 1
    assert "unitId" in done.output
    assert "'xxxx'" in done.output


def test_a_build_that_would_break_consumers_writes_nothing(tmp_path, monkeypatch):
    publish.write(tmp_path)
    narrower = json.loads((tmp_path / "unit.json").read_bytes())
    narrower["properties"]["gone"] = {"type": "string"}
    (tmp_path / "unit.json").write_text(json.dumps(narrower))
    before = (tmp_path / "unit.json").read_bytes()
    monkeypatch.setattr(publish, "FOLDER", tmp_path)
    with pytest.raises(Refused) as refused:
        _command("build")
    assert refused.value.problems[0].code is command.BREAKS
    assert (tmp_path / "unit.json").read_bytes() == before


def test_no_frozen_sample_was_edited_and_every_sample_is_frozen():
    assert frozen.changed() == []
    assert frozen.unfrozen() == []


def test_a_sample_may_be_added_and_neither_edited_nor_taken_away(tmp_path):
    for name in ("alert-a.json", "unit-a.json"):
        (tmp_path / name).write_text("{}")
    assert frozen.freeze(tmp_path) == ["alert-a.json", "unit-a.json"]
    (tmp_path / "unit-b.json").write_text("{}")
    assert (frozen.changed(tmp_path), frozen.unfrozen(tmp_path)) == ([], ["unit-b.json"])
    (tmp_path / "alert-a.json").write_text('{"alertId": "1"}')
    (tmp_path / "unit-a.json").unlink()
    assert frozen.freeze(tmp_path) == ["unit-b.json"]
    assert frozen.changed(tmp_path) == ["alert-a.json", "unit-a.json"]


def _command(*arguments):
    return CliRunner().invoke(copperline, ["contracts", *arguments], standalone_mode=False, catch_exceptions=False)
