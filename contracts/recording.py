"""Recording: what a body-worn camera saw, and what is not on it.

No standard has such a record, so the fields are those that two makers' systems export.  It keeps
apart who wore the camera, who uploaded the file and who owns it; times are as the device said them.
"""

from __future__ import annotations

from contracts.evidence import EvidenceItem
from contracts.parts import OURS, Coded, Geo, Officer, Opaque, Part, Time, field, registry

CLOCK_METHODS = registry("gnss ntp dock compared stated assumed unknown")
ABSENCES = registry("muted missing paused covered corrupt")


class Device(Part):
    """The camera and the dock it was read by."""

    serial: str | None = field("Axis BWCSerialNumber", "officer", "Serial number of the camera")
    model: str | None = field("Axis BWCModel", "operational", "Model")
    dock_serial: str | None = field("Axis SCUSerialNumber", "operational", "Serial number of the dock")
    firmware: str | None = field("Axis FirmwareVersion", "operational", "Firmware")


class DeviceClock(Part):
    """How far the camera's clock was off, and how that is known.  Times are as recorded, not corrected."""

    offset_s: float | None = field(OURS, "operational", "Device minus true time, in seconds")
    method: Coded | None = field(OURS, "operational", "How the offset is known", codes=CLOCK_METHODS)
    measured_at: Time | None = field(OURS, "operational", "When it was measured")
    zone: str | None = field("Axis TimeZone", "operational", "IANA zone the camera was set to")


class Trigger(Part):
    """What switched recording on or off."""

    reason: Coded | None = field("Axis TriggerOn", "operational", "Button, holster, vehicle light, command, …")
    at: Time | None = field("Axis TriggerOnTime", "operational", "When")
    geo: Geo | None = field("Axis TriggerOnLocation", "place", "Where")


class Activation(Part):
    """Whether the camera was switched on when it should have been."""

    late: bool | None = field(OURS, "officer", "Switched on after it should have been")
    late_by_s: float | None = field(OURS, "officer", "By how many seconds", ge=0)
    reason: Coded | None = field(OURS, "officer", "Reason given")


class Absence(Part):
    """A stretch of the recording where sound or picture is not there."""

    kind: Coded | None = field(OURS, "operational", "Muted, missing, paused, …", codes=ABSENCES)
    start: Time | None = field(OURS, "operational", "From")
    stop: Time | None = field(OURS, "operational", "To")
    reason: Coded | None = field(OURS, "officer", "Reason given")


class Clip(Part):
    """One file of the recording."""

    start: Time | None = field("Axis Clip StartTime", "operational", "From")
    stop: Time | None = field("Axis Clip StopTime", "operational", "To")
    mime_type: str | None = field("Axis ContainerType", "operational", "Media type")
    ref: Opaque | None = field("CloudEvents dataref", "key", "Opaque reference to the bytes, never a link")


class Bookmark(Part):
    """A mark that the wearer or a reviewer set."""

    category: Coded | None = field("Axis Bookmark CategoryID", "operational", "Category")
    start: Time | None = field("Axis Bookmark StartTime", "operational", "From")
    stop: Time | None = field("Axis Bookmark EndTime", "operational", "To")
    text: str | None = field("Axis Bookmark Tags", "free-text", "What it says")


class TrackPoint(Part):
    """One position of the camera while it recorded."""

    at: Time | None = field("Axis GNSS Timestamp", "operational", "When")
    geo: Geo | None = field("Axis GNSS LocationWKT", "place", "Where")


class Upload(Part):
    """What became of the transfer to the store."""

    status: Coded | None = field("Axis Status", "operational", "Transferring, complete, rejected")
    rejected_reason: Coded | None = field("Axis RejectedContentReason", "operational", "Why it was refused")


class BodyCamRecording(EvidenceItem):
    """A body-worn camera recording: an exhibit with a device, a wearer and a clock."""

    device: Device | None = field("Axis recording", "operational", "Camera and dock")
    clock: DeviceClock | None = field(OURS, "operational", "How far the camera's clock was off")
    wearer: Officer | None = field("Axis UserID", "officer", "Who wore the camera")
    uploader: Officer | None = field("Axon uploaded by", "officer", "Who brought the file in")
    owner: Officer | None = field("Axon owner_badge_id", "officer", "Who answers for it at the store")
    start: Time | None = field(
        "Axis StartTime", "operational", "First picture, with what was buffered before the trigger"
    )
    stop: Time | None = field("Axis StopTime", "operational", "Last picture")
    duration_s: float | None = field("Axon duration_seconds", "operational", "Length in seconds", ge=0)
    pre_buffer_s: float | None = field("Axis StartTime, TriggerOnTime", "operational", "Seconds kept from before", ge=0)
    trigger_on: Trigger | None = field("Axis TriggerOn", "operational", "What switched it on")
    trigger_off: Trigger | None = field("Axis TriggerOff", "operational", "What switched it off")
    activation: Activation | None = field(OURS, "officer", "Whether it was on in time")
    absences: list[Absence] | None = field(OURS, "operational", "Muted and missing stretches")
    clips: list[Clip] | None = field("Axis Clip", "operational", "Its files")
    track: list[TrackPoint] | None = field("Axis GNSS trail", "place", "Where the camera was")
    bookmarks: list[Bookmark] | None = field("Axis Bookmark", "operational", "Marks set in it")
    key_id: str | None = field("Axis Key", "key", "Which key its bytes are encrypted with")
    upload: Upload | None = field("Axis Status", "operational", "What became of the transfer")
    flagged: bool | None = field("Axon flag_y_n", "operational", "Flagged for review")
