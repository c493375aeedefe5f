"""A site: the folder of systems, codes, agreements and settings that one gateway runs.

Everything but `var/` is meant for version control.  `var/` holds what must not be there: the site
key, the store, the archive.  One process at a time holds a site; others ask it through the store.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway import settings, yamlfile
from gateway.errors import Problem, Refused, code
from gateway.event import Keys

MISSING = code(
    "site.missing",
    "there is no site.yaml here",
    "Name the site's folder with --site or COPPERLINE_SITE, or make one: copperline init DIR.",
)
NOT_EMPTY = code("site.not-empty", "the folder already holds a site", "Choose another folder; nothing was changed.")
RUNNING = code(
    "site.running",
    "another process holds this site",
    "Stop the gateway that runs on it, or let it carry out the command.",
)
KEY_MISSING = code(
    "site.key-missing",
    "the site key is missing",
    "Restore var/site.key from its backup: without it nothing in the store can be read, and a new one would give every record a new id.",
)
KEY_WRONG = code("site.key-wrong", "the site key is not 32 bytes", "Restore var/site.key from its backup.")
KEY_UNREADABLE = code(
    "site.key-unreadable",
    "the site key cannot be read",
    "Let the gateway's user own and read var/site.key, a regular file; where something else took its place, restore its backup.",
)
KEY_OPEN = code(
    "site.key-open",
    "others may read the site key",
    "Run: chmod 600 var/site.key; where it is mounted from a secret, give that the mode 0440 and the gateway's own group.",
)


@dataclass(frozen=True, slots=True)
class Site:
    """Where the parts of one site are, and what its site.yaml says."""

    root: Path
    settings: settings.Settings

    @property
    def systems(self) -> Path:
        """One folder per system."""
        return self.root / "systems"

    @property
    def codes(self) -> Path:
        """Code lists of the site; they come before the shipped ones."""
        return self.root / "codes"

    @property
    def agreements(self) -> Path:
        """One YAML file per agreement."""
        return self.root / "agreements"

    @property
    def callers(self) -> Path:
        """One YAML file per caller of the REST facade, and beside it the digests of its keys."""
        return self.root / "callers"

    @property
    def var(self) -> Path:
        """What is not for version control."""
        return self.root / "var"

    @property
    def key_file(self) -> Path:
        """32 bytes; every id and every key of the store is derived from them."""
        return self.var / "site.key"

    def store_url(self) -> str:
        """The store's address.  Raises Refused where a reference leads nowhere."""
        return self.settings.store.resolve() or f"sqlite:///{self.var / 'store.db'}"


def open(folder: Path) -> Site:
    """The site in a folder.  Raises Refused where there is none or its site.yaml is wrong."""
    root = folder.resolve()
    if not (root / "site.yaml").is_file():
        raise Refused(Problem(MISSING, where=str(folder)))
    return Site(root, settings.load(root / "site.yaml"))


def keys(site: Site) -> Keys:
    """The site's keys.  Raises Refused where the key file is missing, damaged or open to others."""
    try:
        status = site.key_file.stat()
        key = site.key_file.read_bytes()
    except FileNotFoundError as e:
        raise Refused(Problem(KEY_MISSING)) from e
    except OSError as e:
        raise Refused(Problem(KEY_UNREADABLE, where="var/site.key", rule=e.strerror or type(e).__name__)) from e
    # A mounted secret is root's, and our group is how we may read it; of a file of our own no group has anything.
    if status.st_mode & (0o077 if status.st_uid == os.geteuid() else 0o007):
        raise Refused(Problem(KEY_OPEN))
    if len(key) != 32:
        raise Refused(Problem(KEY_WRONG))
    return Keys(key)


def init(folder: Path, name: str, agency: str, broker: str = "") -> tuple[Path, ...]:
    """Make a new site and return the paths it wrote.  Raises Refused where one is there already.

    `broker`: an address of RabbitMQ, or a reference to one ("env:NAME").
    """
    if (folder / "site.yaml").exists() or (folder / "var" / "site.key").exists():
        raise Refused(Problem(NOT_EMPTY, where=str(folder)))
    for part in ("systems", "codes", "agreements"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "var").mkdir(mode=0o700, exist_ok=True)
    _write_key(folder / "var" / "site.key")
    written = {
        folder / "site.yaml": _SITE.format(name=name, agency=agency or "~", broker=_broker(broker)),
        folder / "agreements" / "internal.yaml": _INTERNAL.format(name=name),
        folder / ".gitignore": "# The key, the store and the archive stay on this machine.\nvar/\n",
    }
    for path, text in written.items():
        path.write_text(text)
    return (*written, folder / "var" / "site.key")


