"""The cap of every queue and cache of a machine: a table of where it is and how long it may be.

It reaches into the parts by name, as nothing else should; a test walks over a whole machine and
fails for any container that this table does not know.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Final

from chaindeck.ledger.limits import POOL_MAX_TRANSACTIONS
from chaindeck.protocol import limits
from chaindeck.protocol.links import Link
from chaindeck.protocol.machine import Machine
from chaindeck.simulate.limits import MAX_TICKETS, MAX_TIMERS

MACHINE_CAPS: Final[dict[str, int]] = {
    "core._timers": MAX_TIMERS,
    "topology.book._known": limits.MAX_KNOWN_PEERS,
    "topology.book._own": limits.MAX_OWN_ADDRESSES,
    "topology.book._barred_keys": limits.MAX_BARS,
    "topology.book._barred_ips": limits.MAX_BARS,
    "topology.book._barred_addresses": limits.MAX_BARS,
    "topology.book._barred_at": limits.MAX_BARS,
    "topology._kept": limits.MAX_KNOWN_PEERS,
    "discovery._heard": limits.MAX_ANNOUNCERS,
    "discovery.refused": 8,
    "payments._wanted": limits.MAX_ANNOUNCED,
    "payments._came_from": limits.MAX_ANNOUNCED,
    "payments._refused": limits.MAX_REFUSED,
    "payments._confirmed": limits.MAX_CONFIRMED,
    "payments._tickets": MAX_TICKETS,
    "sync.headers._held": limits.HELD_BLOCKS,
    "sync._unavailable": limits.MAX_UNAVAILABLE,
    "sync._judging": limits.MAX_BLOCKS_JUDGED_AT_ALL,
    "sync.headers.named": limits.MAX_CHECKPOINTS,
    "blocks._recent": limits.RECENT_BLOCKS,
    "blocks._pending": limits.MAX_COMPACT_PENDING,
    "blocks._came_from": limits.MAX_KNOWN_BLOCKS,
    "_checkpoints": limits.MAX_CHECKPOINTS,
}
"""Of the machine as a whole."""

CAPS_A_LINK: Final[dict[str, int]] = {
    "payments._orphans": limits.MAX_ORPHANS_PER_LINK,
    "sync._requests": limits.MAX_BLOCKS_IN_FLIGHT + limits.MAX_COMPACT_PENDING,
    "sync._arrived": limits.BODIES_AHEAD,
    "sync.headers._walks": 1,
}
"""Of the machine, so many for each link that it has."""

LINK_CAPS: Final[dict[str, int]] = {
    "known_payments": limits.MAX_KNOWN_PER_LINK,
    "known_blocks": limits.MAX_KNOWN_BLOCKS,
    "to_announce": POOL_MAX_TRANSACTIONS,
    "lacks": limits.MAX_LACKED,
    "in_flight": limits.MAX_BLOCKS_IN_FLIGHT + limits.MAX_COMPACT_PENDING,
    "queued_blocks": limits.MAX_BLOCKS_QUEUED,
    "neighbours": limits.MAX_PEERS_GIVEN,
}
"""Of one link."""

COUNTS: Final[dict[str, int]] = {
    "asked": limits.MAX_PAYMENTS_ASKED,
    "judging": limits.MAX_JUDGED_AT_ONCE + limits.MAX_PAYMENTS_ASKED,
    "orphans": limits.MAX_ORPHANS_PER_LINK,
}
"""Counters of one link, which are never below zero either."""

_SLACK_BYTES: Final = limits.MAX_PAYMENTS_BYTES
"""A send queue may pass its limit by one answer."""

_MACHINE_ROWS: Final = tuple(MACHINE_CAPS.items())
_A_LINK_ROWS: Final = tuple(CAPS_A_LINK.items())
_LINK_ROWS: Final = tuple(LINK_CAPS.items())
_COUNT_ROWS: Final = tuple(COUNTS.items())
_ALL: Final = attrgetter(*MACHINE_CAPS)
_ALL_A_LINK: Final = attrgetter(*CAPS_A_LINK)
_ALL_OF_LINK: Final = attrgetter(*LINK_CAPS)
_COUNTS_OF_LINK: Final = attrgetter(*COUNTS)


def find_overflow(machine: Machine, links: Iterable[Link]) -> str:
    """Return what of the machine and of these links is over its cap; nothing if all is well."""
    for held, (name, cap) in zip(_ALL(machine), _MACHINE_ROWS, strict=True):
        if len(held) > cap:
            return f"{name} holds {len(held)}, at most {cap}"
    count = max(1, len(machine.core.links))
    for held, (name, cap) in zip(_ALL_A_LINK(machine), _A_LINK_ROWS, strict=True):
        if len(held) > cap * count:
            return f"{name} holds {len(held)}, at most {cap} for each of {count} links"
    most_bytes = limits.MAX_SEND_QUEUE_BYTES + _SLACK_BYTES
    most_bytes += machine.core.settings.network.genesis.max_block_bytes
    for link in links:
        overflow = _find_overflow_of(link, most_bytes)
        if overflow:
            return overflow
    return ""


def find_crowd(machine: Machine) -> str:
    """Return by how many inbound links there are too many; nothing if there are not."""
    links, most = machine.core.links.values(), machine.core.settings.max_inbound
    inbound = sum(1 for link in links if link.is_inbound and not link.is_closing)
    if inbound > most + limits.MAX_GUESTS:
        return f"{inbound} links are inbound, at most {most} and {limits.MAX_GUESTS} guests"
    return ""


def _find_overflow_of(link: Link, most_bytes: int) -> str:
    for held, (name, cap) in zip(_ALL_OF_LINK(link), _LINK_ROWS, strict=True):
        if len(held) > cap:
            return f"{name} of link {link.id} holds {len(held)}, at most {cap}"
    for count, (name, cap) in zip(_COUNTS_OF_LINK(link), _COUNT_ROWS, strict=True):
        if not 0 <= count <= cap:
            return f"{name} of link {link.id} is {count}, from 0 to {cap}"
    if link.pending_bytes > most_bytes:
        return f"{link.pending_bytes} bytes wait for link {link.id}, at most {most_bytes}"
    if link.reader.pending > most_bytes:
        return f"{link.reader.pending} bytes of a frame wait from link {link.id}"
    return ""
