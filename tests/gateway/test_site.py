"""A site is made once, its key is nobody else's, and one process holds it."""

import multiprocessing
import os
import stat

import pytest

from gateway import site
from gateway.errors import Refused


@pytest.fixture
def here(tmp_path):
    site.init(tmp_path / "riverton", "riverton", "XX0000000")
    return site.open(tmp_path / "riverton")


def test_init_makes_a_site_that_opens_with_a_key_of_its_own(here, tmp_path):
    assert here.settings.site == "riverton"
    assert stat.S_IMODE(here.key_file.stat().st_mode) == 0o600
    site.init(tmp_path / "other", "other", "")
    assert site.open(tmp_path / "other").key_file.read_bytes() != here.key_file.read_bytes()


def test_init_never_touches_a_site_that_is_there(here):
    key = here.key_file.read_bytes()
    with pytest.raises(Refused, match=r"site\.not-empty"):
        site.init(here.root, "again", "")
    assert here.key_file.read_bytes() == key


def test_init_names_a_broker_by_reference(tmp_path):
    site.init(tmp_path / "a", "a", "", "env:INVENTED")
    assert site.open(tmp_path / "a").settings.broker.url_from == "env:INVENTED"


def test_a_folder_without_a_site_says_how_to_make_one(tmp_path):
    with pytest.raises(Refused, match="copperline init"):
        site.open(tmp_path)


@pytest.mark.parametrize(
    "spoil, code",
    [
        (lambda key: key.unlink(), "site.key-missing"),
        (lambda key: key.chmod(0o644), "site.key-open"),
        (lambda key: key.write_bytes(b"short"), "site.key-wrong"),
        (lambda key: (key.unlink(), key.mkdir(mode=0o700)), "site.key-unreadable"),
    ],
)
def test_a_key_that_is_missing_damaged_or_open_is_refused(here, spoil, code):
    spoil(here.key_file)
    with pytest.raises(Refused, match=code):
        site.keys(here)


@pytest.mark.skipif("os.geteuid() != 0", reason="only root can give a file to another user")
def test_a_key_mounted_from_a_secret_may_be_readable_by_the_gateways_group(here):
    os.chown(here.key_file, 4711, -1)
    here.key_file.chmod(0o440)
    site.keys(here)
    here.key_file.chmod(0o444)
    with pytest.raises(Refused, match=r"site\.key-open"):
        site.keys(here)


def _hold(root, held, let_go):
    with site.hold(site.open(root)):
        held.set()
        let_go.wait(10)


def test_one_process_holds_a_site_and_its_death_lets_go(here):
    spawn = multiprocessing.get_context("spawn")
    held, let_go = spawn.Event(), spawn.Event()
    other = spawn.Process(target=_hold, args=(here.root, held, let_go))
    other.start()
    assert held.wait(10)
    assert site.held(here)
    with pytest.raises(Refused, match=r"site\.running"), site.hold(here):
        pass
    other.kill()
    other.join()
    assert not site.held(here)
    with site.hold(here):
        pass
