"""What site.yaml says, what holds without it, and how a mistake is told."""

from datetime import timedelta

import pytest

from gateway import settings
from gateway.errors import Refused


def load(tmp_path, text):
    (tmp_path / "site.yaml").write_text(text)
    return settings.load(tmp_path / "site.yaml")


def test_a_site_needs_nothing_but_its_name(tmp_path):
    said = load(tmp_path, "site: riverton\n")
    assert said.site == "riverton"
    assert said.broker is None
    assert said.deadline == timedelta(minutes=5)
    assert said.free_space == 256 << 20


def test_every_mistake_is_told_at_once_with_its_line(tmp_path):
    with pytest.raises(Refused) as told:
        load(tmp_path, "site: Riverton\nworkers: many\nbrokre: amqp://localhost\n")
    assert {(problem.path, problem.where) for problem in told.value.problems} == {
        ("site", "site.yaml:1"),
        ("workers", "site.yaml:2"),
        ("brokre", "site.yaml:3"),
    }


def test_a_password_does_not_stand_in_the_file(tmp_path):
    with pytest.raises(Refused, match="url_from"):
        load(tmp_path, "site: riverton\nbroker: {url: 'amqp://me:invented@localhost'}\n")


def test_a_secret_is_read_from_where_the_reference_leads(tmp_path, monkeypatch):
    monkeypatch.setenv("INVENTED", "amqp://x")
    (tmp_path / "secret").write_text("from a file\n")
    assert load(tmp_path, "site: a\nbroker: {url_from: 'env:INVENTED'}\n").broker.resolve() == "amqp://x"
    assert settings.secret(f"file:{tmp_path / 'secret'}") == "from a file"


@pytest.mark.parametrize("reference", ["env:NOT_SET_ANYWHERE", "file:/not/there", "plain"])
def test_a_reference_that_leads_nowhere_is_refused(reference):
    with pytest.raises(Refused, match=r"settings\.secret"):
        settings.secret(reference)


def test_without_a_word_of_it_the_facade_is_for_this_machine_only(tmp_path):
    api = load(tmp_path, "site: a\n").api
    assert (api.host, api.given) == ("127.0.0.1", False)
    assert load(tmp_path, "site: a\napi: off\n").api is None


@pytest.mark.parametrize(
    "said",
    [
        "on",
        "{listen: 8490}",
        "{listen: '0.0.0.0:8490'}",
        "{listen: '127.0.0.1:99999'}",
        "{listen: '0.0.0.0:8490', certificate: a.pem}",
        "{clients: ca.pem}",
        "{issuer: 'https://idp.invalid'}",
        "{plain: yes please}",
        "{colour: red}",
    ],
)
def test_a_facade_that_would_be_open_or_half_described_is_refused(tmp_path, said):
    with pytest.raises(Refused, match=r"settings\.wrong"):
        load(tmp_path, f"site: a\napi: {said}\n")


def test_a_facade_beyond_this_machine_has_tls_or_says_who_has(tmp_path):
    assert load(tmp_path, "site: a\napi: {listen: '0.0.0.0:1', plain: true}\n").api.plain
    assert load(tmp_path, "site: a\napi: {listen: '[::]:1', certificate: a, key: b}\n").api.host == "::"
