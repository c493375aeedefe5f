"""`python -m bench.healthy PORT KEY FILE`: posts every body of a file, one after the other; what each took, in ms, as JSON."""

from __future__ import annotations

import json
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

from bench.baselines import bodies
from bench.load import PATH


def main(port: str, key: str, file: str) -> list[float]:
    """Over one connection, as a system does that sends each call as it comes."""
    connection = HTTPConnection("127.0.0.1", int(port), timeout=60)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "text/csv"}
    took: list[float] = []
    for body in bodies(Path(file)):
        started = time.perf_counter()
        connection.request("POST", PATH, body, headers)
        answer = connection.getresponse()
        answer.read()
        took.append(1000 * (time.perf_counter() - started))
        if answer.status != 202:
            raise SystemExit(f"answered {answer.status}")
    return took


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
