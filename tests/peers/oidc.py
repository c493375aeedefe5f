"""An OpenID provider that others wrote and had certified: the npm package oidc-provider, on loopback."""

from __future__ import annotations

import signal
import subprocess

from tests import peers
from tests.peers.npm import Npm

_SCRIPT = """
import Provider from 'oidc-provider';

const [port, audience, ...clients] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: clients.map((id) => ({
    client_id: id, client_secret: `${id}-invented`, grant_types: ['client_credentials'], redirect_uris: [], response_types: [],
  })),
  features: {
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => audience,
      getResourceServerInfo: (_context, resource) => (
        { scope: '', audience: resource, accessTokenTTL: 600, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }
      ),
    },
  },
});
provider.listen(Number(port), '127.0.0.1');
"""


class Oidc:
    """One provider; each of `clients` has the secret `<client>-invented`."""

    def __init__(self, npm: Npm, audience: str, *clients: str) -> None:
        self._npm, self._audience, self._clients = npm, audience, clients
        (self.port,) = peers.free_ports(1)
        self._log = npm.folder / f"oidc-{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return when it gives its keys."""
        script = self._npm.write(f"oidc-{self.port}.mjs", _SCRIPT.encode())
        command = [peers.program("node", "/usr/bin/node"), str(script), str(self.port), self._audience, *self._clients]
        self._process = peers.spawn(command, log=self._log)
        peers.wait_until(lambda: b"keys" in self._get("/jwks"), self._process, timeout_s=30, log=self._log)

    def token(self, client: str, resource: str = "") -> str:
        """An access token of a client, as a JWT."""
        import httpx

        said = {"grant_type": "client_credentials", "resource": resource or self._audience}
        answer = httpx.post(f"{self.issuer}/token", data=said, auth=(client, f"{client}-invented"), trust_env=False)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def close(self) -> None:
        """End it."""
        peers.end(self._process, signal.SIGTERM)

    def _get(self, path: str) -> bytes:
        import httpx

        try:
            return httpx.get(self.issuer + path, timeout=2, trust_env=False).content
        except httpx.HTTPError:
            return b""
