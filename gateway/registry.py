"""Which adapters may load.  A plugin is found by its entry point and loads only where the site names it.

The adapters that ship always may.  Anything else that is installed beside the gateway stays
unloaded until `plugins:` in site.yaml names it: being on the path is not being invited.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, distributions, entry_points
from pathlib import Path
from typing import Any

from gateway.adapter import Adapter
from gateway.errors import Problem, Refused, code

GROUP = "copperline.adapters"
SHIPPED: Mapping[str, str] = {
    "document": "adapters.flatfile:document",
    "flatfile": "adapters.flatfile:adapter",
    "inbound": "gateway.inbound:adapter",
    "odbc": "adapters.odbc:adapter",
    "soap": "adapters.soap:adapter",
}
"""Adapters of this distribution, as pyproject.toml registers them; a checkout needs no installation to find them."""

UNKNOWN = code(
    "adapter.unknown",
    "no adapter of this name may load",
    "See copperline adapters list; install the plugin beside the gateway and name it under plugins: in site.yaml.",
)
BROKEN = code(
    "adapter.broken",
    "the plugin cannot be loaded",
    "Run its own tests in this environment; its author is named by: pip show.",
)
CLASH = code(
    "adapter.clash",
    "another distribution provides a package of the gateway's own",
    "Give the gateway an environment of its own, or remove the distribution that is named.",
)

OURS = ("gateway", "adapters", "contracts")


@dataclass(frozen=True, slots=True)
class Plugin:
    """An adapter that is installed: where it comes from and whether this site lets it load."""

    name: str
    target: str
    """The entry point's value: "module:attribute"."""
    distribution: str
    allowed: bool


def installed(plugins: Iterable[str]) -> dict[str, Plugin]:
    """Every adapter in this environment by name; `plugins` are the names that the site allows."""
    allowed = frozenset(plugins)
    found = {name: Plugin(name, target, "copperline", True) for name, target in SHIPPED.items()}
    for point in entry_points(group=GROUP):
        if point.name not in found:  # a plugin cannot take the name of one that ships
            found[point.name] = Plugin(point.name, point.value, _distribution(point), point.name in allowed)
    return found


def load(name: str, plugins: Iterable[str]) -> Adapter[Any]:
    """The adapter of that name.  Raises Refused where it may not load or cannot."""
    found = _find(name, plugins)
    if found is None or not found.allowed:
        raise Refused(Problem(UNKNOWN, rule=f"no adapter {name!r} may load here"))
    module, _, attribute = found.target.partition(":")
    try:
        adapter = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as e:
        raise Refused(Problem(BROKEN, where=found.target, rule=f"{type(e).__name__} while loading {name!r}")) from e
    if not isinstance(adapter, Adapter):
        raise Refused(Problem(BROKEN, where=found.target, rule=f"{name!r} is no Adapter"))
    return adapter


def clashes() -> list[Problem]:
    """Other distributions, or stray folders on the path, that provide `gateway`, `adapters` or `contracts`.

    Reads the file list of everything installed: for the start of the gateway and `doctor` only.
    """
    problems = []
    for distribution in distributions():
        name = distribution.metadata["Name"]
        provided = {Path(file).parts[0] for file in distribution.files or () if len(Path(file).parts) > 1}
        problems += [
            Problem(CLASH, where=str(name), rule=f"{name} provides the package {package}")
            for package in OURS
            if package in provided and name != "copperline"
        ]
    return problems + _strays()


def _strays() -> list[Problem]:
    home = Path(__file__).resolve().parent.parent
    strays = []
    for package in OURS:
        place = importlib.import_module(package).__file__
        if place is None or Path(place).resolve().parent.parent != home:
            strays.append(Problem(CLASH, rule=f"the package {package} comes from another place than gateway"))
    return strays


def _find(name: str, plugins: Iterable[str]) -> Plugin | None:
    """As `installed`, without asking every distribution where a shipped adapter is wanted."""
    if name in SHIPPED:
        return Plugin(name, SHIPPED[name], "copperline", True)
    return installed(plugins).get(name)


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else ""
