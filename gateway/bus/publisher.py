"""The connection to RabbitMQ: one thread, one connection, a lane for every destination.

pika's connection belongs to the thread that runs its loop.  Others hand it whole batches, never
single messages; what it has to say it says by calling back.  While the broker is away it tries
again with growing, random waits, reads the address anew each time, and says in `status` why.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import pika

from gateway.backoff import Backoff
from gateway.bus.address import parameters
from gateway.bus.channel import WINDOW, ChannelLane
from gateway.bus.codes import BLOCKED, CREDENTIALS, of_connection
from gateway.errors import Problem, Refused
from gateway.lane import Tell

Name = Literal["stopped", "connecting", "connected", "blocked", "waiting", "halted"]

HALTED_S = 300.0
"""How long a refused user or password is left alone before it is tried once more."""


@dataclass(frozen=True, slots=True)
class Status:
    """How the connection is, for a person."""

    state: Name
    problem: Problem | None = None
    """Why it is not `connected`."""
    tries: int = 0
    """In a row, without success."""
    next_s: float = 0.0
    """Seconds between that try and the next; 0 while one is under way."""


class Publisher:
    """Publishes for all destinations of a gateway.  `url` is called at every try; it may raise Refused.

    `heard` callbacks of lanes run on this thread: they must be short and never block.
    """

    def __init__(self, url: Callable[[], str], *, backoff: Callable[[], Backoff] = Backoff) -> None:
        self.status = Status("stopped")
        self._url = url
        self._new_backoff = backoff
        self._backoff = backoff()
        self._lanes: list[ChannelLane] = []
        self._connection: pika.SelectConnection | None = None
        self._guard = threading.Lock()
        self._up = self._blocked = False
        self._stopping = threading.Event()
        self._again = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bus", daemon=True)

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Close the connection.  What is unconfirmed stays in the journal."""
        self._stopping.set()
        self._again.set()
        self._post(self._close)
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def retry(self) -> None:
        """Do not wait any longer for the next try: something was mended."""
        self._again.set()

    def lane(self, exchange: str, heard: Tell, *, window: int = WINDOW) -> ChannelLane:
        """A way to one destination's exchange; usable, once `ready`, from any one thread."""
        lane = ChannelLane(exchange, heard, post=self._post, backoff=self._new_backoff(), window=window)
        with self._guard:
            self._lanes.append(lane)
        self._post(lambda: lane.connected(self) if self._up and lane.state == "closed" else None)
        return lane

    def depths(self) -> dict[str, int]:
        """How many messages waited in each queue when this was last asked; asks again."""
        with self._guard:
            lanes = [lane for lane in self._lanes if not lane.over]
        for lane in lanes:
            lane.look()
        return {lane.exchange: lane.depth for lane in lanes if lane.depth is not None}

    # What a lane needs of the connection.

    def channel(self, on_open_callback: Callable[[Any], None]) -> Any:
        assert self._connection is not None
        return self._connection.channel(on_open_callback=on_open_callback)

    def write(self, data: bytes) -> None:
        """Give whole frames to the transport.  The hook is pika's own, for those who bring a transport."""
        assert self._connection is not None
        self._connection._adapter_emit_data(data)  # noqa: SLF001 -- pinned to pika 1.4, held by tests/gateway/test_bus.py

    def later(self, delay_s: float, act: Callable[[], None]) -> Any:
        assert self._connection is not None
        return self._connection.ioloop.call_later(delay_s, act)

    def frame_max(self) -> int:
        assert self._connection is not None
        return int(self._connection.params.frame_max)

    def blocked(self) -> bool:
        return self._blocked

    # The thread.

    def _run(self) -> None:
        while not self._stopping.is_set():
            wait_s = self._attempt()
            if self._stopping.is_set():
                break
            self._again.wait(wait_s)
            self._again.clear()
        self.status = Status("stopped")

    def _attempt(self) -> float:
        """One connection, from its first byte to its end; returns the seconds to wait before the next."""
        self.status = Status("connecting", self.status.problem, self._backoff.tries)
        try:
            problem = self._session()
        except Refused as e:
            problem = e.problems[0]
        except Exception as e:  # noqa: BLE001 -- the edge: pika raises assertions and lookups out of its loop too
            problem = of_connection(e)
        self._explain(problem)
        halted = problem.code is CREDENTIALS
        wait_s = max(self._backoff.next_s(), HALTED_S if halted else 0.0)
        self.status = Status("halted" if halted else "waiting", problem, self._backoff.tries, wait_s)
        return wait_s

    def _session(self) -> Problem:
        ended: list[BaseException] = []
        connection = pika.SelectConnection(
            parameters(self._url()),
            on_open_callback=self._opened,
            on_open_error_callback=partial(self._ended, ended),
            on_close_callback=partial(self._ended, ended),
        )
        with self._guard:
            self._connection = connection
        if self._stopping.is_set():
            connection.close()
        try:
            connection.ioloop.start()
        finally:
            self._gone()
            connection.ioloop.close()
            _hang_up(connection)
        return of_connection(ended[0] if ended else ConnectionError())

    def _opened(self, connection: pika.SelectConnection) -> None:
        self._backoff.reset()
        self.status = Status("connected")
        self._up = True
        connection.add_on_connection_blocked_callback(lambda *_: self._block(True))
        connection.add_on_connection_unblocked_callback(lambda *_: self._block(False))
        with self._guard:
            self._lanes = [lane for lane in self._lanes if not lane.over]
            lanes = list(self._lanes)
        for lane in lanes:
            lane.connected(self)

    def _block(self, blocked: bool) -> None:
        self._blocked = blocked
        self.status = Status("blocked", Problem(BLOCKED)) if blocked else Status("connected")
        self._explain(self.status.problem)
        for lane in self._lanes:
            lane.pump()

    def _ended(self, ended: list[BaseException], connection: pika.SelectConnection, reason: BaseException) -> None:
        ended.append(reason)
        connection.ioloop.stop()

    def _gone(self) -> None:
        with self._guard:
            self._connection = None
            lanes = list(self._lanes)
        self._up = self._blocked = False
        for lane in lanes:
            lane.disconnected()

    def _explain(self, problem: Problem | None) -> None:
        """Why nothing is sent is the same for every lane."""
        with self._guard:
            for lane in self._lanes:
                lane.problem = problem

    def _close(self) -> None:
        if self._connection is not None and not (self._connection.is_closing or self._connection.is_closed):
            self._connection.close()

    def _post(self, act: Callable[[], None]) -> bool:
        """Have the connection's thread do something; False where there is no connection."""
        with self._guard:
            if self._connection is None:
                return False
            self._connection.ioloop.add_callback_threadsafe(act)
        return True


def _hang_up(connection: pika.SelectConnection) -> None:
    """Close the socket that pika leaves open where an exception of its own ended the loop."""
    socket = getattr(getattr(connection, "_transport", None), "_sock", None)  # pika's own; a test holds that they exist
    if socket is not None:
        socket.close()
