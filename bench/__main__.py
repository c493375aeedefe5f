"""`python3 dev.py bench [row ...] [--json]`: runs the rows and prints one list."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from bench.measure import Row
from bench.rows import NEED_BROKER, ROWS


def main(arguments: list[str]) -> int:
    """Run the named rows, or all; the list goes to stdout, the progress to stderr."""
    parser = argparse.ArgumentParser(prog="dev.py bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="row", help=", ".join(ROWS))
    parser.add_argument("--json", action="store_true", help="one JSON list instead of a table")
    given = parser.parse_args(arguments)
    unknown = [row for row in given.rows if row not in ROWS]
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)}; there are {', '.join(ROWS)}")
    done = _run(given.rows or list(ROWS))
    print(json.dumps([row.as_json() for row in done]) if given.json else _table(done))
    return 0


def _run(names: list[str]) -> list[Row]:
    broker = None
    try:
        if NEED_BROKER & set(names):
            from tests.peers.rabbitmq import RabbitMQ

            broker = RabbitMQ()
            broker.start()
        return [_row(name, broker) for name in names]
    finally:
        if broker is not None:
            broker.close()


def _row(name: str, broker: object) -> Row:
    print(f"bench: {name} …", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="copperline-bench-") as folder:
        row = ROWS[name](Path(folder), broker)
    print(_table([row]), file=sys.stderr, flush=True)
    return row


def _table(rows: list[Row]) -> str:
    lines = [f"{'row':<10}{'ratio':>8}{'value':>12}{'baseline':>12}  {'unit':<12}{'cpu µs':>8}"]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        baseline = "" if row.baseline is None else f"{row.baseline:,.0f}"
        cpu = "" if row.cpu_us is None else f"{row.cpu_us:.1f}"
        lines.append(f"{row.row:<10}{ratio:>8}{row.value:>12,.0f}{baseline:>12}  {row.unit:<12}{cpu:>8}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
