"""The broker's address, read at each try so that a changed secret is used at once; never shown, never logged."""

from __future__ import annotations

import ssl
from ipaddress import ip_address

import pika

from gateway.bus.codes import ADDRESS, GUEST
from gateway.errors import Problem, Refused

HEARTBEAT_S = 30
"""A peer that is silent for two of these is gone."""
CONNECT_S = 10


def parameters(url: str) -> pika.URLParameters:
    """How to connect.  Raises Refused for an address that is none, and for `guest` on another machine."""
    if not url.startswith(("amqp://", "amqps://")):
        raise Refused(Problem(ADDRESS, rule="it begins with amqp:// or amqps://"))
    try:
        given = pika.URLParameters(url)
    except (ValueError, TypeError, KeyError) as e:
        raise Refused(Problem(ADDRESS)) from e  # its text holds the address: not shown
    if given.credentials.password == "guest" and not _loopback(given.host):  # noqa: S105 -- the one password that everybody knows
        raise Refused(Problem(GUEST))
    if given.ssl_options is not None:  # alike on every Python: since 3.13 an old authority is refused for its form
        trust = given.ssl_options.context
        trust.verify_flags = (trust.verify_flags | ssl.VERIFY_X509_PARTIAL_CHAIN) & ~ssl.VERIFY_X509_STRICT
    given.heartbeat = HEARTBEAT_S
    given.socket_timeout = CONNECT_S
    given.stack_timeout = CONNECT_S + 5
    given.blocked_connection_timeout = None  # a broker that is short of memory is waited for, visibly
    given.client_properties = {"product": "copperline", "connection_name": "copperline"}
    return given


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
