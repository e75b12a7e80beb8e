"""What `frontend/` was built to: style sheet and modules, kept in memory and compressed once.

Their names tell what they hold, so a browser keeps them for a year; the one file that other sites
name in their pages is looked at again every hour. There are few and they are small: reading a
folder or asking Django for each of them would cost more than answering.
"""

from __future__ import annotations

import gzip
import json
import mimetypes
from functools import cache
from pathlib import Path

import msgspec

from chaindeck.control.errors import AssetsMissing

PREFIX = "/static/"
FOLDER = Path(__file__).parent / "static" / "built"
MANIFEST = "manifest.json"
_FOR_EVER = b"public, max-age=31536000, immutable"
_FOR_AN_HOUR = b"public, max-age=3600"


class Asset(msgspec.Struct, frozen=True):
    """One file as it is sent."""

    body: bytes
    packed: bytes
    headers: tuple[tuple[bytes, bytes], ...]


@cache
def manifest() -> dict[str, str]:
    """Return the built name of each source. Raises `AssetsMissing`."""
    try:
        names: dict[str, str] = json.loads((FOLDER / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise AssetsMissing from None
    return names


def url_of(source: str) -> str:
    return PREFIX + manifest()[source]


@cache
def assets() -> dict[str, Asset]:
    """Return every file by its address."""
    return {url_of(source): _load(source, name) for source, name in manifest().items()}


def _load(source: str, name: str) -> Asset:
    body = (FOLDER / name).read_bytes()
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    headers = (
        (b"content-type", f"{kind}; charset=utf-8".encode()),
        (b"cache-control", _FOR_AN_HOUR if name == source else _FOR_EVER),
        (b"vary", b"accept-encoding"),
        (b"x-content-type-options", b"nosniff"),
        # Modules that another site's page imports.
        (b"access-control-allow-origin", b"*"),
    )
    return Asset(body, gzip.compress(body, 9, mtime=0), headers)
