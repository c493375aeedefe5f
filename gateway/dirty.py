"""Systems that are read without locks: what they are called wherever they appear.

A setting `dirty: true`, in any adapter, says that a source reads what is not committed.  It is looked for
in the text of `system.yaml` first: to load a system takes longer than all of `status`.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.site import Site

WORDS = "may skip or repeat"


def marked(here: Site, name: str) -> str:
    """`WORDS` where a feed of the system reads what is not committed; "" where none does, or none can be told."""
    path = here.systems / name / "system.yaml"
    try:
        if "dirty" not in path.read_text(encoding="utf-8"):
            return ""
    except (OSError, UnicodeDecodeError):
        return ""
    from gateway import yamlfile
    from gateway.errors import Refused

    try:
        said = yamlfile.load(path).data
    except Refused:
        return ""
    return WORDS if any(map(_dirty, _feeds(said))) else ""


def called(here: Site, name: str) -> str:
    """A system's name for people, with its mark."""
    mark = marked(here, name)
    return f"{name} ({mark})" if mark else name


def _feeds(said: object) -> list[object]:
    feeds = said.get("feeds") if isinstance(said, Mapping) else None
    return list(feeds.values()) if isinstance(feeds, Mapping) else []


def _dirty(feed: object) -> bool:
    settings = feed.get("settings") if isinstance(feed, Mapping) else None
    return isinstance(settings, Mapping) and settings.get("dirty") is True
