"""One evening of a small police department, told with the commands that anybody would type.

Every act is a file that arrives and a command that runs; what two city services then hold is read
the way they would read it.  Nothing is simulated inside: the gateway is killed and the broker is
cut off for real.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from gateway.demo.evening import Evening
from gateway.demo.stage import Stage


def run(folder: Path | None, *, once: bool, as_json: bool) -> int:
    """Play the evening in a site in `folder`, or in a temporary one.  Returns 0 where all went as told, else 1.

    `once`: without pauses.  `as_json`: the last line of standard output is the figures of all runs
    together, as `run --once --json` gives them; the story then goes to standard error.
    """
    if folder is not None:
        return _play(folder, once=once, as_json=as_json, keeps=True)
    with tempfile.TemporaryDirectory(prefix="copperline-demo-") as made:
        return _play(Path(made) / "site", once=once, as_json=as_json, keeps=False)


def _play(folder: Path, *, once: bool, as_json: bool, keeps: bool) -> int:
    with Stage(folder, pause_s=0.0 if once else 1.5, aside=as_json) as stage:
        wrong = Evening(stage).play()
        figures = stage.figures()
        if keeps:
            stage.say(f"The site stays in {folder}: try  copperline status --site {folder}")
    if as_json:
        print(json.dumps(figures))
    return 1 if wrong else 0
