"""One page for each event that is published: what it means, looks like and holds, who sends and receives it, and code that does.

Everything on them is read: from the contracts, the frozen samples, the shipped systems and the examples.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contracts.events import Event

ROOT = Path(__file__).resolve().parent.parent

PYTHON = """\
import json, os
import pika

seen = set()                                    # keep it where it survives a restart, beside what you make of events
with pika.BlockingConnection(pika.URLParameters(os.environ["BROKER"])) as connection:
    channel = connection.channel()
    channel.basic_qos(prefetch_count=100)
    for method, properties, body in channel.consume(os.environ["QUEUE"], inactivity_timeout=60):
        if method is None:
            break
        event = json.loads(body)
        if event["id"] not in seen and event["type"].startswith("police.ENTITY."):
            seen.add(event["id"])
            print(event["type"], event["partitionkey"], event["sequence"], event["data"], flush=True)
        channel.basic_ack(method.delivery_tag)  # only now is it yours
"""
JAVASCRIPT = """\
import amqp from 'amqplib';

const seen = new Set();                         // keep it where it survives a restart, beside what you make of events
const connection = await amqp.connect(process.env.BROKER);
const channel = await connection.createChannel();
await channel.prefetch(100);
await channel.consume(process.env.QUEUE, (message) => {
  const event = JSON.parse(message.content);
  if (!seen.has(event.id) && event.type.startsWith('police.ENTITY.')) {
    seen.add(event.id);
    console.log(event.type, event.partitionkey, event.sequence, JSON.stringify(event.data));
  }
  channel.ack(message);                         // only now is it yours
});
"""


def pages() -> dict[str, str]:
    """Path below docs/ → text of every page, and of the list of them."""
    from contracts.events import events

    return {"events/README.md": _index(), **{f"events/{_name(event)}.md": _page(event) for event in events()}}


def _name(event: Event) -> str:
    return f"{event.entity}-{event.action}"


def _index() -> str:
    from contracts.events import MEANINGS, events

    lines = ["# Events", "", _generated(), "", *_INDEX]
    for entity, meaning in MEANINGS.items():
        links = [f"[{event.action}]({_name(event)}.md)" for event in events() if event.entity == entity]
        lines += ["", f"**{entity}.** {meaning}", "", " · ".join(links)]
    return "\n".join(lines) + "\n"


_INDEX = (
    "The routing key is `police.<agency>.<entity>.<action>.v<major>`. The same as one AsyncAPI 3 document:",
    "`contracts/published/v1/asyncapi.json`. How to be a consumer: [consumers.md](../consumers.md).",
)


def _page(event: Event) -> str:
    from contracts import MAJOR, asyncapi
    from contracts.events import ACTIONS, MEANINGS

    example = json.dumps(asyncapi.example(event), indent=2, ensure_ascii=False)
    lines = [f"# {event.type}", "", _generated(), "", f"{MEANINGS[event.entity]} {ACTIONS[event.action]}", ""]
    lines += ["| | |", "|---|---|", f"| routing key | `{event.topic}` |", f"| data | [{event.body}](../contracts.md#{event.body}) |"]
    lines += [f"| {who} | {names} |" for who, names in _parties(event)]
    lines += ["", "## Example", "", "Invented. An agreement may withhold any field of `data`.", "", "```json", example, "```"]
    lines += ["", "## Classes of its fields", "", *_classes(event.body)]
    lines += ["", "## Versions", "", f"Version {MAJOR} is in force. {_older()}"]
    lines += ["", "## Python", "", _RECEIVES.format(entity=event.entity), "", "```python", _code(PYTHON, event.entity), "```"]
    lines += ["", "## JavaScript", "", "```javascript", _code(JAVASCRIPT, event.entity), "```"]
    return "\n".join(lines) + "\n"


_RECEIVES = "A queue carries every event that its agreement asks for, so this receives all about {entity}, this one among them."


def _code(text: str, entity: str) -> str:
    return text.replace("ENTITY", entity).rstrip()


def _parties(event: Event) -> Iterator[tuple[str, str]]:
    senders = [f"`{name}`" for name in sorted(set(_senders(event.entity)))]
    readers = [f"[{name}](../../examples/{name}/)" for name in sorted(set(_readers(event)))]
    if event.action in _OURS:
        yield "sent by", f"the gateway itself: {_OURS[event.action]}"
    else:
        yield "sent for", f"shipped systems: {', '.join(senders) or 'none; a mapping of your own can'}"
    yield "received by", f"examples: {', '.join(readers) or 'none'}"


_OURS = {
    "corrected": "a record is mapped again under a better mapping, or its source says that it was wrong",
    "withdrawn": "a record is sealed, is no longer selected, or falls into a category that the recipient does not receive",
    "acknowledged": "a publisher's message was taken, refused, written, expired, withheld or parked ([inbound.md](../inbound.md))",
}
"""Actions that no legacy system asks for."""


def _senders(entity: str) -> Iterator[str]:
    import yaml

    for path in sorted((ROOT / "mappings" / "systems").glob("*/mappings/*.yaml")):
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(said, dict) and said.get("entity") == entity:
            yield path.parts[-3]


def _readers(event: Event) -> Iterator[str]:
    import yaml

    from gateway.agreement import bound, matches

    for path in sorted((ROOT / "examples").glob("*/*.yaml")):
        asked = yaml.safe_load(path.read_text(encoding="utf-8"))["topics"]
        if any(matches(pattern, event.topic.format(agency="xx0000000")) for pattern in bound(asked)):
            yield path.parent.name


def _classes(entity: str) -> Iterator[str]:
    from contracts import schema

    classes = schema.classes(entity)
    counts = Counter(classes.values())
    yield "| class | fields | the first of them |"
    yield "|---|---|---|"
    for name, count in counts.most_common():
        first = [f"`{path}`" for path, cls in classes.items() if cls == name and "." not in path][:6]
        yield f"| {name} | {count} | {', '.join(first) or 'inside other fields'} |"
    yield ""
    yield f"Every field with its class: [contracts.md](../contracts.md#{entity})."


def _older() -> str:
    from contracts.majors import SERVED

    served = [f"Version {older.major} is served beside it until {older.until}." for older in SERVED]
    return " ".join(served) or "No older version is served beside it."


def _generated() -> str:
    import generate  # it imports this module in turn, when it is asked for pages

    return generate.GENERATED
