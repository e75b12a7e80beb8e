"""Compact blocks: a block named by its header and six bytes for each payment.

Knows how names are made; what to do where a pool lacks one is for `blocks`. The key of the names
hangs on the header and on a salt of the sender's, so that nobody can prepare two payments that
bear one name in everybody's blocks.
"""

from __future__ import annotations

import hashlib
from typing import Final

from chaindeck.kernel import short_ids
from chaindeck.ledger.types import Block, Header
from chaindeck.protocol.messages import CompactBlock

_TAG: Final = hashlib.sha256(b"chaindeck/compact").digest() * 2
_KEY_BYTES: Final = 16


def make_compact(block: Block, salt: bytes) -> CompactBlock:
    """Return a block as it travels, under 8 bytes of salt that nobody could foresee."""
    key = compact_key(block.header, salt)
    offsets = block.index.offsets
    return CompactBlock(
        block.header,
        block.seal,
        salt,
        block.raw[offsets[0] : offsets[1]],
        short_ids(key, b"".join(block.index.full_ids[1:])),
    )


def compact_key(header: Header, salt: bytes) -> bytes:
    """Return the key under which `kernel.short_ids` names the payments of a block."""
    return hashlib.sha256(_TAG + header.raw + salt).digest()[:_KEY_BYTES]
