#!/usr/bin/env python3
"""Everything a developer runs, on a machine that has only Python 3.11, 3.12 or 3.13.

    python3 dev.py demo                    one evening of a small police department, end to end
    python3 dev.py test [pytest options]   every test, against real peers on private ports
    python3 dev.py check                   ruff, mypy, and what is generated equals what is committed
    python3 dev.py bench [row ...]         benchmarks, each a ratio against a baseline in the same run
    python3 dev.py campaign NAME           faults by the hundred: kill, powercut, broker, disk, large, odbc; api: requests
    python3 dev.py docs                    writes the generated pages of docs/ again

It needs the standard library only.  It makes `.venv` from the hash-locked `requirements.lock`,
and installs what system packages a command needs, as root or through sudo; where it may not, it
prints the exact line and goes on: what then cannot run says so.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"

# package -> where to see that it is there
BROKER = {"rabbitmq-server": "/usr/lib/rabbitmq/bin/rabbitmq-server"}
FAULTS = {"fuse3": "/usr/bin/fusermount3", "strace": "/usr/bin/strace"}
DATABASES = {
    "postgresql": "/usr/lib/postgresql/*/bin/initdb",
    "mariadb-server": "/usr/sbin/mariadbd",
    "unixodbc": "/usr/bin/isql",
    "libsqliteodbc": "/usr/lib/*/odbc/libsqlite3odbc.so",
    "odbc-postgresql": "/usr/lib/*/odbc/psqlodbcw.so",
    "odbc-mariadb": "/usr/lib/*/odbc/libmaodbc.so",
    "odbc-mdbtools": "/usr/lib/*/odbc/libmdbodbc.so",
    "tdsodbc": "/usr/lib/*/odbc/libtdsodbc.so",
    "mdbtools": "/usr/bin/mdb-tables",
}
NODE = {"nodejs": "/usr/bin/node", "npm": "/usr/bin/npm"}
FACADE = {"chromium": "/usr/bin/chromium", "curl": "/usr/bin/curl", "stunnel4": "/usr/bin/stunnel4"}
SOAP = {
    "default-jdk-headless": "/usr/bin/javac",
    "libjaxws-java": "/usr/share/java/jaxws-rt.jar",
    "libsaaj-ri-java": "/usr/share/java/saaj-impl.jar",
    "libwss4j-java": "/usr/share/java/wss4j.jar",
    "php-cli": "/usr/bin/php",
    "php-soap": "/usr/lib/php/*/soap.so",
}
PEERS = {**BROKER, **FAULTS, **DATABASES, **NODE, **FACADE, **SOAP}

TOGETHER = ["--numprocesses=2", "--dist=worksteal"]
"""How pytest runs the whole suite: two processes, each with peers of its own, since half of the time is waiting."""

COMMANDS: dict[str, tuple[dict[str, str], list[list[str]]]] = {
    # command -> the system packages it needs, and what it runs; its arguments go to the last of them
    "demo": (BROKER, [["-m", "tests.peers", "-m", "gateway.cli", "demo"]]),
    "test": (PEERS, [["-m", "pytest"]]),  # and TOGETHER, where nothing is named
    "check": (
        {},
        [
            ["-m", "ruff", "check", "."],
            ["-m", "mypy"],
            ["-m", "gateway.cli", "contracts", "check"],
            ["docs/generate.py", "--check"],
        ],
    ),
    "bench": ({**BROKER, **DATABASES}, [["-m", "bench"]]),
    "campaign": ({**BROKER, **FAULTS, **DATABASES}, [["-m", "tests.campaigns"]]),
    "docs": ({}, [["docs/generate.py"]]),
}


def main(arguments: list[str]) -> int:
    """Prepare what the command needs, run it, and return its exit code."""
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        return _say(f"Copperline needs Python 3.11, 3.12 or 3.13; this is {sys.version.split()[0]} ({sys.executable}).")
    if not arguments or arguments[0] not in COMMANDS:
        _say(__doc__ or "")
        return 0 if arguments[:1] in ([], ["-h"], ["--help"]) else 2
    packages, steps = COMMANDS[arguments[0]]
    _install_packages([package for package, probe in packages.items() if not _exists(probe)])
    if not _prepare_environment():
        return 1
    worst = 0
    for step in steps:
        extra = _extra(arguments) if step is steps[-1] else []
        worst = max(
            worst,
            abs(subprocess.run([str(PYTHON), *step, *extra], cwd=ROOT, env=_environment(), check=False).returncode),
        )
    return worst


def _extra(arguments: list[str]) -> list[str]:
    """What follows the command, with what the whole suite needs."""
    command, *given = arguments
    whole = command == "test" and all(each.startswith("-") for each in given)
    return [*TOGETHER, *given] if whole else given


def _prepare_environment() -> bool:
    """Make `.venv` as the lock says, unless it already is; False where it cannot be made."""
    wanted = _wanted()
    stamp = VENV / "copperline.stamp"
    if stamp.exists() and stamp.read_text() == wanted:
        return True
    if importlib.util.find_spec("ensurepip") is None:
        _install_packages([f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"])
        importlib.invalidate_caches()
        if importlib.util.find_spec("ensurepip") is None:
            return False
    _say("Making .venv from requirements.lock (once, about a minute).")
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(VENV)],
        [*pip, "--require-hashes", "-r", str(LOCK)],
        [*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
    ):
        if subprocess.run(command, cwd=ROOT, env=_environment(), stdout=sys.stderr, check=False).returncode:
            _say("This step failed: " + shlex.join(command))
            return False
    stamp.write_text(wanted)
    return True


def _wanted() -> str:
    """Stands for everything that `.venv` depends on."""
    import tomllib  # not before we know that this Python has it

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    parts = [LOCK.read_bytes(), json.dumps(project).encode(), sys.version.encode(), str(ROOT).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _environment() -> dict[str, str]:
    """The caller's environment without what would bring another Python's packages in, or have every start compile anew."""
    drop = {
        "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV",
        "PYTHONDONTWRITEBYTECODE",
    }  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if name not in drop}
    return {**kept, "PATH": f"{VENV / 'bin'}:{kept.get('PATH') or os.defpath}", "PYTHONNOUSERSITE": "1"}


def _exists(probe: str) -> bool:
    return any(Path("/").glob(probe.lstrip("/")))


# Peers are started by the tests themselves, privately: no service may come up because a package was
# unpacked.  A policy that a machine already has is left alone.
_INSTALL = """
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap "rm -f $policy" EXIT
    printf '#!/bin/sh\\nexit 101\\n' > $policy
    chmod 755 $policy
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install -y --no-install-recommends "$@"
"""


def _install_packages(packages: list[str]) -> None:
    """Install them where we may; otherwise print the line that does, and go on."""
    if not packages:
        return
    line = "sudo apt-get install -y --no-install-recommends " + " ".join(packages)
    sudo = [] if os.geteuid() == 0 else ["sudo"] if sys.stdin.isatty() else ["sudo", "-n"]
    if shutil.which("apt-get") is None or (sudo and shutil.which("sudo") is None):
        _say("Missing system packages.  Install them with:\n    " + line)
        return
    _say("Installing system packages: " + " ".join(packages))
    done = subprocess.run([*sudo, "sh", "-c", _INSTALL, "install", *packages], stdout=sys.stderr, check=False)
    if done.returncode:
        _say("That did not work.  What needs them will say so; install them with:\n    " + line)


def _say(text: str) -> int:
    """Tell a person, on stderr: stdout belongs to the command's own result."""
    print(text.rstrip(), file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