@contextmanager
def hold(site: Site) -> Iterator[None]:
    """Be the only process that works on the site.  Raises Refused (`site.running`) where another one is."""
    handle = _lock_file(site)
    try:
        until = time.monotonic() + _PROBE_S
        while not _locked(handle, fcntl.LOCK_EX):
            if time.monotonic() > until:
                raise Refused(Problem(RUNNING))
            time.sleep(0.05)  # another command may be looking at this moment
        yield
    finally:
        os.close(handle)  # gives the lock back; it is also gone when the process dies


def held(site: Site) -> bool:
    """Whether a gateway runs on the site at this moment."""
    handle = _lock_file(site)
    try:
        return not _locked(handle, fcntl.LOCK_SH)
    finally:
        os.close(handle)


_PROBE_S = 0.5


def _lock_file(site: Site) -> int:
    site.var.mkdir(mode=0o700, exist_ok=True)
    return os.open(site.var / "gateway.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _locked(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def shipped(data: str = "mappings") -> Path:
    """A folder of data that ships ("mappings", "docs", "examples", "helm"): inside the wheel, else in the checkout."""
    here = Path(__file__).resolve().parent
    inside = here / "shipped" / data
    return inside if inside.is_dir() else here.parent / data


def codes(site: Site) -> tuple[Path, ...]:
    """Where code lists are looked up, in this order: the site's own, then the shipped ones."""
    return site.codes, shipped() / "codes"


def templates() -> dict[str, Path]:
    """The shipped systems that `new --from` copies, by name."""
    folder = shipped() / "systems"
    return {path.parent.name: path.parent for path in sorted(folder.glob("*/system.yaml"))}


def system_folders(site: Site) -> dict[str, Path]:
    """The folders of the site's systems, by name."""
    return {path.parent.name: path.parent for path in sorted(site.systems.glob("*/system.yaml"))}


def copy_template(template: Path, folder: Path) -> None:
    """Copy a shipped system into the site, as files that its people own from now on."""
    import shutil  # its compression modules cost every other command 5 ms

    shutil.copytree(template, folder, ignore=shutil.ignore_patterns("__pycache__", "*.py"))


def drop_folders(site: Site, system: Path) -> list[Path]:
    """Make the folders inside the site that a copied system expects files in; returns the new ones."""
    feeds = yamlfile.load(system / "system.yaml").data["feeds"].values()
    wanted = [site.root / said["folder"] for feed in feeds if "folder" in (said := feed.get("settings") or {})]
    made = [path for path in wanted if site.root in path.resolve().parents and not path.exists()]
    for path in made:
        path.mkdir(parents=True)
    return made


def _broker(address: str) -> str:
    if not address:
        return "# broker: {url_from: env:COPPERLINE_BROKER}"
    key = "url_from" if address.startswith(("env:", "file:")) else "url"
    return f"broker: {{{key}: {address!r}}}"


def _write_key(path: Path) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(os.urandom(32))
        file.flush()
        os.fsync(file.fileno())


_SITE = """\
# Every setting is listed in `copperline docs settings`.  No password stands in this file.
site: {name}
agency: {agency}
# With a broker named, events also go to RabbitMQ.  Then: copperline topology apply
{broker}
"""

_INTERNAL = """\
# Nothing leaves but through an agreement.  This one serves the agency's own services.
agreement: internal
title: The agency's own services
parties: {{provider: {name}, recipient: {name}}}
contact: The agency itself
prepared_by: Copperline's template    # `copperline init` approves it; after a change somebody else does
purpose: Operation of the agency's own systems
legal_basis: The agency's own task; nothing leaves it
law_enforcement: true
valid: {{from: 2020-01-01, to: 2035-12-31}}
retention_days: 3650
topics: ["police.#"]
fields: all
start: now
destinations:
  log: {{via: log}}            # the site's own log: copperline tail
  services: {{via: bus}}       # queue copperline.internal.services; opens when site.yaml names a broker
"""
