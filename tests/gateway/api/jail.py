"""An invented system that cannot be called: feeds that say incidents in its terms, as CSV, XML and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gateway.site import Site
from tests.gateway.api import riverton

SYSTEM = """\
system: jail
title: A system behind a wall
agency: ZZ0010000
zone: America/New_York
feeds:
  csv:
    adapter: document
    settings: {charset: cp1252, layout: {form: delimited, header: true, kind: case, columns: [NUMBER, PLACE], key: [NUMBER]}}
    mappings: {case: case.yaml}
  xml:
    adapter: document
    settings: {layout: {form: xml, records: /cases/case, kind: case, key: [NUMBER]}}
    mappings: {case: case.yaml}
  json:
    adapter: document
    settings: {layout: {form: json, records: "[]", kind: case, key: [NUMBER]}}
    mappings: {case: case.yaml}
"""
MAPPING = """\
to: case
title: A case, from an incident
entity: incident
subject: incidentId
optional: true
fields:
  NUMBER: {from: incidentId, optional: false}
  PLACE: locations.0.city
"""
AGREEMENT = """\
agreement: {name}
title: What the jail is told
parties: {{provider: riverton, recipient: riverton}}
contact: Desk
prepared_by: A. Example
purpose: tests
legal_basis: the agency's own task
law_enforcement: true
valid: {{from: 2020-01-01, to: 2035-12-31}}
retention_days: 365
topics: ["police.*.incident.#"]
fields: all
start: now
destinations: {{box: {{via: mailbox, system: jail, feed: {feed}}}}}
"""


def made(folder: Path, mailboxes: Mapping[str, str]) -> Site:
    """The site with the system, and a mailbox under an agreement for each feed that is named: agreement → feed."""
    here = riverton.made(folder)
    jail = here.systems / "jail"
    jail.mkdir()
    (jail / "system.yaml").write_text(SYSTEM)
    (jail / "case.yaml").write_text(MAPPING)
    for name, feed in mailboxes.items():
        (here.agreements / f"{name}.yaml").write_text(AGREEMENT.format(name=name, feed=feed))
    return here
