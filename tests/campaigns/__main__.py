"""`python -m tests.campaigns NAME [--count N] [--seed S] [--json]`: one campaign, and its account as the last line."""

from __future__ import annotations

import argparse
import importlib
import random
import sys

CAMPAIGNS = {
    # name -> how many faults unless told otherwise
    "kill": 60,
    "powercut": 50,
    "broker": 8,
    "disk": 6,
    "large": 1024,
    "leak": 100_000,
    "withdraw": 200,
    "withdraw_broker": 20,
    "odbc": 10_000,
    "api": 20_000,
}


def main() -> int:
    """Exit 0 when every promise held, every fault fired and was recovered from, and every mutant was caught."""
    parser = argparse.ArgumentParser(prog="dev.py campaign", description=__doc__)
    parser.add_argument("name", choices=CAMPAIGNS)
    parser.add_argument("--count", type=int, help="how many faults; of `large`: how many megabytes; of `api`: how many requests")
    parser.add_argument("--seed", type=int, help="makes the same faults again (default: another one each time)")
    parser.add_argument("--json", action="store_true", help="nothing but the last line")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 30) if given.seed is None else given.seed
    module = importlib.import_module(f"tests.campaigns.{given.name}")
    campaign = getattr(module, "main", module.campaign)
    tell = _silent if given.json else _told
    tell(f"campaign {given.name}, seed {seed}")
    tally = campaign(given.count or CAMPAIGNS[given.name], seed, tell)
    print(tally.line())
    return 0 if tally.clean else 1


def _told(line: str) -> None:
    print(line, flush=True)


def _silent(line: str) -> None:
    del line


if __name__ == "__main__":
    sys.exit(main())
