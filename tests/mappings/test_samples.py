"""The shipped samples are what the generator makes, and give what lies beside them."""

from __future__ import annotations

import json

import pytest

from bench import samples
from gateway import site

FILES = sorted(samples.files())


@pytest.mark.parametrize("path", FILES)
def test_a_committed_sample_is_what_the_generator_makes(path):
    assert (site.shipped() / "systems" / path).read_bytes() == samples.files()[path]


@pytest.mark.parametrize("path", FILES)
def test_a_sample_gives_what_lies_beside_it(path, shipped):
    name, _, sample = path.split("/")
    feed = samples.feed_of(shipped(name), sample)
    wanted = site.shipped() / "systems" / name / "expected" / f"{sample.rpartition('.')[0]}.json"
    assert samples.expected(feed, samples.files()[path]) == json.loads(wanted.read_bytes())


def test_every_shipped_system_has_a_page_a_sample_and_an_expected_result():
    for name, folder in site.templates().items():
        assert (folder / "README.md").is_file(), name
        assert {path.stem for path in (folder / "samples").iterdir()} == {
            p.stem for p in (folder / "expected").iterdir()
        }
