"""A file that real Microsoft Access wrote: the only one that the system's packages hold.  Fetched, never kept."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests import peers

PACKAGE = "mrtg-contrib"


class AccessFile:
    """`path` is the file, once started."""

    def __init__(self) -> None:
        self.folder = peers.folder("access")
        self.path = self.folder / "nowhere"

    def start(self) -> None:
        """Fetch the package that holds it, and take it out."""
        try:
            self._run(peers.program("apt-get"), "-q", "download", PACKAGE)
            self._run(peers.program("dpkg-deb"), "-x", next(self.folder.glob("*.deb")).name, "x")
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as e:
            raise peers.Unavailable(f"{PACKAGE} cannot be fetched ({type(e).__name__})") from e
        self.path = next(self.folder.rglob("Monitor.mdb"))

    def close(self) -> None:
        """Take it away again."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, *command: str) -> None:
        subprocess.run(command, cwd=Path(self.folder), check=True, capture_output=True, timeout=120)
