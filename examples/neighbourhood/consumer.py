"""A neighbourhood feed: what happened near by, in words that point at no door and at nobody.

A district and a part of a day, nothing finer; only types that neighbours can do something about; nothing before it is
some hours old; and what is taken back disappears.  The feed is one file in the form of JSON Feed 1.1.

    BROKER=amqp://user:password@host QUEUE=copperline.neighbourhood.service FEED=feed.json python consumer.py
"""

import json
import os
import sqlite3
import uuid
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pika

GONE = {"removed", "withdrawn"}  # the actions that take back what we were given
TELLS = {"MVA": "a collision", "MVAINJY": "a collision", "BURGLARY": "a burglary", "VANDAL": "damage", "LARCENY": "a theft"}
PARTS = ("night", "morning", "afternoon", "evening")
DELAY = timedelta(hours=float(os.environ.get("DELAY_HOURS", "6")))


def main():
    with closing(sqlite3.connect(os.environ.get("STATE", "neighbourhood.db"))) as state:
        run(state)


def run(state):
    state.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")
    state.execute("CREATE TABLE IF NOT EXISTS entry (record TEXT PRIMARY KEY, sequence INTEGER, at TEXT, says TEXT)")
    idle_s = float(os.environ.get("IDLE_S", "0")) or 60
    once = "IDLE_S" in os.environ
    with pika.BlockingConnection(pika.URLParameters(os.environ["BROKER"])) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=100)
        for method, _, body in channel.consume(os.environ["QUEUE"], inactivity_timeout=idle_s):
            if method is not None:
                event = json.loads(body)
                if not idle(event, state):
                    tell(event, state)
                gone = event["type"].split(".")[2] in GONE
                if gone:
                    forget(event, state)
                state.execute("INSERT OR IGNORE INTO seen VALUES (?)", [event["id"]])
                state.commit()
                if gone:
                    answer(channel, "copperline.deleted.v1", {"ids": [event["id"]]})
                channel.basic_ack(method.delivery_tag)  # only now is it ours
            else:
                write(state)
                if once:
                    break
        channel.cancel()


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
    state.execute("UPDATE entry SET at = '', says = '' WHERE record = ?", [event["partitionkey"]])


def idle(event, state):
    """Why this event changes nothing in the feed; None: it may."""
    if state.execute("SELECT 1 FROM seen WHERE id = ?", [event["id"]]).fetchone():
        return "seen"
    if "expirytime" in event and datetime.fromisoformat(event["expirytime"]) < datetime.now().astimezone():
        return "expired"
    if event["status"] != "Actual":
        return event["status"]
    if "replayof" in event:
        return "replayed"
    return None


def tell(event, state):
    """Keep one sentence of a record, or none."""
    if not event["type"].startswith("police.incident.") or not event["type"].endswith(".v1"):
        return
    record, sequence, data = event["partitionkey"], int(event["sequence"]), event["data"]
    known = state.execute("SELECT sequence FROM entry WHERE record = ?", [record]).fetchone()
    if known and sequence <= known[0]:
        return
    what = [TELLS[code] for coded in data.get("types", []) if (code := coded.get("common", {}).get("code")) in TELLS]
    where = [place["district"] for place in data.get("locations", []) if "district" in place]
    at = data.get("reportedAt", {}).get("at", "")
    says = ""
    if what and where and at:  # what was removed or withdrawn has none of them
        moment = datetime.fromisoformat(at)
        says = f"District {where[0]}: {what[0]}, {moment:%A} {PARTS[moment.hour // 6]}."
    state.execute("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?)", [record, sequence, at, says])


def write(state):
    """The feed as a file, whole or not at all; the entries have no time finer than a part of the day."""
    rows = state.execute("SELECT record, at, says FROM entry WHERE says <> '' ORDER BY at DESC, record")
    ripe = [(record, says) for record, at, says in rows if datetime.fromisoformat(at) + DELAY < datetime.now().astimezone()]
    items = [{"id": record, "content_text": says} for record, says in ripe]
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "Near by", "items": items}
    path = Path(os.environ.get("FEED", "feed.json"))
    part = path.with_suffix(".part")
    part.write_text(json.dumps(feed, indent=1))
    part.replace(path)


if __name__ == "__main__":
    main()
