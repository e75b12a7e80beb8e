"""The shapes of requests and answers. The OpenAPI document is made of these same structures.

Bytes are lower-case hexadecimal, amounts integers of base units, times Unix milliseconds; the work
of a chain is a decimal string, because it outgrows what readers of JSON take for a number.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chaindeck.ledger.pool_types import FeeBucket, ProjectedBlock
from chaindeck.node.api.failures import ErrorDetail
from chaindeck.node.limits import (
    DEFAULT_PAGE,
    MAX_HEADERS_PAGE,
    MAX_LIST_PAGE,
    MAX_MINED_AT_ONCE,
)

LATEST_TIME_MS = 253_402_300_799_999
"""The end of the year 9999."""

Hex = Annotated[str, Meta(pattern="^([0-9a-f]{2})*$")]
Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Height = Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
Count = Annotated[int, Meta(ge=0)]
Amount = Annotated[int, Meta(ge=0, le=9_000_000_000_000_000)]
Work = Annotated[str, Meta(pattern="^[0-9]+$")]
TimeMs = Annotated[int, Meta(ge=0)]
PageLimit = Annotated[int, Meta(ge=1, le=MAX_LIST_PAGE)]


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Parameters or a body that somebody sends."""


class NoQuery(Question, frozen=True):
    """No parameters."""


class PoolTotals(msgspec.Struct, frozen=True):
    """How much waits."""

    count: Count
    bytes: Count
    floor_per_kb: Count


# The chain


class ChainQuery(Question, frozen=True, rename={"start": "from"}):
    """Where a page of the chain starts and how long it is."""

    start: Height = 0
    limit: Annotated[int, Meta(ge=1, le=MAX_HEADERS_PAGE)] | None = None


class HeaderView(msgspec.Struct, frozen=True):
    """A block of the active chain without its transactions."""

    hash: Hash
    height: Height
    version: int
    previous: Hash
    merkle_root: Hash
    time_ms: TimeMs
    target_bits: Count
    tx_count: Count
    nonce: Count
    work: Work
    sealer: str | None


class ChainAnswer(msgspec.Struct, frozen=True):
    """A page of the active chain, the oldest first."""

    height: Height
    tip: Hash
    blocks: list[HeaderView]
    next: Height | None
    """What to ask `from` next; null after the tip."""


class InputView(msgspec.Struct, frozen=True):
    """The output that is spent."""

    tx_id: Hash
    output_index: Count
    signature: Hex | None


class OutputView(msgspec.Struct, frozen=True):
    """Either an address and an amount, or data."""

    address: str | None = None
    amount: Count | None = None
    data: Hex | None = None


class TransactionView(msgspec.Struct, frozen=True):
    """A transaction in its JSON form, with its size and full id."""

    id: Hash
    inputs: list[InputView]
    outputs: list[OutputView]
    timestamp: Count
    signature: Hex | None
    full_id: Hash
    size: Count


class BlockAnswer(msgspec.Struct, frozen=True):
    """A block with all its transactions."""

    is_active: bool
    confirmations: Count
    """1 for the tip, 0 on a side branch."""

    next: Hash | None
    """The next block of the active chain."""

    hash: Hash
    height: Height
    version: int
    previous: Hash
    merkle_root: Hash
    time_ms: TimeMs
    target_bits: Count
    tx_count: Count
    nonce: Count
    network_id: Hash
    size: Count
    work: Work
    miner: str | None
    seal: Hex | None
    sealer: str | None
    transactions: list[TransactionView]


class BlockQuery(Question, frozen=True):
    """`raw=1` asks for the bytes."""

    raw: bool = False


# Payments


class InputForm(Question, frozen=True):
    """The output that is spent, with a signature of its own unless the whole has one."""

    tx_id: Hash
    output_index: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
    signature: str | None = None


class OutputForm(Question, frozen=True):
    """Either an address and an amount, or data of at most 256 bytes."""

    address: str | None = None
    amount: Annotated[int, Meta(ge=0)] | None = None
    data: Annotated[str, Meta(pattern="^([0-9a-f]{2})*$", max_length=512)] | None = None


