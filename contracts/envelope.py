"""The envelope: CloudEvents 1.0 in its JSON form, with the extension attributes we use.

Attribute names are CloudEvents' own and lower case.  Nothing personal stands in any of them: they
are mirrored in message headers, and headers end in logs.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from contracts.parts import OURS, Instant, Key, field

CE = "CloudEvents 1.0"
EXT = "CloudEvents extension"


class Envelope(BaseModel):
    """One event for one recipient."""

    model_config = ConfigDict(extra="allow")

    specversion: str = field(CE, "operational", "Always 1.0", need=True, pattern=r"^1\.0$")
    id: Key = field(CE, "key", "Id of the event for this recipient: the same again if it is sent again", need=True)
    source: str = field(CE, "operational", "/agencies/<agency>/systems/<system>", need=True, pattern="^/agencies/.+")
    type: str = field(CE, "operational", "police.<entity>.<action>.v<major>", need=True, pattern=r"^police\.")
    subject: str | None = field(CE, "key", "Token of the incident or exhibit it is about, for this recipient")
    time: Instant | None = field(CE, "operational", "When it happened, where the source says")
    recordedtime: Instant = field(f"{EXT} recordedtime", "operational", "When the gateway made it durable", need=True)
    datacontenttype: str = field(CE, "operational", "application/json", need=True)
    dataschema: str = field(CE, "operational", "urn:copperline:contract:<entity>:v<major>", need=True)
    sequence: str = field(
        f"{EXT} sequence", "operational", "Rises within a partitionkey; ignore what is lower", need=True
    )
    sequencetype: str = field(f"{EXT} sequence", "operational", "Integer", need=True)
    partitionkey: str = field(f"{EXT} partitionkey", "key", "Token of the record, for this recipient", need=True)
    status: str = field("CAP status", "operational", "Is it live", need=True, codes=("Actual", "Exercise", "Test"))
    mapping: str = field(OURS, "operational", "Digest of the mapping, layout and code tables that made it", need=True)
    causationid: str | None = field(f"{EXT} correlation", "key", "Id of the event that this one corrects")
    replayof: str | None = field(OURS, "key", "Id of the event that is sent once more")
    expirytime: Instant | None = field(f"{EXT} expirytime", "operational", "Of no use after")
    backfill: bool | None = field(OURS, "operational", "From a system's first snapshot, not news")
    agreementseq: str | None = field(OURS, "operational", "Number of the message to this destination; none is left out")
    traceparent: str | None = field("W3C Trace Context", "operational", "Trace")
    tracestate: str | None = field("W3C Trace Context", "operational", "Trace")
    data: dict[str, Any] = field(CE, "special", "The record, as `dataschema` says; its fields have classes", need=True)
