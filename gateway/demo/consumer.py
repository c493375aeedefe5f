"""A smart-city service, as its developer would write it: plain pika, one queue, nothing of ours.

`python -m gateway.demo.consumer QUEUE` prints every event it is given, one JSON a line, and ends when
none came for a second.  The address comes from COPPERLINE_BROKER.  It keeps the ids it has seen: an
event may come twice, and the second time says nothing new.
"""

from __future__ import annotations

import json
import os
import sys

import pika


def main(queue: str) -> None:
    """Take what is in the queue, in order."""
    seen = set()
    with pika.BlockingConnection(pika.URLParameters(os.environ["COPPERLINE_BROKER"])) as connection:
        channel = connection.channel()
        for method, properties, body in channel.consume(queue, inactivity_timeout=1):
            if method is None:
                break
            if properties.message_id not in seen:
                seen.add(properties.message_id)
                print(json.dumps(json.loads(body)))
            channel.basic_ack(method.delivery_tag)  # only now is it ours


if __name__ == "__main__":
    main(sys.argv[1])
