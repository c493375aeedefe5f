"""The people of an act that takes two: by a name that is believed, or by the key of a caller.

Where callers of the site have the role `confirm`, names are believed no more: each of the two proves
with a key who it is.  The name of whoever did begins with @, which no name given by hand may.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from gateway.access.caller import Caller, load_all
from gateway.access.keyfile import digest
from gateway.errors import Problem, Refused, code

KEY_NEEDED = code(
    "act.key-needed",
    "callers of this site have the role confirm, so an act that takes two people takes a key of each",
    "Put the key of your caller into COPPERLINE_KEY, or the path of its file into COPPERLINE_KEY_FILE, and give the command again.",
)
KEY_WRONG = code(
    "act.key-wrong",
    "the key is not that of a caller who is admitted",
    "Correct COPPERLINE_KEY or COPPERLINE_KEY_FILE; copperline callers rotate NAME makes a new key.",
)
NOT_ONE = code(
    "act.not-one-of-two",
    "the caller has not the role confirm, so it is not one of the two people of an act",
    "Have somebody give the command who has it; it is granted in the caller's file.",
)
MARK = "@"


def proven(folder: Path, environment: Mapping[str, str], now: datetime) -> str:
    """Who gives a command, by the key that the environment holds or names; "" where it does neither.  Raises Refused."""
    key = environment.get("COPPERLINE_KEY", "")
    if path := environment.get("COPPERLINE_KEY_FILE", ""):
        try:
            key = Path(path).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as e:
            raise Refused(Problem(KEY_WRONG, rule=f"COPPERLINE_KEY_FILE: {type(e).__name__}")) from e
    if not key.strip():
        return ""
    kept = digest(key.strip())
    found = [each for each in _admitted(folder).values() for one in each.keys.keys if one.sha256 == kept and one.holds(now)]
    if not found:
        raise Refused(Problem(KEY_WRONG))
    return MARK + found[0].name


def one_of_two(folder: Path, by: str) -> str:
    """Whether somebody may be one of two people: what else it is called, "" for nothing.  Raises Refused where it may not be."""
    admitted = _admitted(folder)
    keys = any("confirm" in each.roles for each in admitted.values())
    if not by.startswith(MARK):
        if keys:
            raise Refused(Problem(KEY_NEEDED))
        return ""
    caller = admitted.get(by.removeprefix(MARK))
    if caller is None or (keys and "confirm" not in caller.roles):
        raise Refused(Problem(NOT_ONE))
    return caller.title


def _admitted(folder: Path) -> dict[str, Caller]:
    return {name: each for name, each in load_all(folder)[0].items() if not each.keys.revoked}
