"""What the gateway says about itself: facts in the past tense as JSON lines, and counters.

Logs go to standard error, one JSON object a line, control characters escaped.  An exception is
told by its type and the places it passed, never by its message: a message may quote a record.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Iterator, MutableMapping
from contextlib import suppress
from typing import Any, Literal, TextIO, cast

import orjson
import structlog

from gateway.adapter import Log

Metric = Literal[
    "copperline_records_total",  # records by system and outcome (accepted, unchanged, late, quarantined)
    "copperline_polls_total",  # polls of a feed by system, feed and outcome (idle, more, retry, halt)
    "copperline_stage_duration_seconds",  # seconds spent by system and stage (batch: read to acknowledge), summed
    "copperline_last_success_timestamp_seconds",  # Unix time of a feed's last poll without an error
    "copperline_free_bytes",  # free space of the volume under the site's var folder
    "copperline_intake_paused",  # 1 while intake waits for free space
    "copperline_workers_written_off_total",  # workers that did not come back from a call, by system
    "copperline_consumer_lag",  # messages and events that the consumer of a queue has not read, by agreement and destination
    "copperline_consumer_oldest_unread_timestamp_seconds",  # Unix time of the oldest of them; 0 where there is none
    "copperline_consumer_last_read_timestamp_seconds",  # Unix time at which a consumer last said how far it has read; 0 for never
    "copperline_consumer_undeleted",  # what a consumer was told to forget and has not said that it has deleted
    "copperline_build_info",  # 1, labelled with the version
]

_Labels = tuple[tuple[str, str], ...]


class Metrics:
    """Counters and gauges by name and labels.  Safe from any thread; updated per batch, never per record."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[tuple[Metric, _Labels], float] = {}

    def add(self, name: Metric, amount: float = 1, **labels: str) -> None:
        """Count `amount` more."""
        key = name, tuple(sorted(labels.items()))
        with self._lock:
            self._values[key] = self._values.get(key, 0) + amount

    def set(self, name: Metric, value: float, **labels: str) -> None:
        """State the present value of a gauge."""
        with self._lock:
            self._values[name, tuple(sorted(labels.items()))] = value

    def value(self, name: Metric, **labels: str) -> float:
        """What was counted; 0 for what never was."""
        with self._lock:
            return self._values.get((name, tuple(sorted(labels.items()))), 0)

    def lines(self) -> Iterator[str]:
        """Everything in the Prometheus text format, in a stable order."""
        with self._lock:
            values = sorted(self._values.items())
        for (name, labels), value in values:
            shown = ",".join(f"{key}={orjson.dumps(text).decode()}" for key, text in labels)
            yield f"{name}{{{shown}}} {value:g}" if shown else f"{name} {value:g}"


def start(stream: TextIO | None = None) -> None:
    """Begin to log: JSON lines to `stream` (standard error).  A second call changes the stream."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _tell_fault,
            structlog.processors.JSONRenderer(serializer=_to_json),
        ],
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Lenient(stream or sys.stderr))),
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        cache_logger_on_first_use=False,
    )


def log(**bound: Any) -> Log:
    """A logger whose every line carries `bound`."""
    return cast("Log", structlog.get_logger().bind(**bound))


class _Lenient:
    """A stream that drops what cannot be written: a full disk under the log must not stop a delivery."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def _to_json(event: MutableMapping[str, Any], **_: Any) -> str:
    return orjson.dumps(event, default=str).decode()


def _tell_fault(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put type and places of an exception in place of its text."""
    fault = event.pop("exc_info", None)
    if isinstance(fault, BaseException):
        frames = traceback.extract_tb(fault.__traceback__)
        event["fault"] = type(fault).__name__
        event["passed"] = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames[-6:]]
    return event
