"""The e-mail server's certificate and the authority that signed it, made in its directory on first start."""

import ipaddress
import os
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAMES = ("localhost", "mailbox", "127.0.0.1", "::1")
YEARS = timedelta(days=3650)


def authority(directory: Path) -> Path:
    """Where the certificate to trust is."""
    return directory / "ca.pem"


def context(directory: Path) -> ssl.SSLContext:
    """For TLS with clients that trust `authority(directory)`; what is missing is made."""
    ours = directory / "server.pem"
    if not (ours.exists() and authority(directory).exists()):
        _make(directory, ours)
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    found.load_cert_chain(ours)
    return found


def _make(directory: Path, ours: Path) -> None:
    """The authority's own key is forgotten: it signs this one certificate and never another."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _name("Haoyuan mailbox authority")
    ca = _certificate(root, root, root_key, root_key, [x509.BasicConstraints(ca=True, path_length=0), _usage(ca=True)])
    names = x509.SubjectAlternativeName([_general(name) for name in NAMES])
    server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    plain = [x509.BasicConstraints(ca=False, path_length=None), _usage(ca=False), names, server]
    certificate = _certificate(_name("localhost"), root, key, root_key, plain)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write(ours, secret + certificate.public_bytes(Encoding.PEM), 0o600)
    _write(authority(directory), ca.public_bytes(Encoding.PEM), 0o644)


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    extensions: Sequence[x509.ExtensionType],
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + YEARS)
    named = [
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
        x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
    ]
    for extension in [*extensions, *named]:
        critical = isinstance(extension, x509.BasicConstraints | x509.KeyUsage)
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(signer, hashes.SHA256())


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, content: bytes, mode: int) -> None:
    """As a whole or not at all."""
    whole = path.with_suffix(".new")
    with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
    whole.replace(path)
