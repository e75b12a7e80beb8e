"""Certificates for a coordinator on another machine: one authority, one for each end.

They are made once, in the coordinator's home; the client's two files and the authority's
certificate are then copied to where the control room runs. The authority's key signs both and is
not kept: who wants others removes the folder.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from chaindeck.rpc.errors import AddressInvalid
from chaindeck.rpc.limits import CERTIFICATE_DAYS
from chaindeck.store.atomic import write_bytes

AUTHORITY = "authority.pem"
_SERVER, _CLIENT = "server", "client"
_FIRST_DAY = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_PrivateKey = ec.EllipticCurvePrivateKey


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """PEM bytes of both ends, as far as they are here."""

    authority: bytes
    server: tuple[bytes, bytes] | None
    """Key and certificate; None where only a client's were copied."""

    client: tuple[bytes, bytes] | None

    def __repr__(self) -> str:
        return "Credentials()"


def load_credentials(folder: Path, host: str) -> Credentials:
    """Return what a folder holds, made now for this host if it holds nothing."""
    if not (folder / AUTHORITY).exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(folder, host)
    found = Credentials(
        authority=(folder / AUTHORITY).read_bytes(),
        server=_read_pair(folder, _SERVER),
        client=_read_pair(folder, _CLIENT),
    )
    if found.server is not None:
        _check_host(found.server[1], host)
    return found


def _read_pair(folder: Path, name: str) -> tuple[bytes, bytes] | None:
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    if not (key.exists() and certificate.exists()):
        return None
    return key.read_bytes(), certificate.read_bytes()


def _check_host(certificate: bytes, host: str) -> None:
    names = x509.load_pem_x509_certificate(certificate).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    if _alternative(host) not in list(names.value):
        raise AddressInvalid(
            address=host,
            reason="the certificate in grpc-tls is for another; remove the folder to make new ones",
            example="the host that CHAINDECK_GRPC named before",
        )


def _make(folder: Path, host: str) -> None:
    authority = ec.generate_private_key(ec.SECP256R1())
    issuer = _name("chaindeck authority")
    root = _builder(issuer, issuer, authority).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    for name, use in (
        (_SERVER, ExtendedKeyUsageOID.SERVER_AUTH),
        (_CLIENT, ExtendedKeyUsageOID.CLIENT_AUTH),
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(_name(f"chaindeck {name}"), issuer, key)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_alternative(host)]), critical=False)
        )
        write_bytes(folder / f"{name}.key", _encode_key(key), private=True)
        _write(folder / f"{name}.pem", certificate, authority)
    # The authority last: without it a folder counts as empty, and all is made anew.
    _write(folder / AUTHORITY, root, authority)


def _builder(subject: x509.Name, issuer: x509.Name, key: _PrivateKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FIRST_DAY)
        .not_valid_after(dt.datetime.now(dt.UTC) + dt.timedelta(days=CERTIFICATE_DAYS))
    )


def _write(path: Path, builder: x509.CertificateBuilder, authority: _PrivateKey) -> None:
    made = builder.sign(authority, hashes.SHA256())
    write_bytes(path, made.public_bytes(serialization.Encoding.PEM), private=True)


def _encode_key(key: _PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
