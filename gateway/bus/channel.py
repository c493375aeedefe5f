"""One destination's way to the broker: a channel, a window of unconfirmed messages, and what became of each.

Life of a message: `send` hands a batch over to the connection's thread; it is published with
`mandatory` while the window has room; the broker confirms it, and only then is it heard of as
confirmed.  When the channel or the connection goes, everything that was not confirmed is *lost*,
all at once: the sender reads it again from the journal.  Nothing is kept here across an outage, so
nothing leaves after it that an agreement has forbidden meanwhile.

    closed ─► opening ─► open ─► draining (after a nack) ─► closed
                 └─ the exchange or queue is not there: closed, tried again later
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Literal, Protocol

from pika import spec

from gateway.agreement import Projected
from gateway.backoff import Backoff
from gateway.bus.codes import NACKED, PERMISSION, REFUSED, of_channel
from gateway.bus.wire import Frames
from gateway.errors import Problem
from gateway.lane import LAST_S, Heard, Tell, Ticket

WINDOW = 1000
"""Messages that may be unconfirmed on one channel."""
TOLD_AT_ONCE = 250
"""Confirms that are gathered before the sender hears of them, unless nothing more is under way."""
WRITTEN_AT_ONCE = 256 * 1024
"""Bytes of frames that are joined into one write."""
DRAIN_S = 1.0
"""How long after a nack the answers to the other messages are waited for."""

State = Literal["closed", "opening", "open", "draining"]


@dataclass(slots=True)
class _Flight:
    """What is under way on one channel; a new channel begins with none of it."""

    waiting: deque[tuple[Ticket, Projected]] = field(default_factory=deque)
    sent: dict[int, tuple[Ticket, str]] = field(default_factory=dict)
    """Delivery tag to ticket and message id, in order."""
    tag: int = 0
    confirmed: list[Ticket] = field(default_factory=list)
    """Not told yet."""
    unrouted: list[Ticket] = field(default_factory=list)
    back: set[str] = field(default_factory=set)
    """Ids of messages that were returned and not yet answered for."""
    checking: bool = False
    """Whether exchange and queue still exist is being asked."""


class Connection(Protocol):
    """What a lane needs of the publisher; everything here runs on the connection's thread."""

    def channel(self, on_open_callback: Callable[[Any], None]) -> Any: ...
    def write(self, data: bytes) -> None: ...
    def later(self, delay_s: float, act: Callable[[], None]) -> Any: ...
    def frame_max(self) -> int: ...
    def blocked(self) -> bool: ...


