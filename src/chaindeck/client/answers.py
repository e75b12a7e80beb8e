"""What a node answers, as values. Names that a later version adds are passed over.

Bytes are lower-case hexadecimal, amounts integers of base units, times Unix milliseconds; `work` is
a decimal string.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from chaindeck.ledger.pool_types import FeeBucket, ProjectedBlock


class Answer(msgspec.Struct, frozen=True):
    """Anything that a node says."""


class Detail(Answer, frozen=True):
    """What was wrong, in the node's words."""

    code: str
    message: str
    field: str | None = None


class Failure(Answer, frozen=True):
    """The body of every answer with a status of 400 or above."""

    error: Detail


class Network(Answer, frozen=True):
    """The network of a node, with what payments depend on."""

    name: str
    id: str
    address_prefix: str
    maturity: int
    max_block_bytes: int
    block_interval_ms: int


class PoolTotals(Answer, frozen=True):
    """How much waits."""

    count: int
    bytes: int
    floor_per_kb: int


class Sync(Answer, frozen=True):
    """Whether the node has all that it knows to exist."""

    state: str
    best_header_height: int


class PeersSummary(Answer, frozen=True):
    """With how many nodes one is linked, and how they were found."""

    linked: int
    inbound: int
    outbound: int
    known: int
    sources: dict[str, int]
    topology: str


class Status(Answer, frozen=True):
    """Where the node stands."""

    node_id: str
    version: str
    network: Network
    profile: str
    height: int
    tip: str
    tip_time_ms: int
    work: str
    mempool: PoolTotals
    sync: Sync
    time_ms: int
    started_ms: int
    uptime_s: float
    peers: PeersSummary | None = None
    """None for a node that takes part in no network."""

    clock_offset_ms: int | None = None
    warnings: list[str] = []


class Intervals(Answer, frozen=True):
    """Times between blocks, in milliseconds."""

    target_ms: int
    mean_ms: float
    shortest_ms: int
    longest_ms: int
    latest_ms: int


class Propagation(Answer, frozen=True):
    """How long after its own time each block became the tip of a node."""

    blocks: int
    median_ms: float
    p95_ms: float


class Stats(Answer, frozen=True):
    """Live figures; rates are None until there are two blocks."""

    time_ms: int
    height: int
    window_blocks: int
    mempool: PoolTotals
    blocks_per_minute: float | None = None
    transactions_per_s: float | None = None
    network_hashes_per_s: float | None = None
    own_hashes_per_s: float | None = None
    intervals: Intervals | None = None
    propagation: Propagation | None = None
    feed_readers: int = 0
    feed_sequence: int = 0
    memory_bytes: int = 0
    cpu_s: float = 0.0
    uptime_s: float = 0.0


class Health(Answer, frozen=True):
    """That a process lives, and which one."""

    ok: bool
    instance_id: str
    pid: int
    height: int


class HeaderRow(Answer, frozen=True):
    """A block of the active chain without its transactions."""

    hash: str
    height: int
    version: int
    previous: str
    merkle_root: str
    time_ms: int
    target_bits: int
    tx_count: int
    nonce: int
    work: str
    sealer: str | None = None


class ChainPage(Answer, frozen=True):
    """A page of the active chain, the oldest first; `next` is what to ask from then."""

    height: int
    tip: str
    blocks: list[HeaderRow]
    next: int | None = None


class SpentOutput(Answer, frozen=True):
    """An input: the output that it spends."""

    tx_id: str
    output_index: int
    signature: str | None = None


class OutputRow(Answer, frozen=True):
    """Either an address and an amount, or data."""

    address: str | None = None
    amount: int | None = None
    data: str | None = None


class TransactionRow(Answer, frozen=True):
    """A transaction in its JSON form."""

    id: str
    inputs: list[SpentOutput]
    outputs: list[OutputRow]
    timestamp: int
    full_id: str
    size: int
    signature: str | None = None


class Block(Answer, frozen=True):
    """A block with all its transactions; `confirmations` is 0 on a side branch."""

    is_active: bool
    confirmations: int
    hash: str
    height: int
    version: int
    previous: str
    merkle_root: str
    time_ms: int
    target_bits: int
    tx_count: int
    nonce: int
    network_id: str
    size: int
    work: str
    transactions: list[TransactionRow]
    next: str | None = None
    miner: str | None = None
    seal: str | None = None
    sealer: str | None = None


class Verdict(Answer, frozen=True):
    """What became of one transaction that was offered."""

    id: str | None
    status: Literal["accepted", "rejected"]
    fee: int | None = None
    replaced: list[str] = []
    error: Detail | None = None


class PooledRow(Answer, frozen=True):
    """One waiting transaction."""

    id: str
    fee: int
    fee_per_kb: int
    size: int
    arrived_ms: int
    paid: int


