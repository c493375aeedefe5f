"""An invented authority, and certificates that it signs for an hour."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

_SIGNS = x509.KeyUsage(
    digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
    key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
)  # fmt: skip


class Authority:
    """Signs certificates into a folder: `<name>.pem` and `<name>.key`; its own is `<own name>.pem`.

    An `old` one says neither which key signed nor what its own is for, as nobody asked before.
    """

    def __init__(self, folder: Path, name: str = "authority", *, old: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._old = folder, old
        self._key = rsa.generate_private_key(65537, 2048)
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.pem = self._write(name, self._certificate(self._name, self._key.public_key(), ca=True))

    def sign(self, name: str, organisation: str = "Sample PD") -> tuple[Path, Path]:
        """Certificate and key of one party, good for 127.0.0.1."""
        key = rsa.generate_private_key(65537, 2048)
        subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation), x509.NameAttribute(NameOID.COMMON_NAME, name)])
        path = self._write(name, self._certificate(subject, key.public_key(), ca=False))
        private = path.with_suffix(".key")
        private.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        private.chmod(0o600)
        return path, private

    def _certificate(self, subject: x509.Name, public: rsa.RSAPublicKey, *, ca: bool) -> x509.Certificate:
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        )
        if not self._old:
            if ca:
                made = made.add_extension(_SIGNS, critical=True)
            made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        return made.sign(self._key, hashes.SHA256())

    def _write(self, name: str, certificate: x509.Certificate) -> Path:
        path = self._folder / f"{name}.pem"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path
