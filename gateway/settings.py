"""`site.yaml`: the few things one gateway must be told.  Everything has a default but the site's name.

No secret stands in it: an address with a password is named by reference, `url_from: env:NAME` or
`url_from: file:/path`, and read when it is needed.  This module is on the way of every command,
so it checks a small table by hand instead of loading a library for it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway import yamlfile
from gateway.errors import Problem, Refused, code
from gateway.schedule import duration

WRONG = code(
    "settings.wrong",
    "a setting of site.yaml cannot be used",
    "Correct the line that is named; `copperline docs settings` lists every setting.",
)
UNKNOWN = code(
    "settings.unknown",
    "site.yaml has a setting that does not exist",
    "Remove the line or correct its name; `copperline docs settings` lists every setting.",
)
SECRET = code(
    "settings.secret",
    "a reference to a secret leads nowhere",
    "Set the environment variable, or write the file, that the reference names.",
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of site.yaml: its name, how it is read, what holds without it, what it is for."""

    name: str
    read: Callable[[Any], Any]
    default: str
    says: str


@dataclass(frozen=True, slots=True)
class Address:
    """Where a peer is: `url` as it stands, or `url_from`, the reference that resolves to it."""

    url: str = ""
    url_from: str = ""

    def resolve(self) -> str:
        """The address itself.  Raises Refused where a reference leads nowhere."""
        return secret(self.url_from) if self.url_from else self.url


@dataclass(frozen=True, slots=True)
class Api:
    """Where the REST facade listens, and whom it believes."""

    host: str = "127.0.0.1"
    port: int = 8490
    certificate: str = ""
    """PEM of the chain, a path inside the site or absolute; "" for no TLS."""
    key: str = ""
    clients: str = ""
    """PEM of those who sign client certificates; "" where none are asked for."""
    plain: bool = False
    """TLS ends before the gateway."""
    issuer: str = ""
    """Who signs bearer tokens: the `iss` they must carry."""
    audience: str = ""
    jwks: str = ""
    """Where the issuer's public keys are: a path, or an address inside the agency's own network."""
    given: bool = False
    """Whether site.yaml says anything of it: without, a key of this run is made and printed."""

    @property
    def url(self) -> str:
        """What a caller on this machine writes before a path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.certificate else 'http'}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Settings:
    """What site.yaml says, with every default filled in."""

    site: str
    agency: str
    store: Address
    broker: Address | None
    plugins: tuple[str, ...]
    workers: int
    deadline: timedelta
    api: Api | None
    """None: nothing listens."""
    broker_disk: int
    """Bytes that the broker's queues may fill; 0 where nobody says."""
    free_space: int
    """Bytes that stay free on the volume of `var`; below it intake pauses."""


def secret(reference: str) -> str:
    """What "env:NAME" or "file:/path" refers to, without a final line break.  Raises Refused where it leads nowhere."""
    scheme, _, name = reference.partition(":")
    if scheme == "env" and name in os.environ:
        return os.environ[name]
    if scheme == "file":
        try:
            return Path(name).read_text().rstrip("\r\n")
        except OSError as e:
            raise Refused(Problem(SECRET, rule=f"the file of the reference cannot be read ({type(e).__name__})")) from e
    raise Refused(Problem(SECRET, rule=f"{reference!r} names no variable that is set, nor a file"))


def load(path: Path) -> Settings:
    """Read site.yaml.  Raises Refused with every problem, each with its line."""
    document = yamlfile.load(path)
    given = document.data if isinstance(document.data, Mapping) else {}
    known = {setting.name: setting for setting in SETTINGS}
    problems = [
        Problem(UNKNOWN, path=str(name), where=document.where(name)) for name in given if name not in known
    ]
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        try:
            values[setting.name] = setting.read(given.get(setting.name))
        except ValueError as e:
            problems.append(Problem(WRONG, path=setting.name, where=document.where(setting.name), rule=str(e)))
    if problems:
        raise Refused(*problems)
    return Settings(**values)


_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_WITH_PASSWORD = re.compile(r"[a-z0-9+]+://[^/@]*:[^/@]+@")
_SIZE = re.compile(r"(\d+)\s*(MB|GB)")


def name(text: Any) -> str:
    """A word that may stand in paths, topics and logs: a-z, 0-9 and "-", a letter first.  Raises ValueError."""
    if not isinstance(text, str) or not _NAME.fullmatch(text):
        raise ValueError("is a name of a-z, 0-9 and -, beginning with a letter")
    return text


def _agency(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9-]{1,32}", value):
        raise ValueError("is an agency's ORI or short name: letters, digits and -")
    return value


