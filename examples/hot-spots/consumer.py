"""Hot spots: how many reports a day and an area, without ever telling of one report.

A count below five says too much about somebody, and so does what can be worked out from the other figures.  So small
counts are hidden, and the total with them where it would give one away; and a day is published once, when it is over,
and never again: the difference of two editions would be one person.

    BROKER=amqp://user:password@host QUEUE=copperline.hot-spots.service python consumer.py         # counts, for ever
    python consumer.py publish 2026-06-12                                                          # the figures of a day
    BROKER=... QUEUE=... INBOUND=copperline.inbound.hot-spots SOURCE=/city/hot-spots python consumer.py answer   # what it has read
"""

import json
import os
import sqlite3
import sys
import uuid
from contextlib import closing
from datetime import datetime

import pika

GONE = {"removed", "withdrawn"}  # the actions that take back what we were given
SMALLEST = 5
AREAS = [str(number) for number in range(1, 9)]


def main():
    with closing(sqlite3.connect(os.environ.get("STATE", "hot-spots.db"))) as state:
        run(state)


def run(state):
    state.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY, day TEXT, number INTEGER)")
    state.execute("CREATE TABLE IF NOT EXISTS report (record TEXT PRIMARY KEY, sequence INTEGER, day TEXT, area TEXT)")
    state.execute("CREATE TABLE IF NOT EXISTS published (day TEXT PRIMARY KEY, figures TEXT)")
    if sys.argv[1:2] == ["publish"]:
        print(publish(sys.argv[2], state), flush=True)
        return
    if sys.argv[1:2] == ["answer"]:
        confirm(state)
        return
    idle_s = float(os.environ.get("IDLE_S", "0")) or None
    with pika.BlockingConnection(pika.URLParameters(os.environ["BROKER"])) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=100)
        for method, _, body in channel.consume(os.environ["QUEUE"], inactivity_timeout=idle_s):
            if method is None:
                break
            event = json.loads(body)
            if not idle(event, state):
                count(event, state)
            gone = event["type"].split(".")[2] in GONE
            if gone:
                forget(event, state)
            row = [event["id"], event.get("recordedtime", "")[:10], int(event.get("agreementseq", 0))]
            state.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", row)
            state.commit()
            if gone:
                answer(channel, "copperline.deleted.v1", {"ids": [event["id"]]})
            channel.basic_ack(method.delivery_tag)  # only now is it ours
        channel.cancel()


def confirm(state):
    """Tell the police how far we have read, and how many events of each day: so they see what got lost on the way."""
    days = [{"day": day, "events": number} for day, number in state.execute("SELECT day, count(*) FROM seen WHERE day <> '' GROUP BY day")]
    (number,) = state.execute("SELECT coalesce(max(number), 0) FROM seen").fetchone()
    with pika.BlockingConnection(pika.URLParameters(os.environ["BROKER"])) as connection:
        answer(connection.channel(), "copperline.read.v1", {"agreementseq": number, "days": days})


def answer(channel, type, data):
    """Tell the police about our queue, where they gave us an exchange to say it: what we have deleted, how far we have read."""
    if "INBOUND" not in os.environ:
        return
    said = {"specversion": "1.0", "id": str(uuid.uuid4()), "source": os.environ["SOURCE"], "type": type}
    said["data"] = {"queue": os.environ["QUEUE"], **data}
    user = pika.URLParameters(os.environ["BROKER"]).credentials.username
    properties = pika.BasicProperties(content_type="application/cloudevents+json", delivery_mode=2, user_id=user)
    channel.confirm_delivery()  # an exception below says that the broker has not got it: the event comes again
    channel.basic_publish(os.environ["INBOUND"], "answer", json.dumps(said).encode(), properties, mandatory=True)


def forget(event, state):
    """Keep nothing of the record but how far it had come.  This moves nothing, so it is done whatever the event says of itself."""
    state.execute("UPDATE report SET day = '', area = '' WHERE record = ?", [event["partitionkey"]])


def idle(event, state):
    """Why this event counts for nothing; None: it counts."""
    if state.execute("SELECT 1 FROM seen WHERE id = ?", [event["id"]]).fetchone():
        return "seen"
    if "expirytime" in event and datetime.fromisoformat(event["expirytime"]) < datetime.now().astimezone():
        return "expired"
    if event["status"] != "Actual":
        return event["status"]
    if "replayof" in event:
        return "replayed"
    return None


def count(event, state):
    """Keep the latest of each report: its day and its area; of one that was taken back, nothing."""
    if not event["type"].startswith("police.incident.") or not event["type"].endswith(".v1"):
        return
    record, sequence, data = event["partitionkey"], int(event["sequence"]), event["data"]
    known = state.execute("SELECT sequence FROM report WHERE record = ?", [record]).fetchone()
    if known and sequence <= known[0]:
        return
    gone = event["type"].split(".")[2] in {"removed", "withdrawn"}
    area = "" if gone else min((place["district"] for place in data.get("locations", []) if "district" in place), default="")
    day = "" if gone else data.get("reportedAt", {}).get("at", "")[:10]
    state.execute("INSERT OR REPLACE INTO report VALUES (?, ?, ?, ?)", [record, sequence, day, area])


def publish(day, state):
    """The figures of a day as JSON: the same ever after, whatever comes in later.  A day that is not over has none."""
    if day >= datetime.now().date().isoformat():
        raise SystemExit("This day is not over yet.")
    edition = state.execute("SELECT figures FROM published WHERE day = ?", [day]).fetchone()
    if edition is None:
        rows = state.execute("SELECT area, count(*) FROM report WHERE day = ? GROUP BY area", [day])
        edition = [json.dumps({"day": day, **figures(dict.fromkeys(AREAS, 0) | {a: n for a, n in rows if a in AREAS})})]
        state.execute("INSERT INTO published VALUES (?, ?)", [day, edition[0]])
        state.commit()
    return edition[0]


def figures(counts):
    """Counts by area, None where small; and the total, where no small count follows from it.

    It would where one area alone is hidden, or where the hidden ones can only be all as large as they may be; and where
    they are next to nothing it says too much.
    """
    hidden = [number for number in counts.values() if number < SMALLEST]
    safe = not hidden or (len(hidden) > 1 and SMALLEST <= sum(hidden) < len(hidden) * (SMALLEST - 1))
    shown = {area: number if number >= SMALLEST else None for area, number in counts.items()}
    return {"areas": shown, "total": sum(counts.values()) if safe else None, "hidden below": SMALLEST}


if __name__ == "__main__":
    main()
