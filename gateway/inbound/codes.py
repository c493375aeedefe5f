"""Why a message of a publisher is not taken as it is."""

from __future__ import annotations

from gateway.errors import code

PUBLISHER = code(
    "inbound.publisher",
    "the broker does not vouch for the publisher that this feed belongs to",
    "The publisher sets user_id to its own log-in on every message; see copperline docs inbound. Nobody else may publish there.",
)
SOURCE = code(
    "inbound.source",
    "the message speaks for a source that its publisher is not bound to",
    "Correct source (or sender) in the feed's settings, or have the publisher name its own; release the record only if it is right.",
)
FORM = code(
    "inbound.form",
    "the message is none of: a CloudEvent, a CAP 1.2 alert, an NGSI-LD notification",
    "Have the publisher send one of these forms, with its content type: copperline docs inbound.",
)
ATTRIBUTE = code(
    "inbound.attribute",
    "an attribute of the CloudEvent is missing or cannot be read",
    "Have the publisher correct it: CloudEvents 1.0 needs id, source, specversion and type.",
)
CONTRACT = code(
    "inbound.contract",
    "the message does not satisfy its contract",
    "Have the publisher correct it: copperline docs inbound names the contract of each form.",
)
QUEUE = code(
    "inbound.queue",
    "the publisher answers for a queue that is not its own",
    "Name the agreement in answers_for of the feed's settings, if the publisher is its recipient.",
)
LARGE = code(
    "inbound.large",
    "the message is larger than the feed takes",
    "Raise largest in the feed's settings if the publisher may send so much, then release the record.",
)
RATE = code(
    "inbound.rate",
    "the publisher sends more than it may, so its messages wait in its own queue",
    "Nothing to do: they are taken as its rate allows, and nobody else waits. Raise per_minute if it may send more.",
)
TWICE = code(
    "inbound.twice",
    "two feeds take the messages of one publisher",
    "Keep one of them: a publisher's queue is read once, and its kinds of message have a mapping each in that feed.",
)
NO_BROKER = code(
    "inbound.no-broker",
    "the feed takes messages from the broker, and site.yaml names none",
    "Add to site.yaml: broker: {url_from: env:COPPERLINE_BROKER}; then: copperline topology apply.",
)