class TransactionForm(Question, frozen=True):
    """A signed transaction. An `id` may be given and must then be right."""

    inputs: list[InputForm]
    outputs: list[OutputForm]
    timestamp: Annotated[int, Meta(ge=0)]
    id: Hash | None = None
    signature: str | None = None


class SubmitQuery(Question, frozen=True):
    """`dry_run=1` asks what would happen."""

    dry_run: bool = False


class SubmitAnswer(msgspec.Struct, frozen=True):
    """What became of one transaction."""

    id: Hash | None
    """Null where the item was no transaction at all."""

    status: Literal["accepted", "rejected"]
    fee: Amount | None = None
    replaced: list[Hash] = []
    """Waiting transactions that it pushed out."""

    error: ErrorDetail | None = None


class PoolQuery(Question, frozen=True):
    """A page of what waits."""

    sort: Literal["fee", "age", "size"] = "fee"
    limit: PageLimit = DEFAULT_PAGE
    cursor: Annotated[str, Meta(pattern="^-?[0-9]{1,64}$")] | None = None


class PooledView(msgspec.Struct, frozen=True):
    """One waiting transaction."""

    id: Hash
    fee: Amount
    fee_per_kb: Count
    size: Count
    arrived_ms: TimeMs
    paid: Count
    """The sum of its payments, change included."""


class PoolAnswer(msgspec.Struct, frozen=True):
    """A page of what waits."""

    mempool: PoolTotals
    transactions: list[PooledView]
    cursor: str | None


class TransactionQuery(Question, frozen=True):
    """`proof=1` asks for the way from a confirmed transaction to its block's header."""

    proof: bool = False


class PositionView(msgspec.Struct, frozen=True):
    """How far a waiting transaction is from its block."""

    bytes_ahead: Count
    blocks: Count


class ProofView(msgspec.Struct, frozen=True):
    """The way from the transaction's bytes to the Merkle root of a header (RFC 9162)."""

    index: Count
    size: Count
    branch: list[Hash]
    header: Hex
    transaction: Hex
    """The leaf: the whole transaction with its signatures."""


class TransactionAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a transaction. The fields that follow `status` depend on it."""

    id: Hash
    status: Literal["unknown", "pooled", "confirmed", "dropped"]
    transaction: TransactionView | None = None
    fee: Amount | None = None
    arrived_ms: TimeMs | None = None
    position: PositionView | None = None
    height: Height | None = None
    block: Hash | None = None
    index: Count | None = None
    """Its place in the block."""

    confirmations: Count | None = None
    time_ms: TimeMs | None = None
    proof: ProofView | None = None
    reason: str | None = None
    detail: str | None = None


class MempoolAnswer(msgspec.Struct, frozen=True):
    """What waits, on the whole. At most a second old."""

    count: Count
    bytes: Count
    floor_per_kb: Count
    max_count: Count
    max_bytes: Count
    max_block_bytes: Count
    time_ms: TimeMs
    fee_histogram: list[FeeBucket]
    projected_blocks: list[ProjectedBlock]


# Addresses


class AddressQuery(Question, frozen=True):
    """Pages of coins and history, each with a cursor of its own."""

    limit: PageLimit = DEFAULT_PAGE
    coins_cursor: Annotated[str, Meta(pattern="^[0-9a-f]{72}$")] | None = None
    history_cursor: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")] | None = None


class BalanceView(msgspec.Struct, frozen=True):
    """What an address holds."""

    confirmed: Amount
    pending_in: Amount
    """Paid by waiting transactions."""

    pending_out: Amount
    """Of both, what waiting transactions spend."""

    coins: Count


class CoinView(msgspec.Struct, frozen=True):
    """An unspent output of the active chain."""

    tx_id: Hash
    output_index: Count
    amount: Amount
    height: Height
    is_reward: bool
    is_mature: bool
    spent_by: Hash | None
    """The waiting transaction that spends it."""


class PendingCoinView(msgspec.Struct, frozen=True):
    """An output of a waiting transaction."""

    tx_id: Hash
    output_index: Count
    amount: Amount
    spent_by: Hash | None


class HistoryView(msgspec.Struct, frozen=True):
    """What a confirmed transaction did to an address."""

    tx_id: Hash
    height: Height
    index: Count
    received: Amount
    spent: Amount


class AddressAnswer(msgspec.Struct, frozen=True):
    """What is known of an address."""

    address: str
    height: Height
    balance: BalanceView
    coins: list[CoinView]
    coins_cursor: str | None
    pending: list[PendingCoinView]
    """As many as `limit`."""

    history: list[HistoryView]
    """The newest first."""

    history_cursor: str | None


# Mining


class MineForm(Question, frozen=True):
    """How many blocks, and whom they pay; a node that seals blocks always pays its own key."""

    blocks: Annotated[int, Meta(ge=1, le=MAX_MINED_AT_ONCE)] = 1
    address: str | None = None


class MineAnswer(msgspec.Struct, frozen=True):
    """The blocks that were made, the oldest first."""

    hashes: list[Hash]
    height: Height


class TemplateQuery(Question, frozen=True):
    """Whom the block pays; `longpoll` is a tip to wait for the end of, for up to 60 s."""

    address: str
    longpoll: Hash | None = None


class TemplateAnswer(msgspec.Struct, frozen=True):
    """A block that lacks its nonce, and its seal where the network wants one.

    Put a nonce into the last eight bytes of `header` (little-endian) until its hash256, as a
    big-endian number, is not above `target`. The block is header, seal, coinbase, transactions.
    """

    id: str
    height: Height
    previous: Hash
    header: Hex
    target: Hash
    target_bits: Count
    time_ms: TimeMs
    coinbase: Hex
    transactions: list[Hex]
    fees: Amount
    subsidy: Amount
    needs_seal: bool


class BlockForm(Question, frozen=True):
    """A block as its bytes."""

    raw: Hex


class BlockTaken(msgspec.Struct, frozen=True):
    """What became of a block."""

    hash: Hash
    height: Height
    status: Literal["accepted", "known"]
    is_active: bool


# Commands


class HashForm(Question, frozen=True):
    """A block."""

    hash: Hash


class CheckpointForm(Question, frozen=True):
    """What some keys said about a height, in the order of their key hashes."""

    height: Height
    hash: Hash
    signatures: list[Hex]


class TipAnswer(msgspec.Struct, frozen=True):
    """Where the chain stands after a command."""

    height: Height
    tip: Hash
    work: Work


class CheckpointAnswer(msgspec.Struct, frozen=True):
    """Whether a checkpoint was new, and where the chain stands now."""

    is_new: bool
    height: Height
    tip: Hash


class BranchView(msgspec.Struct, frozen=True):
    """The end of a branch."""

    hash: Hash
    height: Height
    time_ms: TimeMs
    work: Work
    status: str
    """active, ready, headers-only, parked, shut-out or invalid."""

    branch_length: Count


class TipsAnswer(msgspec.Struct, frozen=True):
    """Every branch end, the most work first."""

    tips: list[BranchView]


# Development


class SnapshotAnswer(msgspec.Struct, frozen=True):
    """The name to revert to."""

    id: str


class RevertForm(Question, frozen=True):
    """The name that a snapshot was given."""

    id: Annotated[str, Meta(max_length=64)]


class ClockForm(Question, frozen=True):
    """First set, then moved, then stopped or started; each is left as it is where not given."""

    time_ms: Annotated[int, Meta(ge=0, le=LATEST_TIME_MS)] | None = None
    advance_ms: Annotated[int, Meta(ge=-LATEST_TIME_MS, le=LATEST_TIME_MS)] | None = None
    is_frozen: bool | None = None


class ClockAnswer(msgspec.Struct, frozen=True):
    """What time the node has now."""

    time_ms: TimeMs
    is_frozen: bool


class FaucetForm(Question, frozen=True):
    """Whom to pay, and how much."""

    address: str
    amount: Annotated[int, Meta(ge=1, le=9_000_000_000_000_000)]


class FaucetAnswer(msgspec.Struct, frozen=True):
    """The payment, which waits for a block."""

    id: Hash
