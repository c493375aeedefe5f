"""The watched system of row `latency`: one small file after another, each with one record."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench import records
from bench.gateway_side import Site

SYSTEM = "trickle"
INBOX = "inbox/trickle"


@contextmanager
def dropping(site: Site, rate: int, seconds: int) -> Iterator[int]:
    """Drop files in the background, one a tick, each with `rate` records a second's share; yields how many records come."""
    lines = list(records.lines(rate * seconds, seed=7))
    stop = threading.Event()
    thread = threading.Thread(target=_drop, args=(site, lines, rate, stop), daemon=True)
    thread.start()
    try:
        yield len(lines) - 1
    finally:
        stop.set()
        thread.join()


def _drop(site: Site, lines: list[str], rate: int, stop: threading.Event) -> None:
    inbox = site.folder / INBOX
    inbox.mkdir(parents=True, exist_ok=True)
    header, began = lines[0], time.monotonic()
    for number, line in enumerate(lines[1:]):
        if stop.wait(max(0.0, began + number / rate - time.monotonic())):
            return
        part = inbox / f"{number:06d}.csv.part"
        part.write_text(header + line)
        part.rename(inbox / f"{number:06d}.csv")
