"""Encryption between nodes: TLS 1.3 with a certificate that each node makes for itself.

Nobody vouches for a certificate, and nothing in it is looked at. Who is at the other end is proved
by the handshake of the protocol, whose signatures cover the *binding*: a hash of the certificate of
whoever answered. Without the certificate's private key a middleman has to show another one, and
then both ends sign different bindings.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import ssl
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chaindeck.node.errors import CertificateInvalid
from chaindeck.protocol.types import Binding
from chaindeck.store.atomic import write_bytes

CERTIFICATE_NAME = "p2p-cert.pem"
KEY_NAME = "p2p-key.pem"
_TAG = hashlib.sha256(b"chaindeck/tls").digest() * 2
_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "chaindeck")])
_FROM = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_UNTIL = dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
"""Of no meaning, as RFC 5280 writes it: nobody looks at it, and node keys do not end either."""


class TlsIdentity(NamedTuple):
    """What a node shows and how it looks at others."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    certificate: bytes
    """As it goes over the wire."""


def load_tls_identity(folder: Path) -> TlsIdentity:
    """Return the certificate of a data directory, a new one if it has none.

    Raises `CertificateInvalid` where the files are there and are none.
    """
    certificate, key = folder / CERTIFICATE_NAME, folder / KEY_NAME
    if not certificate.exists():
        _make(certificate, key)
    server = _context(ssl.PROTOCOL_TLS_SERVER)
    # A link is made once: tickets would be sent to each peer and never used.
    server.num_tickets = 0
    try:
        server.load_cert_chain(certificate, key)
        encoded = ssl.PEM_cert_to_DER_cert(certificate.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise CertificateInvalid(path=str(certificate), reason=str(error)) from error
    return TlsIdentity(server, _context(ssl.PROTOCOL_TLS_CLIENT), encoded)


def binding_of(identity: TlsIdentity, transport: asyncio.BaseTransport) -> Binding:
    """Return the hash of the certificate that the answering end of a connection showed."""
    line: ssl.SSLObject = transport.get_extra_info("ssl_object")
    shown = identity.certificate if line.server_side else line.getpeercert(binary_form=True)
    assert shown is not None, "whoever answers shows a certificate in every TLS 1.3 handshake"
    return Binding(hashlib.sha256(_TAG + shown).digest())


def _context(protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _make(certificate: Path, key: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    made = (
        x509.CertificateBuilder()
        .subject_name(_NAME)
        .issuer_name(_NAME)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .sign(private, hashes.SHA256())
    )
    encoded = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    # The key first: one without a certificate is made anew at the next start.
    write_bytes(key, encoded, private=True)
    write_bytes(certificate, made.public_bytes(serialization.Encoding.PEM), private=True)
