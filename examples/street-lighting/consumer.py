"""Street lighting: raises the light of a whole zone while people work in the road, and lowers it again.

It moves things, so it owes four checks before it does.  It never switches one lamp, which would point at a door; never
for a type that is not on its list; and never in a zone where light would give somebody away.

    BROKER=amqp://user:password@host QUEUE=copperline.street-lighting.service python consumer.py
"""

import json
import os
import sqlite3
import uuid
from contextlib import closing
from datetime import datetime

import pika

GONE = {"removed", "withdrawn"}  # the actions that take back what we were given
RAISES = {"MVA", "MVAINJY", "MISSING", "CROWD"}  # collision, with injury, missing person, crowd
RESTRICTED = {"7"}  # zones with a refuge, a court, a protected home: the light there never follows an event


def main():
    with closing(sqlite3.connect(os.environ.get("STATE", "street-lighting.db"))) as state:
        run(state)


def run(state):
    state.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")
    state.execute("CREATE TABLE IF NOT EXISTS bright (record TEXT PRIMARY KEY, sequence INTEGER, zone TEXT)")
    idle_s = float(os.environ.get("IDLE_S", "0")) or None
    with pika.BlockingConnection(pika.URLParameters(os.environ["BROKER"])) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=100)
        for method, _, body in channel.consume(os.environ["QUEUE"], inactivity_timeout=idle_s):
            if method is None:
                break
            event = json.loads(body)
            if not (why := idle(event, state)):
                decide(event, state)
            elif why != "seen":
                say(event, nothing=why)
            gone = event["type"].split(".")[2] in GONE
            if gone:
                forget(event, state)
            state.execute("INSERT OR IGNORE INTO seen VALUES (?)", [event["id"]])
            state.commit()
            if gone:
                answer(channel, "copperline.deleted.v1", {"ids": [event["id"]]})
            channel.basic_ack(method.delivery_tag)  # only now is it ours
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
    state.execute("UPDATE bright SET zone = '' WHERE record = ?", [event["partitionkey"]])


def idle(event, state):
    """Why nothing may move because of this event; None: it may."""
    if state.execute("SELECT 1 FROM seen WHERE id = ?", [event["id"]]).fetchone():
        return "seen"
    if "expirytime" in event and datetime.fromisoformat(event["expirytime"]) < datetime.now().astimezone():
        return "expired"
    if event["status"] != "Actual":
        return event["status"]
    if "replayof" in event:
        return "replayed"
    return None


def decide(event, state):
    """Raise the zone of an open event, lower it when the last one there is over."""
    if not event["type"].startswith("police.incident.") or not event["type"].endswith(".v1"):
        return
    record, sequence, data = event["partitionkey"], int(event["sequence"]), event["data"]
    before = state.execute("SELECT sequence, zone FROM bright WHERE record = ?", [record]).fetchone() or (0, "")
    if sequence <= before[0]:
        return  # older than what we know
    types = {coded.get("common", {}).get("code") for coded in data.get("types", [])}
    over = event["type"].split(".")[2] in {"removed", "withdrawn"} or any(
        coded.get("common", {}).get("code") in {"Closed", "Cancelled"} for coded in data.get("statuses", [])
    )
    zones = {place["district"] for place in data.get("locations", []) if "district" in place} - RESTRICTED
    zone = min(zones, default="") if types & RAISES and not over else ""
    state.execute("INSERT OR REPLACE INTO bright VALUES (?, ?, ?)", [record, sequence, zone])
    for each, level in ((before[1], 0.6), (zone, 1.0)):
        others = state.execute("SELECT 1 FROM bright WHERE zone = ? AND record <> ?", [each, record]).fetchone()
        if each and before[1] != zone and not others:
            say(event, zone=each, level=level)


def say(event, **order):
    """What a real service would tell its light controllers; here it is printed."""
    print(json.dumps({"service": "street-lighting", "event": event["id"], **order}), flush=True)


if __name__ == "__main__":
    main()
