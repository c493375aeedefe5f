"""One page for each entity that is published: what its events mean, look like and hold, and code that receives them.

Everything on them is read: from the contracts, the frozen samples, the shipped systems and the examples.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

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
    from contracts.events import MEANINGS

    return {"events/README.md": _index(), **{f"events/{entity}.md": _page(entity) for entity in MEANINGS}}


def _index() -> str:
    from contracts.events import MEANINGS

    rows = [f"| [{entity}]({entity}.md) | {meaning} |" for entity, meaning in MEANINGS.items()]
    return "\n".join(["# Events", "", _generated(), "", "| about | meaning |", "|---|---|", *rows, "", *_INDEX, ""])


_INDEX = (
    "The routing key is `police.<agency>.<entity>.<action>.v<major>`. The same as one AsyncAPI 3 document:",
    "`contracts/published/v1/asyncapi.json`. How to be a consumer: [consumers.md](../consumers.md).",
)


def _page(entity: str) -> str:
    from contracts import MAJOR, asyncapi
    from contracts.events import ACTIONS, MEANINGS, Event, events

    known = [event for event in events() if event.entity == entity]
    example = json.dumps(asyncapi.example(Event(entity, "created")), indent=2, ensure_ascii=False)
    lines = [f"# {entity}", "", _generated(), "", MEANINGS[entity], "", "| type | says | data |", "|---|---|---|"]
    lines += [
        f"| `{event.type}` | {ACTIONS[event.action]} | [{event.body}](../contracts.md#{event.body}) |"
        for event in known
    ]
    lines += [
        "",
        "## Example",
        "",
        "Invented. An agreement may withhold any field of `data`.",
        "",
        "```json",
        example,
        "```",
    ]
    lines += ["", "## Who sends it, who receives it", "", *_parties(entity)]
    lines += ["", "## Classes of its fields", "", *_classes(entity)]
    lines += ["", "## Versions", "", f"Version {MAJOR} is in force. {_older()}"]
    lines += ["", "## Python", "", "```python", _code(PYTHON, entity), "```"]
    lines += ["", "## JavaScript", "", "```javascript", _code(JAVASCRIPT, entity), "```"]
    return "\n".join(lines) + "\n"


def _code(text: str, entity: str) -> str:
    return text.replace("ENTITY", entity).rstrip()


def _parties(entity: str) -> Iterator[str]:
    senders = [f"`{name}`" for name in sorted(set(_senders(entity)))]
    readers = [f"[{name}](../../examples/{name}/)" for name in sorted(set(_readers(entity)))]
    yield f"Shipped systems that give it: {', '.join(senders) or 'none; a mapping of your own can'}."
    yield f"Examples that receive it: {', '.join(readers) or 'none'}."


def _senders(entity: str) -> Iterator[str]:
    import yaml

    for path in sorted((ROOT / "mappings" / "systems").glob("*/mappings/*.yaml")):
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(said, dict) and said.get("entity") == entity:
            yield path.parts[-3]


def _readers(entity: str) -> Iterator[str]:
    import yaml

    for path in sorted((ROOT / "examples").glob("*/*.yaml")):
        if entity in yaml.safe_load(path.read_text(encoding="utf-8"))["fields"]:
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