class ChannelLane:
    """`send`, `ready` and `problem` are for any thread; all else belongs to the connection's."""

    def __init__(
        self,
        exchange: str,
        heard: Tell,
        *,
        post: Callable[[Callable[[], None]], bool],
        backoff: Backoff,
        window: int = WINDOW,
    ) -> None:
        self.careful, self.last_s = False, LAST_S
        self.exchange = exchange
        self.state: State = "closed"
        self.problem: Problem | None = None
        """Why nothing is sent, while that is so."""
        self.over = False
        """Closed for good."""
        self.depth: int | None = None
        """Messages that were ready in the queue when it was last looked at; None before that, and while there is no way to it."""
        self.ready = threading.Event()
        """Set while messages are taken."""
        self._heard = heard
        self._post = post
        self._backoff = backoff
        self._most = self._window = window
        self._suspects = 0
        self._connection: Connection | None = None
        self._channel: Any = None
        self._frames: Frames | None = None
        self._retry: object = None
        self._now = _Flight()

    def send(self, batch: Sequence[tuple[Ticket, Projected]]) -> bool:
        """Hand over a batch, in order.  False: there is no connection and nothing was taken.

        True is no promise: what the broker did not confirm is heard of as lost.
        """
        return self._post(lambda: self._take(batch))

    def look(self) -> None:
        """Ask how many messages wait in the queue; `depth` says it soon after."""
        self._post(self._ask)

    # On the connection's thread, in the order of a lane's life.

    def connected(self, connection: Connection) -> None:
        """The connection is up: open a channel."""
        if self.over:
            return
        self._connection = connection
        self._open()

    def disconnected(self) -> None:
        """The connection is gone, and the channel with it."""
        self._connection = None
        self._lose()

    def pump(self) -> None:
        """Publish what waits, as far as the window allows."""
        connection, frames = self._connection, self._frames
        if self.state != "open" or self._now.checking or connection is None or frames is None or connection.blocked():
            return
        pieces: list[bytes] = []
        room, now = 0, self._now
        while now.waiting and len(now.sent) < self._window:
            ticket, event = now.waiting.popleft()
            now.tag += 1
            now.sent[now.tag] = (ticket, event.id)
            pieces += frames.message(event)
            room += len(event.body)
            if room > WRITTEN_AT_ONCE:
                connection.write(b"".join(pieces))
                pieces, room = [], 0
        if pieces:
            connection.write(b"".join(pieces))

    def close(self) -> None:
        """End in order; what is unconfirmed is heard of as lost."""
        self.over = True
        self._post(self._end)

    def _end(self) -> None:
        channel, self._connection = self._channel, None
        self._lose()
        if channel is not None and channel.is_open:
            channel.close()

    def _ask(self) -> None:
        if self.state == "open":
            self._channel.queue_declare(self.exchange, passive=True, callback=self._counted)

    def _counted(self, answer: Any) -> None:
        self.depth = int(answer.method.message_count)

    def _open(self) -> None:
        self._retry = None
        if self._connection is None or self.state != "closed":
            return
        self.state = "opening"
        self._connection.channel(self._opened)

    def _opened(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._closed)
        channel.add_on_return_callback(self._returned)
        channel.confirm_delivery(self._answered, callback=lambda _: self._check(self._begin))

    def _check(self, act: Callable[[], None]) -> None:
        """Act once exchange and queue are known to exist; where one does not, the broker closes the channel."""
        channel, name = self._channel, self.exchange

        def queue(_: Any) -> None:
            channel.queue_declare(name, passive=True, callback=lambda _: act())

        channel.exchange_declare(name, passive=True, callback=queue)

    def _begin(self) -> None:
        assert self._connection is not None
        self._now = _Flight()
        self._frames = Frames(self._channel.channel_number, self.exchange, frame_max=self._connection.frame_max())
        self.state = "open"
        if self.problem is not None and self.problem.code not in (NACKED, PERMISSION, REFUSED):
            self.problem = None  # these stay until a message has gone through
        self.ready.set()
        self._heard(Heard())

    def _take(self, batch: Sequence[tuple[Ticket, Projected]]) -> None:
        if self.state != "open":
            self._heard(Heard(lost=True))
            return
        self._now.waiting.extend(batch)
        self.pump()

    def _answered(self, answer: Any) -> None:
        """An ack or a nack, of one message or of all up to it."""
        method = answer.method
        tickets = self._answered_for(method.delivery_tag, multiple=method.multiple)
        if isinstance(method, spec.Basic.Nack):
            self._nacked()
        elif tickets:
            self._now.confirmed.extend(tickets)
            self._healthy(len(tickets))
        if self._now.unrouted and not self._now.checking:
            self._checked()
        if self.state == "draining" and not self._now.sent:
            self._reopen()
        elif len(self._now.confirmed) >= TOLD_AT_ONCE or not self._now.sent:
            self._tell()
        self.pump()

    def _answered_for(self, tag: int, *, multiple: bool) -> list[Ticket]:
        """The tickets that an answer is about, without those that were returned."""
        sent = self._now.sent
        tags = list(takewhile(lambda one: one <= tag, sent)) if multiple else [tag]
        found = [sent.pop(one) for one in tags if one in sent]
        if not self._now.back:
            return [ticket for ticket, _ in found]
        self._now.unrouted.extend(ticket for ticket, id in found if id in self._now.back)
        tickets = [ticket for ticket, id in found if id not in self._now.back]
        self._now.back.difference_update(id for _, id in found)
        return tickets

    def _healthy(self, answers: int) -> None:
        if self.state != "open":
            return
        self.problem = None
        self._backoff.reset()
        self._suspects -= answers
        if self._suspects <= 0:
            self._window = self._most

    def _returned(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        """A message that no queue took; its ack follows.  Look whether exchange and queue are there before judging."""
        self._now.back.add(properties.message_id)
        if not self._now.checking:
            self._now.checking = True
            self._check(self._checked)

    def _checked(self) -> None:
        """They are: so it is the binding, and the message's ack has come before this answer."""
        self._now.checking = False
        if self._now.unrouted:
            unrouted, self._now.unrouted = self._now.unrouted, []
            self._heard(Heard(unrouted=unrouted))
        self.pump()

    def _nacked(self) -> None:
        """Stop, wait for the other answers, then take a new channel: an old one may be nacked for ever."""
        self.problem = Problem(NACKED)
        if self.state != "open":
            return
        self.state = "draining"
        self.ready.clear()
        if self._connection is not None:
            channel = self._channel
            self._connection.later(DRAIN_S, lambda: self._reopen() if self._channel is channel else None)

    def _reopen(self) -> None:
        channel = self._channel
        if self.state != "draining" or channel is None:
            return
        self._lose()
        if channel.is_open:
            channel.close()
        self._open_later()

    def _closed(self, channel: Any, reason: BaseException) -> None:
        if channel is not self._channel:
            return  # our own doing, or the connection's end: told already
        what = of_channel(reason)
        text = getattr(reason, "reply_text", "")
        self.problem = Problem(what, rule=f"{what.meaning} ({text})" if what is REFUSED else "")
        suspects = [ticket for ticket, _ in self._now.sent.values()] if what is REFUSED else []
        if len(suspects) > 1:  # one at a time, until the one that does it has shown itself
            self._window, self._suspects = 1, max(self._suspects, len(suspects))
        self._lose(refused=(suspects[0], text) if len(suspects) == 1 else None)
        self._open_later()

    def _open_later(self) -> None:
        if self._connection is not None and self._retry is None:
            self._retry = self._connection.later(self._backoff.next_s(), self._open)

    def _lose(self, refused: tuple[Ticket, str] | None = None) -> None:
        self.ready.clear()
        self._tell()
        self._now = _Flight()
        self.state = "closed"
        self._channel = self._frames = self._retry = self.depth = None
        self._heard(Heard(refused=refused, lost=True))

    def _tell(self) -> None:
        if self._now.confirmed:
            confirmed, self._now.confirmed = self._now.confirmed, []
            self._heard(Heard(confirmed=confirmed))
