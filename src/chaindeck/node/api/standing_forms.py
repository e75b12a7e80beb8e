"""The shapes of what a node says about itself: status, live figures, health."""

from __future__ import annotations

from typing import Literal

import msgspec

from chaindeck.node.api.forms import Count, Hash, Height, PoolTotals, TimeMs, Work
from chaindeck.node.api.peer_forms import PeersSummary, SyncState


class NetworkView(msgspec.Struct, frozen=True):
    """The network that this node is on, with what payments depend on."""

    name: str
    id: Hash
    address_prefix: str
    maturity: Count
    max_block_bytes: Count
    block_interval_ms: Count


class SyncView(msgspec.Struct, frozen=True):
    """Whether this node has all that it knows to exist."""

    state: SyncState
    best_header_height: Height


class StatusAnswer(msgspec.Struct, frozen=True):
    """Where the node stands."""

    node_id: str
    version: str
    network: NetworkView
    profile: Literal["dev", "local", "consortium"]
    height: Height
    tip: Hash
    tip_time_ms: TimeMs
    work: Work
    mempool: PoolTotals
    sync: SyncView
    peers: PeersSummary | None
    """Null for a node that takes part in no network."""

    time_ms: TimeMs
    started_ms: TimeMs
    uptime_s: float
    clock_offset_ms: int | None
    """Of this clock against those of others; null while nobody was asked."""

    warnings: list[str]


class Intervals(msgspec.Struct, frozen=True):
    """Times between blocks of the window, in milliseconds."""

    target_ms: Count
    mean_ms: float
    shortest_ms: Count
    longest_ms: Count
    latest_ms: Count


class Propagation(msgspec.Struct, frozen=True):
    """How long after its own time each block of the window became the tip here."""

    blocks: Count
    median_ms: float
    p95_ms: float


class StatsAnswer(msgspec.Struct, frozen=True):
    """Live figures. Rates are null until there are two blocks."""

    time_ms: TimeMs
    height: Height
    window_blocks: Count
    blocks_per_minute: float | None
    transactions_per_s: float | None
    network_hashes_per_s: float | None
    """Estimated from the work of the window."""

    own_hashes_per_s: float | None
    intervals: Intervals | None
    propagation: Propagation | None
    """Null until two blocks have come; blocks of a node that catches up do not count."""

    mempool: PoolTotals
    feed_readers: Count
    feed_sequence: Count
    memory_bytes: Count
    cpu_s: float
    uptime_s: float


class HealthAnswer(msgspec.Struct, frozen=True):
    """That this process lives, and which one it is."""

    ok: bool
    instance_id: str
    pid: int
    height: Height
