"""A pool of threads that one system's silence cannot use up.

Every call into an adapter has a deadline.  Past it the call is cancelled; a worker that still does
not come back is written off and replaced, so the others go on.  Should it come back after all, its
call ends in `WrittenOff` before it can touch anything: what it read is read again later.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

GRACE = timedelta(seconds=5)
"""How long a cancelled call may take to come back."""


class WrittenOff(Exception):
    """Raised in a worker that came back too late: its place is taken, it must not go on."""


@dataclass(eq=False, slots=True)
class Job:
    """One piece of work and the call it is in, if any.  `system` and `feed` say whose it is."""

    system: str
    feed: str
    run: Callable[[Job], None]
    cancel: Callable[[], None]
    """Unblocks the call; may come from another thread, and may itself hang."""
    lost: Callable[[], None] | None = None
    """Told instead of the pool's owner that its worker was written off."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _deadline: float | None = None
    _cancelled_at: float | None = None
    _written_off: bool = False

    @contextmanager
    def within(self, limit: timedelta) -> Iterator[None]:
        """Give one call a deadline.  Raises WrittenOff after it where the call came back too late."""
        with self._lock:
            self._deadline = time.monotonic() + limit.total_seconds()
        try:
            yield
        finally:
            with self._lock:
                self._deadline = self._cancelled_at = None
                late = self._written_off
            if late:
                raise WrittenOff(self.system, self.feed)

    def overdue(self, now: float, grace: timedelta) -> bool:
        """Cancel a call past its deadline; True once it is also past its grace, and is written off with this."""
        with self._lock:
            if self._deadline is None or now < self._deadline or self._written_off:
                return False
            if self._cancelled_at is None:
                self._cancelled_at = now
                threading.Thread(target=self.cancel, name=f"cancel {self.system}", daemon=True).start()
            self._written_off = now >= self._cancelled_at + grace.total_seconds()
            return self._written_off


class Workers:
    """`size` threads and a queue.  `lost` is told of every job whose worker was written off."""

    def __init__(self, size: int, lost: Callable[[Job], None], *, grace: timedelta = GRACE) -> None:
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lost = lost
        self._grace = grace
        self._lock = threading.Lock()
        self._running: dict[threading.Thread, Job] = {}
        self._threads: set[threading.Thread] = set()
        for _ in range(size):
            self._hire()

    def submit(self, job: Job) -> None:
        """Run it when a worker is free, in the order of asking."""
        self._queue.put(job)

    def check(self) -> None:
        """The watchdog's round: call it about twice a second."""
        now = time.monotonic()
        with self._lock:
            running = list(self._running.items())
        for thread, job in running:
            if job.overdue(now, self._grace):
                self._write_off(thread, job)

    def stop(self, timeout: timedelta) -> bool:
        """Let running jobs end; False where some did not in time."""
        with self._lock:
            threads = list(self._threads)
        for _ in threads:
            self._queue.put(None)
        until = time.monotonic() + timeout.total_seconds()
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _hire(self) -> None:
        thread = threading.Thread(target=self._work, name="worker", daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def _write_off(self, thread: threading.Thread, job: Job) -> None:
        with self._lock:
            self._threads.discard(thread)
            self._running.pop(thread, None)
        self._hire()
        (job.lost or partial(self._lost, job))()

    def _work(self) -> None:
        me = threading.current_thread()
        while (job := self._queue.get()) is not None:
            with self._lock:
                self._running[me] = job
            try:
                job.run(job)
            except WrittenOff:
                return
            finally:
                with self._lock:
                    self._running.pop(me, None)