class PoolPage(Answer, frozen=True):
    """A page of what waits."""

    mempool: PoolTotals
    transactions: list[PooledRow]
    cursor: str | None = None


class Position(Answer, frozen=True):
    """How far a waiting transaction is from its block."""

    bytes_ahead: int
    blocks: int


class Proof(Answer, frozen=True):
    """The way from a transaction's bytes to the Merkle root of a header."""

    index: int
    size: int
    branch: list[str]
    header: str
    transaction: str


class TransactionState(Answer, frozen=True):
    """What is known of a transaction; what follows `status` depends on it."""

    id: str
    status: Literal["unknown", "pooled", "confirmed", "dropped"]
    transaction: TransactionRow | None = None
    fee: int | None = None
    arrived_ms: int | None = None
    position: Position | None = None
    height: int | None = None
    block: str | None = None
    index: int | None = None
    confirmations: int | None = None
    time_ms: int | None = None
    proof: Proof | None = None
    reason: str | None = None
    detail: str | None = None


class Mempool(Answer, frozen=True):
    """What waits, on the whole."""

    count: int
    bytes: int
    floor_per_kb: int
    max_count: int
    max_bytes: int
    time_ms: int
    fee_histogram: list[FeeBucket]
    projected_blocks: list[ProjectedBlock]
    max_block_bytes: int = 0
    """Of the network's rules; 0 where a node does not say."""


class Balance(Answer, frozen=True):
    """What an address holds."""

    confirmed: int
    pending_in: int
    pending_out: int
    coins: int


class CoinRow(Answer, frozen=True):
    """An unspent output; `spent_by` is the waiting transaction that spends it."""

    tx_id: str
    output_index: int
    amount: int
    height: int
    is_reward: bool
    is_mature: bool
    spent_by: str | None = None


class PendingCoin(Answer, frozen=True):
    """An output of a waiting transaction."""

    tx_id: str
    output_index: int
    amount: int
    spent_by: str | None = None


class HistoryRow(Answer, frozen=True):
    """What a confirmed transaction did to an address."""

    tx_id: str
    height: int
    index: int
    received: int
    spent: int


class AddressPage(Answer, frozen=True):
    """What is known of an address, a page of coins and one of history."""

    address: str
    height: int
    balance: Balance
    coins: list[CoinRow]
    pending: list[PendingCoin]
    history: list[HistoryRow]
    coins_cursor: str | None = None
    history_cursor: str | None = None


class Mined(Answer, frozen=True):
    """The blocks that were made, the oldest first."""

    hashes: list[str]
    height: int


class Template(Answer, frozen=True):
    """A block that lacks its nonce, and its seal where the network wants one."""

    id: str
    height: int
    previous: str
    header: str
    target: str
    target_bits: int
    time_ms: int
    coinbase: str
    transactions: list[str]
    fees: int
    subsidy: int
    needs_seal: bool


class BlockTaken(Answer, frozen=True):
    """What became of a block that was handed in."""

    hash: str
    height: int
    status: str
    is_active: bool


class Tip(Answer, frozen=True):
    """Where the chain stands after a command."""

    height: int
    tip: str
    work: str


class CheckpointTaken(Answer, frozen=True):
    """Whether a checkpoint was new, and where the chain stands now."""

    is_new: bool
    height: int
    tip: str


class Branch(Answer, frozen=True):
    """The end of a branch."""

    hash: str
    height: int
    time_ms: int
    work: str
    status: str
    branch_length: int


class Tips(Answer, frozen=True):
    """The ends of all branches, the most work first."""

    tips: list[Branch]


class Peer(Answer, frozen=True):
    """One node that another is linked with."""

    key: str
    address: str
    direction: str
    source: str
    agent: str
    height: int
    work: str
    connected_s: float
    bytes_in: int
    bytes_out: int
    round_trip_ms: int | None = None
    clock_offset_ms: int = 0
    waiting_bytes: int = 0
    score: int = 0
    blocks_first: int = 0
    payments_first: int = 0


class Peers(Answer, frozen=True):
    """All links of a node, and what it bars until when."""

    node_key: str
    listens_at: str
    summary: PeersSummary
    peers: list[Peer]
    barred: dict[str, int]


class PeerTaken(Answer, frozen=True):
    """What an order about a peer came to: added, dropped or barred."""

    address: str
    done: str


class Capture(Answer, frozen=True):
    """A recording of a node's network side, in a file on the node's machine."""

    path: str
    bytes: int
    steps: int
    is_running: bool


class SnapshotName(Answer, frozen=True):
    """What to revert to."""

    id: str


class ClockState(Answer, frozen=True):
    """What time a development node has."""

    time_ms: int
    is_frozen: bool


class FaucetPaid(Answer, frozen=True):
    """The payment, which waits for a block."""

    id: str
