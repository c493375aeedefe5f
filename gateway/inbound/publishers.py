"""Who publishes to a site: read from the systems' files as they stand, without loading what they mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from pydantic import ValidationError

from gateway import yamlfile
from gateway.errors import Problem, Refused
from gateway.inbound.codes import TWICE
from gateway.inbound.settings import Settings
from gateway.site import Site, system_folders


def feeds(site: Site) -> Iterator[tuple[str, str, Settings]]:
    """System, feed and settings of each publisher; what is wrong with a system is told with the system."""
    for name in system_folders(site):
        with suppress(Refused):
            said = yamlfile.load(site.systems / name / "system.yaml").data
            for feed, settings in (said.get("feeds") or {}).items() if isinstance(said, dict) else ():
                if isinstance(settings, dict) and settings.get("adapter") == "inbound":
                    with suppress(ValidationError):
                        yield name, str(feed), Settings.model_validate(settings.get("settings") or {})


def problems(site: Site) -> Iterator[Problem]:
    """A publisher whose queue would be read by two feeds."""
    seen: dict[str, str] = {}
    for name, feed, settings in feeds(site):
        if settings.user in seen:
            where = f"systems/{name}/system.yaml"
            yield Problem(TWICE, f"feeds.{feed}.settings.user", where, f"the messages of this publisher are taken by {seen[settings.user]} already")
        seen.setdefault(settings.user, f"{name}/{feed}")
