"""Every shipped system, compiled once, in a site of its own."""

from __future__ import annotations

import pytest

from bench import samples


@pytest.fixture(scope="session")
def shipped(tmp_path_factory):
    """Name of a shipped system → the system, ready to run."""
    made = {}

    def load(name):
        if name not in made:
            made[name] = samples.load(name, tmp_path_factory.mktemp(name) / "site")
        return made[name]

    return load
