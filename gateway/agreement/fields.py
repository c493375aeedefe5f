"""The allow-list of fields, compiled: a generated function builds a new object from what is named.

Nothing is taken out of a record; what is not named was never put in.  So a field that the contract
gains next year goes to nobody until an agreement names it.  Lists on the way are walked without
being named: `locations.geo` is the position of each location.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeAlias

from gateway.agreement.sensitive import UNMAPPED
from gateway.agreement.treatment import Treat

Project: TypeAlias = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Builds the object that may leave from the one that was kept."""

Tree: TypeAlias = "dict[str, Tree | Treat | None]"
"""Field name to what is allowed below it; None: everything below, as it is; a function: what it makes of it."""


def allowed(treatments: Mapping[str, str], known: Collection[str]) -> tuple[str, ...]:
    """The paths that may leave, sorted: each named one, a `plain` one cut into its parts where something below is treated otherwise.

    `known`: every path of the contract.
    """
    plain = {path for path, treatment in treatments.items() if treatment == "plain"}
    absent = {path for path, treatment in treatments.items() if treatment == "absent"}
    treated = treatments.keys() - plain - absent
    parts = {part for path in plain for part in _without(path, absent | treated, known)}
    return tuple(sorted(parts | treated))


def compile(paths: Iterable[str], treats: Mapping[str, Treat] | None = None) -> Project:
    """One generated function for an allow-list of dotted paths; `treats`: what is made of those that do not leave plain."""
    lines: list[str] = []
    space: dict[str, Any] = {"_through": _through}
    _function(lines, "project", _tree(paths, treats or {}), space)
    exec("\n".join(lines), space)  # noqa: S102 -- the source is built here from names checked against the contract
    project: Project = space["project"]
    return project


def classified(value: Any) -> Any:
    """The same JSON value without its coded fields whose common code is `unmapped`, and without what that empties.

    None where nothing is left.
    """
    match value:
        case {"common": {"code": str(code)}} if code == UNMAPPED:
            return None
        case dict():
            return {name: kept for name, item in value.items() if (kept := classified(item)) is not None} or None
        case list():
            return [kept for item in value if (kept := classified(item)) is not None] or None
        case _:
            return value


def _without(path: str, absent: Collection[str], known: Collection[str]) -> list[str]:
    if path in absent:
        return []
    if not any(other.startswith(path + ".") for other in absent):
        return [path]
    depth = path.count(".") + 1
    below = (other for other in known if other.startswith(path + ".") and other.count(".") == depth)
    return [part for child in below for part in _without(child, absent, known)]


def _tree(paths: Iterable[str], treats: Mapping[str, Treat]) -> Tree:
    root: Tree = {}
    for path in sorted(paths):  # a shorter path comes before those below it and covers them
        node: Any = root
        *above, last = path.split(".")
        for name in above:
            if type(node) is not dict:
                break
            node = node.setdefault(name, {})
        if type(node) is dict:
            node[last] = treats.get(path)
    return root


def _function(lines: list[str], name: str, tree: Tree, space: dict[str, Any]) -> None:
    body = [f"def {name}(kept):", "    out = {}"]
    for number, (field, below) in enumerate(tree.items()):
        body.append(f"    value = kept.get({field!r})")
        body.append("    if value is not None:")
        if below is None:
            body.append(f"        out[{field!r}] = value")
            continue
        inner = f"{name}_{number}"
        if isinstance(below, dict):
            _function(lines, inner, below, space)
            body.append(f"        value = _through({inner}, value)")
        else:
            space[inner] = below
            body.append(f"        value = {inner}(value)")
        body.append("        if value:")
        body.append(f"            out[{field!r}] = value")
    lines.extend([*body, "    return out", ""])


def _through(project: Project, value: Any) -> Any:
    if type(value) is dict:
        return project(value)
    if type(value) is list:
        return [part for item in value if (part := _through(project, item))]
    return None  # a plain value where the contract has an object: nobody named it
