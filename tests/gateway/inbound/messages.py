"""Invented messages of an invented publisher."""

from __future__ import annotations

import json
from typing import Any

CAP = """<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>{id}</identifier><sender>{sender}</sender><sent>{sent}</sent><status>{status}</status><msgType>{kind}</msgType>
  <scope>Public</scope>{references}
  <info><category>Security</category><event>Invented fight</event><urgency>Immediate</urgency><severity>Severe</severity>
    <certainty>Likely</certainty><expires>{expires}</expires><headline>{headline}</headline>
    <area><areaDesc>Invented square</areaDesc><circle>29.95,-90.07 0.5</circle></area></info>
</alert>
"""
SENDER = "desk@example.invalid"


def cap(id: str, kind: str = "Alert", *, of: str = "", status: str = "Actual", headline: str = "Invented", sender: str = SENDER, expires: str = "2099-01-02T02:10:00-06:00") -> bytes:
    """A CAP alert; `of`: the alert that it is about."""
    references = f"<references>{sender},{of},2026-01-02T00:10:00-06:00</references>" if of else ""
    text = CAP.format(id=id, kind=kind, status=status, references=references, headline=headline, sender=sender, expires=expires, sent="2026-01-02T00:10:00-06:00")
    return text.encode()


def alert(id: str, **more: Any) -> dict[str, Any]:
    """An alert in the terms of the contract."""
    return {"alertId": id, "msgType": "Alert", "sent": {"at": "2026-01-02T06:10:00Z"}, "headline": "Invented", **more}


def event(id: str, data: Any, **more: Any) -> bytes:
    """A structured CloudEvent."""
    said = {"specversion": "1.0", "id": id, "source": "/city/desk", "type": "org.example.alert.v1", "data": data, **more}
    return json.dumps(said).encode()


def notification(*ids: str, **more: Any) -> bytes:
    """An NGSI-LD notification of alerts."""
    data = [
        {"id": f"urn:ngsi-ld:Alert:{id}", "type": "Alert", "dateIssued": {"type": "Property", "value": "2026-01-02T06:10:00Z"}, **more} for id in ids
    ]
    return json.dumps({"id": "urn:ngsi-ld:Notification:1", "type": "Notification", "data": data}).encode()