def _address(value: Any) -> Address:
    if isinstance(value, str):
        value = {"url": value}
    if not isinstance(value, Mapping) or set(value) not in ({"url"}, {"url_from"}):
        raise ValueError("has either url or url_from")
    address = Address(**value)
    if not all(isinstance(text, str) for text in value.values()):
        raise ValueError("is text")
    if _WITH_PASSWORD.match(address.url):
        raise ValueError("holds a password: name it by url_from: env:NAME or file:/path instead")
    if address.url_from and not address.url_from.startswith(("env:", "file:/")):
        raise ValueError("url_from is env:NAME or file:/path")
    return address


def _store(value: Any) -> Address:
    return Address() if value is None else _address(value)


def _broker(value: Any) -> Address | None:
    return None if value is None else _address(value)


def _plugins(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ValueError("is a list of names")
    return tuple(name(item) for item in value)


def _workers(value: Any) -> int:
    if value is None:
        return 4
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 64:
        raise ValueError("is a number from 1 to 64")
    return value


def _deadline(value: Any) -> timedelta:
    return duration("5m" if value is None else str(value))


def _free_space(value: Any) -> int:
    return _size("256MB" if value is None else str(value))


def _broker_disk(value: Any) -> int:
    return 0 if value is None else _size(str(value))


def _size(text: str) -> int:
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError("is a number of MB or GB, such as 256MB")
    return int(found[1]) * {"MB": 1 << 20, "GB": 1 << 30}[found[2]]


_API = {
    "listen": "127.0.0.1:8490",
    "certificate": "",
    "key": "",
    "clients": "",
    "plain": False,
    "issuer": "",
    "audience": "",
    "jwks": "",
}
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _api(value: Any) -> Api | None:
    if value is None:
        return Api()
    if value == "off":
        return None
    if not isinstance(value, Mapping) or not set(value) <= set(_API):
        raise ValueError(f"is off, or has some of {', '.join(_API)}")
    said = {**_API, **value}
    if any(type(said[key]) is not type(usual) for key, usual in _API.items()):
        raise ValueError("holds texts, and plain is true or false")
    host, port = _listen(said.pop("listen"))
    api = Api(host=host, port=port, given=True, **said)
    if bool(api.certificate) != bool(api.key):
        raise ValueError("has both certificate and key, or neither")
    if api.clients and not api.certificate:
        raise ValueError("asks for client certificates, which need certificate and key")
    if not (api.certificate or api.plain or api.host in _LOOPBACK):
        raise ValueError("listens beyond this machine: name certificate and key, or plain: true where TLS ends before the gateway")
    if bool(api.issuer) != bool(api.jwks) or bool(api.issuer) != bool(api.audience):
        raise ValueError("has issuer, audience and jwks, or none of them")
    return api


def _listen(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or not 0 <= int(port) < 65536:
        raise ValueError("listen is HOST:PORT, such as 127.0.0.1:8490")
    return host, int(port)


SETTINGS = (
    Setting("site", name, "", "The site's name: a-z, 0-9 and -. It stands in logs and in the ledger."),
    Setting("agency", _agency, "none", "The agency (an ORI) of records that name none; a system may name its own."),
    Setting("store", _store, "var/store.db", "Where the journal is: nothing for SQLite, or `{url_from: env:NAME}` for PostgreSQL."),
    Setting("broker", _broker, "none", "RabbitMQ: `{url: amqp://host}` or `{url_from: env:NAME}`. Without it the site's own log is the only destination."),
    Setting("broker_disk", _broker_disk, "none", "What the broker's queues may fill of its disk, such as `20GB`: `check` adds the limits of all queues up against it."),
    Setting("plugins", _plugins, "[]", "Adapters of other distributions that may load, by the name of their entry point."),
    Setting("workers", _workers, "4", "Threads that poll. More than the processors only helps where systems are slow to answer."),
    Setting("deadline", _deadline, "5m", "How long one call into an adapter may take before it is cancelled and, 5 s later, written off."),
    Setting(
        "api",
        _api,
        "127.0.0.1:8490",
        "The REST facade. Without it, it is read on this machine only, with a key that `run` prints. `off`, or some of: `listen` "
        "(HOST:PORT), `certificate` and `key` (PEM), `clients` (PEM of those who sign client certificates), `plain: true` (TLS ends "
        "before the gateway), `issuer`, `audience` and `jwks` (bearer tokens). See `copperline docs rest`.",
    ),
    Setting("free_space", _free_space, "256MB", "Bytes that stay free on the volume of `var`; below it intake pauses and deliveries go on."),
)
