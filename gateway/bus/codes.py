"""What can go wrong between the gateway and RabbitMQ, and which of pika's errors says so."""

from __future__ import annotations

import ssl

from pika.exceptions import (
    AuthenticationError,
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from gateway.errors import Code, Problem, code

ADDRESS = code(
    "bus.address",
    "The broker's address cannot be used.",
    "Write it as amqps://user:password@host:5671/vhost in the secret that `broker.url_from` names.",
)
GUEST = code(
    "bus.guest",
    "The broker's address uses the password `guest` on another machine.",
    "Make a user of its own for the gateway: `copperline docs rabbitmq` shows the rights it needs.",
)
UNREACHABLE = code(
    "bus.unreachable",
    "RabbitMQ cannot be reached, or the connection to it broke.",
    "Nothing is lost: deliveries wait in the journal. Check that the broker runs and that the address is right.",
)
TLS = code(
    "bus.tls",
    "RabbitMQ's certificate is not believed, or TLS with it fails.",
    "Have SSL_CERT_FILE name the authority's certificate where the gateway runs, and the address the host that the broker's own is for.",
)
CREDENTIALS = code(
    "bus.credentials",
    "RabbitMQ refused the user, the password or the virtual host.",
    "Correct the secret that `broker.url_from` names; it is read again at every try.",
)
PERMISSION = code(
    "bus.permission",
    "The gateway's user may not publish to this destination's exchange.",
    "Give it the rights that `copperline docs rabbitmq` names.",
)
BLOCKED = code(
    "bus.blocked",
    "RabbitMQ takes no messages: it is short of memory or disk.",
    "Free memory or disk on the broker; deliveries go on by themselves.",
)
TOPOLOGY = code(
    "bus.topology",
    "The exchange or the queue of a destination does not exist.",
    "Run `copperline topology plan`, then `copperline topology apply`.",
)
UNROUTED = code(
    "bus.unrouted",
    "RabbitMQ returned an event: the queue is there but not bound for its topic.",
    "Run `copperline topology apply`; then: copperline deliveries retry AGREEMENT.",
)
NACKED = code(
    "bus.nacked",
    "RabbitMQ did not take an event: the queue is full, or its leader is away.",
    "Nothing is lost: it is sent again. If the queue is full, its consumer is behind or gone.",
)
REFUSED = code(
    "bus.refused",
    "RabbitMQ closed the channel over one event.",
    "The event is probably larger than the broker allows (max_message_size); see the reason that is shown.",
)


def of_connection(error: BaseException) -> Problem:
    """What a connection that failed or ended says to a person.  Never with an address or a password."""
    if isinstance(error, AuthenticationError | ProbableAuthenticationError | ProbableAccessDeniedError):
        return Problem(CREDENTIALS)
    if isinstance(error, ConnectionClosedByBroker) and error.reply_code in (403, 530):
        return Problem(CREDENTIALS)
    inner = _innermost(error)
    if isinstance(inner, ssl.SSLError) and not isinstance(inner, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Problem(TLS, rule=f"{TLS.meaning} ({_said(inner)})")
    return Problem(UNREACHABLE, rule=f"{UNREACHABLE.meaning} ({type(inner).__name__})")


def of_channel(error: BaseException) -> Code:
    """Why a channel was closed by the other side."""
    if not isinstance(error, ChannelClosedByBroker):
        return UNREACHABLE
    return {403: PERMISSION, 404: TOPOLOGY}.get(error.reply_code, REFUSED)


def _innermost(error: BaseException) -> BaseException:
    """What the errors of pika are about: each holds the one that it stands for, or all that were tried."""
    while (held := [*getattr(error, "exceptions", ()), getattr(error, "exception", None), *error.args]) and (
        inner := next((each for each in reversed(held) if isinstance(each, BaseException)), None)
    ):
        error = inner
    return error


def _said(error: ssl.SSLError) -> str:
    """Why TLS failed, without the host: what follows a comma names it."""
    said = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else (error.reason or type(error).__name__)
    return said.partition(",")[0].lower().replace("_", " ")
