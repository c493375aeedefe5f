"""The two reference databases, from `new --from` to events, through the commands: discovered, read, reconciled."""

from __future__ import annotations

import json
import re

import pytest

from tests.adapters.odbc import reference
from tests.adapters.odbc.databases import PASSWORD_FROM, USER_FROM


@pytest.fixture(params=["sqlite", "postgresql"])
def legacy(request, gateway, tmp_path):
    """`legacy(template)`: the system is in the site, its database is filled, and the one leads to the other."""
    opened = []

    def make(template):
        database = reference.filled(template, request.param, request, tmp_path)
        opened.append(database)
        gateway.env |= {USER_FROM.removeprefix("env:"): database.user, PASSWORD_FROM.removeprefix("env:"): database.password}
        gateway("new", "old", "--from", template)
        said = gateway.root / "systems" / "old" / "system.yaml"
        connection = f"connection: {json.dumps(database.connection)}\n"
        text = re.sub(r"connection:\n(?: {8}.*\n)+", connection, said.read_text())
        said.write_text(text.replace(", days: 35", ""))  # the seed's days are long over
        return database

    yield make
    for database in opened:
        database.close()


def events(gateway, kind):
    return gateway("tail").count(f".{kind}.")


def test_a_dispatch_database_from_discover_to_reconciliation(gateway, legacy):
    database = legacy("cad-odbc")
    listed = gateway("discover", "old")
    assert re.search(r"^inmain +300 +19 +callno", listed, re.MULTILINE)
    gateway("check", "old")
    reached = json.loads(gateway("check", "old", "--connect", "--json", code=0 if "sqlite" in str(database.connection["driver"]) else 1))
    assert {problem["code"] for problem in reached} <= {"odbc.may-write"}
    gateway("test", "old")
    shown = gateway("preview", "old", "--feed", "calls", "--limit", "3")
    assert shown.count("-- call at") == 3
    assert re.search(r"callno +<text, 9> +=> +incidentId", shown)
    assert "EXAMPLE" not in shown + listed
    first = gateway.once()
    assert (first["accepted"], first["quarantined"]) == (300 + 1233, 0)

    database.run("INSERT INTO incilog SELECT 99999, callno, unitid, unittype, 'C', '2026-04-09 12:00:00', badge1, badge2 FROM incilog WHERE logid = 11")
    again = gateway.once()
    assert (again["accepted"], again["quarantined"]) == (2, 0)  # the row, and its call read again
    assert (events(gateway, "unit.created"), events(gateway, "incident.updated")) == (1, 1)

    database.run("UPDATE inmain SET beat = '9L99', changed = '2026-04-06 20:00:00' WHERE callno = '26-000100'")
    database.run("DELETE FROM inmain WHERE callno = '26-000200'")
    database.run("INSERT INTO inmain SELECT '26-000900', calldate, calltime, calltype, origtype, prio, source, street, city, beat, lat, lon, callername, "
                 "callerphone, closedate, closetime, dispo, remarks, '2026-04-06 19:00:00' FROM inmain WHERE callno = '26-000101'")  # fmt: skip
    assert gateway.once()["accepted"] == 0  # none of it shows in the watermark
    dry = json.loads(gateway("reconcile", "old", "calls", "--dry-run", "--json", code=1))["calls"]
    assert (dry["missing"], dry["differing"], dry["gone"]) == (1, 1, 1)
    done = json.loads(gateway("reconcile", "old", "calls", "--json"))["calls"]
    assert (done["state"], done["journalled"], done["removed"]) == ("mended", 2, 1)
    assert json.loads(gateway("reconcile", "old", "--json"))["units"]["state"] == "agreed"
    assert json.loads(gateway("reconcile", "old", "calls", "--json"))["calls"]["state"] == "agreed"
    assert gateway.once()["delivered"] == 3
    assert events(gateway, "incident.removed") == 1
    gateway("ledger", "verify")


def test_a_records_database_and_a_detail_that_nobody_stamped(gateway, legacy):
    database = legacy("rms-odbc")
    gateway("check", "old")
    gateway("test", "old")
    first = gateway.once()
    assert (first["accepted"], first["quarantined"]) == (120 + 60 + 165, 0)
    database.run("UPDATE inc_person SET role = 'SUS', updated = '2026-04-12 09:00:00' WHERE inc_id = 5001 AND seq = 1")
    assert gateway.once()["accepted"] == 1
    database.run("UPDATE property SET status = '5' WHERE inc_id = 5003")  # and its stamp stays
    database.run("DELETE FROM custody WHERE tr_id = 22")
    assert gateway.once()["accepted"] == 0
    found = json.loads(gateway("reconcile", "old", "--json"))
    assert {feed: (said["differing"], said["gone"]) for feed, said in found.items()} == {"incidents": (1, 0), "evidence": (0, 0), "custody": (0, 1)}
    assert gateway.once()["delivered"] == 2
    assert (events(gateway, "incident.updated"), events(gateway, "custody-transfer.removed")) == (2, 1)
    gateway("ledger", "verify")


@pytest.mark.parametrize("legacy", ["sqlite"], indirect=True)
def test_a_feed_in_its_first_reading_is_not_reconciled(gateway, legacy):
    legacy("rms-odbc")
    gateway("systems", "add", "old", "--reason", "a test")
    gateway("reconcile", "old", "incidents", code=3)


@pytest.mark.parametrize("legacy", ["sqlite"], indirect=True)
def test_a_draft_of_a_table_takes_the_place_of_the_shipped_mapping(gateway, legacy):
    legacy("cad-odbc")
    folder = gateway.root / "systems" / "old"
    (folder / "mappings" / "call.yaml").unlink()
    said = gateway("draft", "old", "inmain", "--to", "incident")
    assert "columns are placed" in said
    (folder / "system.yaml").write_text((folder / "system.yaml").read_text().replace("mappings/call.yaml", "mappings/inmain.yaml"))
    (folder / "samples" / "calls.jsonl").unlink()
    draft = folder / "mappings" / "inmain.yaml"
    draft.write_text(draft.read_text() + "  - history\n")  # the detail, left out on purpose
    gateway("check", "old")
    first = gateway.once()
    assert (first["accepted"], first["quarantined"]) == (300 + 1233, 0)
