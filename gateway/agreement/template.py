"""The beginnings of an agreement: every key that must be there, and what it is for."""

from __future__ import annotations

from datetime import UTC, datetime


def text(name: str, provider: str) -> str:
    """The file that `copperline agreements new` writes: it can be read, but nobody has approved it."""
    year = datetime.now(UTC).year
    return _TEXT.format(name=name, provider=provider, year=year, next=year + 1)


_TEXT = """\
# What may leave, to whom, why and until when.  `copperline docs agreements` explains every key.
agreement: {name}                    # as the file; never changed later
title: Say in a few words what it is for
parties: {{provider: {provider}, recipient: Name the recipient}}
contact: Name who answers for the recipient
prepared_by: Name yourself           # somebody else approves it
purpose: Say what the recipient needs it for
legal_basis: Name the law that lets you give it
law_enforcement: false               # true for a police agency or a prosecutor
authority: Name what allows the recipient to have it
impact_assessment: Name where the assessment is
valid: {{from: {year}-01-01, to: {next}-12-31}}
retention_days: 30                   # how long the recipient may keep it
onward: none                         # to whom it may pass it on
topics: ["police.*.incident.#"]      # police.<agency>.<entity>.<action>.v1; * is one word, # any number
fields:                              # nothing else leaves; `copperline docs contracts` lists them
  incident:
    types: plain
    statuses: plain
    reportedAt: floor hour
    locations.district: plain
destinations:
  service: {{via: log}}                # via: bus for a queue of its own on RabbitMQ
start: now
"""
