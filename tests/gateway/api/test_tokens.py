"""Bearer tokens of a certified OpenID provider; and those that only look like one."""

from __future__ import annotations

import json
import time

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from gateway.api.tokens import Issuer
from gateway.context import Quiet
from gateway.settings import Api
from tests.gateway.api import riverton as invented
from tests.gateway.api.riverton import HEADER, row
from tests.peers.oidc import Oidc

AUDIENCE = "urn:copperline:test"


@pytest.fixture(scope="module")
def provider(npm):
    made = Oidc(npm, AUDIENCE, "cad-client", "stranger")
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def riverton(tmp_path_factory, provider):
    here = invented.made(tmp_path_factory.mktemp("riverton") / "site")
    api = Api(issuer=provider.issuer, audience=AUDIENCE, jwks=f"{provider.issuer}/jwks", given=True)
    with invented.running(here, api, Issuer(api, here.root, Quiet())) as running:
        running.caller("machine", "submit", tokens=["cad-client"])
        yield running


def test_a_token_of_the_issuer_proves_the_caller_that_lists_its_subject(riverton, provider):
    for client, status in (("cad-client", 202), ("stranger", 401)):
        riverton.keys[client] = provider.token(client)
        assert riverton.send(HEADER + row(f"O-{client}"), caller=client).status_code == status


def test_a_token_for_somebody_else_opens_nothing_here(riverton, provider):
    riverton.keys["elsewhere"] = provider.token("cad-client", "urn:somebody:else")
    assert riverton.send(HEADER + row("O-else"), caller="elsewhere").status_code == 401


@pytest.fixture
def own(tmp_path):
    """An issuer whose private key is at hand, its public one in a file; and what makes tokens."""
    key = RSAKey.generate_key(2048, {"kid": "one"})
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    issuer = Issuer(Api(issuer="https://id.invalid", audience="here", jwks="jwks.json", given=True), tmp_path, Quiet())

    def token(by=key, header=None, **claims):
        said = {"iss": "https://id.invalid", "aud": "here", "sub": "me", "exp": int(time.time()) + 60, **claims}
        kept = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(header or {"alg": "RS256", "kid": "one"}, kept, by, algorithms=["RS256", "HS256"])

    return issuer, token, tmp_path


def test_a_token_that_holds_names_its_subject(own):
    issuer, token, _ = own
    assert issuer.subject(token()) == "me"
    assert issuer.subject(token(aud=["there", "here"])) == "me"


@pytest.mark.parametrize(
    "wrong",
    [
        {"exp": 1},
        {"exp": None},
        {"iss": "https://other.invalid"},
        {"aud": "there"},
        {"aud": None},
        {"sub": None},
        {"nbf": int(time.time()) + 3600},
    ],
)
def test_a_token_whose_claims_do_not_hold_is_none(own, wrong):
    issuer, token, _ = own
    assert issuer.subject(token(**wrong)) == ""


def test_a_token_that_somebody_else_signed_is_none(own):
    issuer, token, folder = own
    other = RSAKey.generate_key(2048, {"kid": "one"})
    assert issuer.subject(token(by=other)) == ""
    public = (folder / "jwks.json").read_bytes()
    confused = token(by=OctKey.import_key(public), header={"alg": "HS256", "kid": "one"})
    assert issuer.subject(confused) == ""
    unsigned = ".".join(["eyJhbGciOiJub25lIn0", token().split(".")[1], ""])
    assert issuer.subject(unsigned) == ""
    for text in ("", "a", "a.b.c", "x" * 100_000):
        assert issuer.subject(text) == ""


def test_new_keys_of_the_issuer_are_read_aside_and_at_most_once_a_minute(own):
    issuer, token, folder = own
    new = RSAKey.generate_key(2048, {"kid": "two"})
    (folder / "jwks.json").write_text(json.dumps({"keys": [new.as_dict(private=False)]}))
    later = token(by=new, header={"alg": "RS256", "kid": "two"})
    assert issuer.subject(later) == ""
    issuer._next = 0.0  # a minute has passed
    until = time.monotonic() + 10
    while issuer.subject(later) != "me":
        assert time.monotonic() < until
        time.sleep(0.05)
