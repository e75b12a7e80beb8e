"""Templates: which waiting transactions the next block takes, and the body made of them.

The pool's global order is the block's order. A chunk that does not fit is left out, and with it
whatever comes later of its cluster, which may depend on it. A template never breaks a rule of
blocks: bytes are counted with header, seal and the largest coinbase, signatures as a validator
will check them. It knows no time, target or key; `build_body` takes them from the miner.
"""

from __future__ import annotations

import msgspec

from chaindeck.kernel import merkle_root
from chaindeck.ledger.clusters import AnyChunk
from chaindeck.ledger.codec import build_header, build_transaction
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.limits import (
    HEADER_BYTES,
    MAX_AMOUNT,
    MAX_COINBASE_BYTES,
    SIGNATURE_BYTES,
    TEMPLATE_CLOSE_BYTES,
    TEMPLATE_MAX_MISSES,
)
from chaindeck.ledger.money import subsidy_at
from chaindeck.ledger.pool_contents import PoolContents
from chaindeck.ledger.pool_types import Pooled
from chaindeck.ledger.types import (
    ZERO_HASH,
    Amount,
    BlockHash,
    Data,
    Header,
    Height,
    KeyHash,
    Output,
    Payment,
    Transaction,
    TxId,
    TxInput,
)

RESERVED_BYTES = HEADER_BYTES + 1 + SIGNATURE_BYTES + MAX_COINBASE_BYTES
"""What a block holds besides waiting transactions, at most."""


class Template(msgspec.Struct, frozen=True, gc=False):
    """What a block at `height` would take, the coinbase aside."""

    height: Height
    subsidy: Amount
    members: list[Pooled]
    """Parents before children."""

    fees: Amount
    size: int
    """Bytes of the whole block at most: header, seal and the largest coinbase included."""

    signature_count: int


class Body(msgspec.Struct, frozen=True, gc=False):
    """A block without work and seal: search a nonce for the header, then seal its hash."""

    header: Header
    coinbase: Transaction
    raw: bytes
    """All transactions as they follow the seal."""


def build_template(
    pool: PoolContents,
    network: Network,
    height: Height,
    *,
    max_bytes: int | None = None,
    max_signatures: int | None = None,
) -> Template:
    """Choose for the block at `height`, for which the pool is up to date. Limits may be lowered."""
    genesis = network.genesis
    filling = _Filling(
        min(genesis.max_block_bytes, max_bytes or genesis.max_block_bytes),
        genesis.max_block_signatures if max_signatures is None else max_signatures,
    )
    filling.fill(pool)
    subsidy = subsidy_at(genesis, height)
    return Template(
        height,
        subsidy,
        filling.members,
        Amount(filling.fees),
        filling.size,
        filling.signature_count,
    )


def build_coinbase(
    template: Template, key_hash: KeyHash, time_ms: int, data: bytes = b""
) -> Transaction:
    """Pay subsidy and fees to the miner; `data` of up to 236 bytes may tell extra nonces apart.

    Where there is nothing to pay, a data output names the miner instead (see `seals`).
    """
    amount = min(template.subsidy + template.fees, MAX_AMOUNT)
    outputs: list[Output] = [Payment(key_hash, Amount(amount))] if amount else []
    if data or not amount:
        outputs.append(Data(data if amount else key_hash + data))
    return build_transaction([TxInput(TxId(ZERO_HASH), template.height)], outputs, time_ms // 1000)


def build_body(
    template: Template,
    key_hash: KeyHash,
    *,
    previous: BlockHash,
    time_ms: int,
    target_bits: int,
    data: bytes = b"",
) -> Body:
    """Assemble what the template chose. The target is that of `difficulty.required_bits`."""
    coinbase = build_coinbase(template, key_hash, time_ms, data)
    leaves = [coinbase.raw, *[member.raw for member in template.members]]
    header = build_header(
        height=template.height,
        previous=previous,
        merkle_root=merkle_root(leaves),
        time_ms=time_ms,
        target_bits=target_bits,
        tx_count=len(leaves),
    )
    return Body(header, coinbase, b"".join(leaves))


class _Filling:
    """A block while it is filled."""

    def __init__(self, max_bytes: int, max_signatures: int) -> None:
        self._max_bytes = max_bytes
        self._max_signatures = max_signatures
        self.members: list[Pooled] = []
        self.size = RESERVED_BYTES
        self.signature_count = 0
        self.fees = 0

    def fill(self, pool: PoolContents) -> None:
        """Take chunks in order until the block is as good as full."""
        skipped: set[int] = set()
        misses = 0
        for chunk in pool.chunks():
            cluster = pool.cluster(chunk.members[0].id)
            if id(cluster) not in skipped and self._fits(chunk):
                self._take(chunk)
                misses = 0
                if self._max_bytes - self.size < TEMPLATE_CLOSE_BYTES:
                    return
                continue
            if cluster is not None:
                skipped.add(id(cluster))
            misses += 1
            if misses == TEMPLATE_MAX_MISSES:
                return

    def _fits(self, chunk: AnyChunk) -> bool:
        """Whether a chunk keeps the limits; fees too must stay an amount."""
        return (
            self.size + chunk.size <= self._max_bytes
            and self.signature_count + chunk.signature_count <= self._max_signatures
            and self.fees + chunk.fee <= MAX_AMOUNT
        )

    def _take(self, chunk: AnyChunk) -> None:
        self.members += chunk.members
        self.size += chunk.size
        self.signature_count += chunk.signature_count
        self.fees += chunk.fee
