"""How threads take turns while a driver hands over rows.

pyodbc gives the interpreter back at every value it takes, and beside a thread that always has work it
would get its turn again five milliseconds later: some fifty rows a second.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

TURN_S = 0.00005
"""So long a thread may go on while another waits for the interpreter."""

_lock = threading.Lock()
_fetching = 0
_usual_s = sys.getswitchinterval()


@contextmanager
def short() -> Iterator[None]:
    """For the time of a block, and as long as any thread is in one, turns are short; then as they were."""
    global _fetching, _usual_s  # noqa: PLW0603 - the interpreter has one interval for all threads
    with _lock:
        if not _fetching:
            _usual_s = sys.getswitchinterval()
            sys.setswitchinterval(TURN_S)
        _fetching += 1
    try:
        yield
    finally:
        with _lock:
            _fetching -= 1
            if not _fetching:
                sys.setswitchinterval(_usual_s)
