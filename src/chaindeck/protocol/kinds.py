"""The first byte of a payload, for the frame types that carry several messages."""

from __future__ import annotations

import enum


class DiscoveryKind(enum.IntEnum):
    """Of PEER_DISCOVERY."""

    ASK_PEERS = 0
    GIVE_PEERS = 1
    NEIGHBOURS = 2


class PaymentKind(enum.IntEnum):
    """Of TX_BROADCAST."""

    ANNOUNCE = 0
    ASK = 1
    PAYMENTS = 2
    UNKNOWN = 3


class SyncKind(enum.IntEnum):
    """Of CHAIN_SYNC. Each has a size limit of its own: see `frames.sync_limits`."""

    ASK_HEADERS = 0
    HEADERS = 1
    ASK_BLOCKS = 2
    BLOCK_BODY = 3
    BLOCKS_UNKNOWN = 4
    ASK_MISSING = 5
    MISSING = 6
    POOL_DIGEST = 7
    ASK_POOL = 8
    CHECKPOINT = 9
    ASK_COMPACT = 10
