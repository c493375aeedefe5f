"""The shipped samples are what the generator makes, and give what lies beside them."""

from __future__ import annotations

import pytest

from bench import samples as made
from gateway import samples, site

FILES = sorted(made.files())


@pytest.mark.parametrize("path", FILES)
def test_a_committed_sample_is_what_the_generator_makes(path):
    assert (site.shipped() / "systems" / path).read_bytes() == made.files()[path]


@pytest.mark.parametrize("name", site.templates())
def test_every_sample_gives_what_lies_beside_it(name, shipped):
    results = list(samples.run(shipped(name)))
    assert results
    assert [(result.sample.name, result.differs) for result in results if result.differs] == []


@pytest.mark.parametrize("name", site.templates())
def test_a_shipped_sample_rejects_nothing(name, shipped):
    for result in samples.run(shipped(name)):
        assert [found for found in result.found if "rejected" in found or "refused" in found] == []


def test_every_shipped_system_has_a_page_a_sample_and_an_expected_result():
    for name, folder in site.templates().items():
        assert (folder / "README.md").is_file(), name
        assert {path.stem for path in (folder / "samples").iterdir()} == {
            p.stem for p in (folder / "expected").iterdir()
        }
