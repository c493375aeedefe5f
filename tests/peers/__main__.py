"""`python -m tests.peers ARGUMENTS…`: runs this Python with ARGUMENTS beside a RabbitMQ of its own, where one is installed.

COPPERLINE_BROKER then names it.  Where the caller has named a broker already, or none is installed,
nothing is started.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests import peers
from tests.peers.rabbitmq import RabbitMQ


def main(arguments: list[str]) -> int:
    """Run and return the exit code."""
    command = [sys.executable, *arguments]
    if os.environ.get("COPPERLINE_BROKER"):
        return subprocess.run(command, check=False).returncode
    try:
        broker = RabbitMQ()
    except peers.Unavailable as e:
        print(f"Without RabbitMQ: {e}", file=sys.stderr)
        return subprocess.run(command, check=False).returncode
    try:
        broker.start()
        return subprocess.run(command, env={**os.environ, "COPPERLINE_BROKER": broker.url}, check=False).returncode
    finally:
        broker.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
