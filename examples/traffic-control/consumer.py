"""Traffic control: proposes bollards where a collision is, raises them only when a person says so, and tells the police.

A road is closed by a person, never by a message: an event makes a proposal, and a proposal that nobody confirms does
nothing.  What was confirmed goes back as an alert: the road is closed here.

    BROKER=amqp://user:password@host QUEUE=copperline.traffic-control.service python consumer.py   # proposes, for ever
    python consumer.py list                                                                        # what waits for a person
    BROKER=... INBOUND=copperline.inbound.traffic SOURCE=/city/traffic-control python consumer.py confirm 1
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
PROPOSES = {"MVA", "MVAINJY"}  # collision, with injury
BOLLARDS = {"3": "B-31 to B-36", "4": "B-41 to B-44"}  # district → what could be raised there


def main():
    with closing(sqlite3.connect(os.environ.get("STATE", "traffic-control.db"))) as state:
        run(state)


def run(state):
    state.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")
    state.execute(
        "CREATE TABLE IF NOT EXISTS proposal (number INTEGER PRIMARY KEY, record TEXT UNIQUE, sequence INTEGER, "
        "district TEXT, bollards TEXT, state TEXT)"
    )
    match sys.argv[1:]:
        case []:
            watch(state)
        case ["list"]:
            for row in state.execute("SELECT number, district, bollards, state FROM proposal ORDER BY number"):
                print(*row, sep="\t")
        case ["confirm", number]:
            confirm(int(number), state)


def watch(state):
    idle_s = float(os.environ.get("IDLE_S", "0")) or None
    with pika.BlockingConnection(pika.URLParameters(os.environ["BROKER"])) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=100)
        for method, _, body in channel.consume(os.environ["QUEUE"], inactivity_timeout=idle_s):
            if method is None:
                break
            event = json.loads(body)
            if not idle(event, state):
                propose(event, state)
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
    state.execute("UPDATE proposal SET district = '', bollards = '' WHERE record = ?", [event["partitionkey"]])
    state.execute("UPDATE proposal SET state = 'dropped' WHERE state = 'proposed' AND record = ?", [event["partitionkey"]])


def idle(event, state):
    """Why this event proposes nothing; None: it may."""
    if state.execute("SELECT 1 FROM seen WHERE id = ?", [event["id"]]).fetchone():
        return "seen"
    if "expirytime" in event and datetime.fromisoformat(event["expirytime"]) < datetime.now().astimezone():
        return "expired"
    if event["status"] != "Actual":
        return event["status"]
    if "replayof" in event:
        return "replayed"
    return None


def propose(event, state):
    """A proposal for an open collision; when it is over, one that nobody confirmed is dropped."""
    if not event["type"].startswith("police.incident.") or not event["type"].endswith(".v1"):
        return
    record, sequence, data = event["partitionkey"], int(event["sequence"]), event["data"]
    known = state.execute("SELECT sequence, state FROM proposal WHERE record = ?", [record]).fetchone()
    if known and sequence <= known[0]:
        return
    types = {coded.get("common", {}).get("code") for coded in data.get("types", [])}
    over = any(coded.get("common", {}).get("code") in {"Closed", "Cancelled"} for coded in data.get("statuses", []))
    district = min((place["district"] for place in data.get("locations", []) if "district" in place), default="")
    wanted = types & PROPOSES and not over and district in BOLLARDS
    if known:
        now = known[1] if known[1] != "proposed" or wanted else "dropped"
        state.execute("UPDATE proposal SET sequence = ?, state = ? WHERE record = ?", [sequence, now, record])
        return
    now = "proposed" if wanted else "none"
    row = [record, sequence, district, BOLLARDS.get(district, ""), now]
    number = state.execute("INSERT INTO proposal VALUES (NULL, ?, ?, ?, ?, ?)", row).lastrowid
    if wanted:
        print(json.dumps({"service": "traffic-control", "proposal": number, "raise": BOLLARDS[district]}), flush=True)


def confirm(number, state):
    """A person raises the bollards of a proposal; the police are told by an alert, once the broker has it."""
    row = state.execute("SELECT district, bollards FROM proposal WHERE number = ? AND state = 'proposed'", [number]).fetchone()
    if row is None:
        raise SystemExit(f"Proposal {number} does not wait for anybody.")
    body = json.dumps(alert(*row)).encode()
    url = pika.URLParameters(os.environ["BROKER"])
    with pika.BlockingConnection(url) as connection:
        channel = connection.channel()
        channel.confirm_delivery()  # an exception below says that the broker has not got it
        properties = pika.BasicProperties(
            content_type="application/cloudevents+json", delivery_mode=2, user_id=url.credentials.username
        )
        channel.basic_publish(os.environ["INBOUND"], "alert", body, properties, mandatory=True)
    state.execute("UPDATE proposal SET state = 'raised' WHERE number = ?", [number])
    state.commit()
    print(json.dumps({"service": "traffic-control", "raised": row[1]}), flush=True)


def alert(district, bollards):
    """The road is closed: an abnormal event, as the contract of alerts has it, in a CloudEvent."""
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    id = str(uuid.uuid4())
    data = {
        "alertId": id,
        "sender": os.environ["SOURCE"],
        "sent": {"at": now},
        "msgType": "Alert",
        "scope": "Restricted",
        "categories": ["Transport"],
        "event": {"common": {"code": "roadClosed", "scheme": "SDM.Alert"}},
        "urgency": "Immediate",
        "severity": "Moderate",
        "certainty": "Observed",
        "headline": f"Road closed: bollards {bollards} are up",
        "areas": [{"description": f"District {district}"}],
    }
    return {
        "specversion": "1.0", "id": id, "source": os.environ["SOURCE"], "type": "city.alert.v1", "time": now,
        "datacontenttype": "application/json", "status": "Actual", "data": data,
    }  # fmt: skip


if __name__ == "__main__":
    main()
