"""What a consumer's log-in may do on RabbitMQ: read its own queues, and nothing else.

It follows from the agreements: configure nothing, write nothing, read the queues whose `logins` name
it; and its topic permissions are opted in, so that it could bind nothing even where a right was given
by mistake.  Two log-ins of one queue may overlap while one takes the place of the other.
"""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.agreement import Agreement, exchange

NOTHING = "^$"


@dataclass(frozen=True, slots=True)
class Rights:
    """One log-in's."""

    user: str
    queues: tuple[str, ...]

    @property
    def read(self) -> str:
        """A pattern of exactly its queues."""
        return "^(" + "|".join(re.escape(queue) for queue in self.queues) + ")$"

    def commands(self, vhost: str) -> list[str]:
        """What an administrator types."""
        on = ["-p", vhost, self.user]
        said = [["set_permissions", *on, NOTHING, NOTHING, self.read]]
        said += [["set_topic_permissions", *on, queue, NOTHING, NOTHING] for queue in self.queues]
        return [shlex.join(["rabbitmqctl", *words]) for words in said]


def rights(agreements: Iterable[Agreement]) -> list[Rights]:
    """The log-ins that agreements name, by user."""
    queues: dict[str, list[str]] = defaultdict(list)
    for one in agreements:
        for to in one.destinations:
            for user in to.logins:
                queues[user].append(exchange(one.name, to.name))
    return [Rights(user, tuple(sorted(queues[user]))) for user in sorted(queues)]


def definitions(agreements: Iterable[Agreement], vhost: str) -> dict[str, list[dict[str, str]]]:
    """The same as RabbitMQ's definitions hold it: permissions and topic permissions."""
    found = rights(agreements)
    return {
        "permissions": [{"user": one.user, "vhost": vhost, "configure": NOTHING, "write": NOTHING, "read": one.read} for one in found],
        "topic_permissions": [
            {"user": one.user, "vhost": vhost, "exchange": queue, "write": NOTHING, "read": NOTHING} for one in found for queue in one.queues
        ],
    }
