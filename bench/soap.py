"""Row `soap`: polling a service over HTTP, record by record, against a bare lxml parse of the same bytes.

The service is a socket that answers each page with bytes made beforehand; both sides run in a process
of their own.  Ours does all of it: HTTP, schema, archive, records with their own bytes, key and fields.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path

from bench.baselines import Cost, Watch

PAGE = 10_000
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
BUNDLE = Path(__file__).resolve().parent.parent / "mappings" / "systems" / "evidence-vault" / "wsdl"


def page(number: int, last: bool) -> bytes:
    """One answer of the vault with invented recordings."""
    first = number * PAGE
    records = "".join(
        f"<v:recording><v:evidenceId>E{n:07d}</v:evidenceId><v:title>2400 ELM ST &amp; MAIN</v:title>"
        f"<v:incidentNumber>J-{n:07d}-26</v:incidentNumber><v:startedAt>2026-02-01T08:01:00-06:00</v:startedAt>"
        "<v:stoppedAt>2026-02-01T08:04:00-06:00</v:stoppedAt><v:uploadedAt>2026-02-01T16:00:00-06:00</v:uploadedAt>"
        "<v:modifiedAt>2026-02-01T16:01:00-06:00</v:modifiedAt><v:sizeMb>41.2893</v:sizeMb><v:durationSeconds>180</v:durationSeconds>"
        "<v:status>Active</v:status><v:latitude>41.8781</v:latitude><v:longitude>-87.6298</v:longitude><v:wearerBadge>0000</v:wearerBadge></v:recording>\n"
        for n in range(first, first + PAGE)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{ENVELOPE}" xmlns:v="urn:example:evidence-vault:3"><s:Body>'
        f"<v:ListRecordingsResponse><v:recordings>{records}</v:recordings><v:nextToken>T{number + 1}</v:nextToken>"
        f"<v:hasMore>{'false' if last else 'true'}</v:hasMore></v:ListRecordingsResponse></s:Body></s:Envelope>"
    ).encode()


def write(folder: Path, records: int) -> None:
    """The pages of so many records, a file each."""
    count = records // PAGE
    for number in range(count):
        (folder / f"{number:04d}.xml").write_bytes(page(number, number == count - 1))


def poll(folder: Path) -> Cost:
    """Our side: the adapter's source, read to the end."""
    from adapters.soap import adapter
    from gateway.adapter import Context
    from gateway.archive import Archive
    from gateway.context import now
    from gateway.event import Keys
    from tests.peers.soap.hostile import response, serving

    pages = [response(path.read_bytes()) for path in sorted(folder.glob("*.xml"))]
    answers = iter(pages)
    with serving(lambda connection, _asked: connection.sendall(next(answers))) as service, tempfile.TemporaryDirectory() as root:
        poll_ = {
            "operation": "ListRecordings",
            "request": {"token": "$token"},
            "records": "ListRecordingsResponse/recordings/recording",
            "kind": "recording",
            "key": "evidenceId",
            "cursor": {"token": "ListRecordingsResponse/nextToken"},
            "more": "ListRecordingsResponse/hasMore",
        }
        settings = adapter.settings.model_validate({"bundle": str(BUNDLE), "port": "Vault11", "address": service.url, "poll": poll_})
        archive = Archive(Path(root) / "archive", Keys(bytes(32)))
        context = Context(now, threading.Event(), _Quiet(), str, archive, Path(root))
        assert adapter.source is not None
        source = adapter.source(settings, context)
        watch, count, cursor, more = Watch(), 0, "", True
        while more:
            batch = source.read(cursor, 500)
            cursor, more, count = batch.cursor, batch.more, count + len(batch.records)
        cost = watch.cost(count)
        source.close()
    return cost


def parse(folder: Path) -> Cost:
    """The baseline: lxml parses the same bytes, and each record becomes a dict of its texts."""
    from lxml import etree

    bodies = [path.read_bytes() for path in sorted(folder.glob("*.xml"))]
    watch, count = Watch(), 0
    for body in bodies:
        root = etree.fromstring(body)
        for record in root.iter("{urn:example:evidence-vault:3}recording"):
            fields = {child.tag.rpartition("}")[2]: child.text for child in record}
            count += bool(fields)
    return watch.cost(count)


class _Quiet:
    def info(self, event: str, **fields: object) -> None:
        """Nothing."""

    warning = error = info


if __name__ == "__main__":
    print(json.dumps(asdict({"poll": poll, "parse": parse}[sys.argv[1]](Path(sys.argv[2])))))
