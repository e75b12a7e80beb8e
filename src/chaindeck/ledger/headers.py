"""The rules of a header in its place: parent, height, time, target, work and seal.

Only the local clock decides whether a block is ahead of its time; a held block is tried again and
its sender not blamed.
"""

from __future__ import annotations

from chaindeck.ledger.codec import HEADER_VERSION
from chaindeck.ledger.difficulty import required_bits
from chaindeck.ledger.errors import (
    EmptyBlock,
    HeaderHeight,
    HeaderVersion,
    Held,
    NotEnoughWork,
    TimeNotAfter,
    UnknownParent,
    WrongTarget,
)
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.limits import MAX_TIME_AHEAD_MS
from chaindeck.ledger.ports import Ancestry, Entry
from chaindeck.ledger.seals import check_seal
from chaindeck.ledger.targets import is_under_target, target_of, work_of
from chaindeck.ledger.types import Header


def genesis_entry(network: Network) -> Entry:
    """Return the entry everything stands on. It is exempt from work and counts none."""
    return Entry(network.block.header, 0, network.genesis.easiest_bits, None)


def check_header(
    network: Network, ancestry: Ancestry, parent: Entry, header: Header, seal: bytes
) -> Entry:
    """Return the entry of a valid child of `parent`, or raise the first rule it breaks.

    The cheapest rules come first, and the signature last, so that nobody makes a node recover
    signatures without having done the work.
    """
    before = parent.header
    if header.version != HEADER_VERSION:
        raise HeaderVersion(field="version", version=header.version)
    if header.previous != before.hash:
        raise UnknownParent(field="previous", previous=header.previous.hex())
    if header.height != before.height + 1:
        raise HeaderHeight(field="height", actual=header.height, expected=before.height + 1)
    if not header.tx_count:
        raise EmptyBlock(field="tx_count")
    if header.time_ms <= before.time_ms:
        raise TimeNotAfter(field="time_ms", time_ms=header.time_ms, previous_time_ms=before.time_ms)
    required = required_bits(network, ancestry, parent, header.time_ms)
    if header.target_bits != required.target_bits:
        raise WrongTarget(
            field="target_bits", actual=header.target_bits, expected=required.target_bits
        )
    target = target_of(header.target_bits)
    assert target is not None, "the rule gives canonical bits"
    if not is_under_target(header.hash, target):
        raise NotEnoughWork(field="nonce", hash=header.hash.hex())
    sealer = check_seal(network, ancestry, parent, header, seal)
    return Entry(header, parent.work + work_of(target), required.base_bits, sealer)


def check_not_held(header: Header, now_ms: int) -> None:
    """Raise `Held` while a header is too far ahead of the local clock."""
    ahead_ms = header.time_ms - now_ms
    if ahead_ms > MAX_TIME_AHEAD_MS:
        raise Held(field="time_ms", ahead_ms=ahead_ms)
