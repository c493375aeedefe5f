"""JAX-WS RI with WSS4J: a NIBRS repository in the shape of the FBI's service, and a port that speaks MTOM."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import urllib.request
from pathlib import Path

from tests import peers

JARS = (
    "jaxws-rt jaxws-ri-runtime jaxws-api jws-api jaxb-api jaxb-core jaxb-impl jaxb-runtime saaj saaj-impl stax-ex streambuffer "
    "gmbal mimepull metro-policy javax.activation geronimo-annotation-1.3-spec istack-commons-runtime txw2 FastInfoset "
    "woodstox-core stax2-api jaxws-ri-httpspi-servlet xml-resolver wss4j xmlsec commons-logging commons-codec slf4j-api slf4j-nop"
).split()
SOURCE = Path(__file__).with_name("Repository.java")


class Java:
    """One server.  `reset` forgets what it holds; `mode` changes how it behaves until then."""

    def __init__(self) -> None:
        self._java, self._javac = peers.program("java"), peers.program("javac")
        peers.program("jaxws-rt.jar", "/usr/share/java/jaxws-rt.jar")
        peers.program("wss4j.jar", "/usr/share/java/wss4j.jar")
        self.folder = peers.folder("java")
        self.port, self.tls_port = peers.free_ports(2)
        self._log = self.folder / "console.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._path = ":".join([str(self.folder), *(f"/usr/share/java/{jar}.jar" for jar in JARS)])

    def start(self, *, timeout_s: float = 90) -> None:
        """Compile, and return when it answers."""
        certificates(self.folder)
        options = ["-nowarn", "-proc:none", "-cp", self._path, "-d", str(self.folder), str(SOURCE)]
        done = subprocess.run([self._javac, *options], capture_output=True, text=True, check=False)
        if done.returncode:
            raise peers.Unavailable(f"javac: {done.stderr[-1500:]}")
        limits = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
        command = [self._java, *limits, "-cp", self._path, "Repository", str(self.port), str(self.tls_port), str(self.folder)]
        self._process = peers.spawn(command, log=self._log, env={**os.environ, "LC_ALL": "C.UTF-8"})
        peers.wait_until(self._listens, self._process, timeout_s=timeout_s, log=self._log)

    def close(self) -> None:
        """End it and take its folder away."""
        peers.end(self._process, signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, port: str) -> str:
        """`plain`, `secure`, `files` or `parts`."""
        return f"http://127.0.0.1:{self.port}/{port}"

    def reset(self) -> None:
        """Holds nothing, and behaves well."""
        self._get("reset")

    def mode(self, name: str) -> None:
        """fault, fault-after-commit, unsigned, body-not-signed."""
        self._get(f"mode?{name}")

    def arrivals(self) -> list[str]:
        """The name of everything that arrived, in order; what arrived twice is there twice."""
        return self._get("state").partition("\0")[0].splitlines()

    def holds(self) -> dict[str, str]:
        """Name → the document that is held under it."""
        parts = self._get("state").split("\0")[1:]
        return dict(part.split("\n", 1) for part in parts if part)

    def _get(self, path: str) -> str:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}/{path}", timeout=20) as answer:
            found: bytes = answer.read()
        return found.decode("utf-8")

    def _listens(self) -> bool:
        try:
            self._get("state")
        except OSError:
            return False
        return True


def certificates(folder: Path) -> None:
    """Self-signed ones of client, server and a stranger: NAME.pem and NAME.key; the client's key once more with a password."""
    import datetime as dt

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    now = dt.datetime.now(dt.UTC)
    for name in ("client", "server", "stranger"):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(key, hashes.SHA256())
        )
        (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        plain = serialization.NoEncryption()
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        (folder / f"{name}.key").write_bytes(pem)
        locked = serialization.BestAvailableEncryption(b"key s3cret")
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
        (folder / f"{name}.locked.key").write_bytes(pem)
