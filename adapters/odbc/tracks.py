"""Which tables of a feed are followed, and how: the main one, its details that show changes of their own, rows without a watermark."""

from __future__ import annotations

from typing import Any

from adapters.odbc.numbered import Numbered
from adapters.odbc.reader import MAIN, Reader
from adapters.odbc.settings import Id, Queue, Settings, Tracking
from adapters.odbc.track import Track
from adapters.odbc.tracking import Tracked
from adapters.odbc.unmarked import Unmarked
from adapters.odbc.window import Window
from gateway.adapter import Context

UNMARKED = "$unmarked"
"""The track of the main table's rows without a watermark; no detail can have the name."""


def followed(settings: Settings, reader: Reader, said: dict[str, dict[str, Any]], context: Context) -> dict[str, Track]:
    """Track by name, in the order of their turns; `said`: what the cursor says of each."""
    watermarks: dict[str, Any] = {MAIN: settings.watermark}
    watermarks |= {name: one.watermark for name, one in settings.details.items() if one.watermark}
    tracks: dict[str, Track] = {}
    for name, watermark in watermarks.items():
        state = said.get(name, {})
        match watermark:
            case Tracking():
                tracks[name] = Tracked(reader, state)
            case Id() | Queue():
                tracks[name] = Numbered(reader.views[name], watermark, context.clock, context.log, state)
            case _:
                tracks[name] = Window(reader.views[name], watermark, context.clock, context.log, state)
    if isinstance(tracks[MAIN], Window) and reader.views[MAIN].nullable:
        tracks[UNMARKED] = Unmarked(context.log, said.get(UNMARKED, {}))
    return tracks
