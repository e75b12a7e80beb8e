"""Ties between miners who take turns: one of the two lets the other's block stand, and goes on.

Where two seal the same height at once, each node stays with the block it saw first, its own, and no
miner may seal twice running: with nobody else there, both would wait for each other for ever. Of
two such blocks the one with the lower hash stays. Whoever sealed the other one prefers it here, and
may then seal on top of it. Where that does not come about, as the other one never heard of this
block, the lower hash gives way as well.

Knows no search and no plan: the miner wakes up by itself when the tip has moved.
"""

from __future__ import annotations

import asyncio

from chaindeck.ledger.ports import Entry
from chaindeck.ledger.seals import may_seal
from chaindeck.ledger.types import KeyHash
from chaindeck.node.limits import TIE_PATIENCE, TIE_REST_S
from chaindeck.node.logs import get_logger
from chaindeck.node.service import NodeService
from chaindeck.store.errors import StoreError

_log = get_logger("mining")


async def end_ties(service: NodeService, sealer: KeyHash) -> None:
    """Look for ties that this miner can end, until cancelled."""
    seen = 0
    while True:
        await asyncio.sleep(TIE_REST_S)
        rival = find_rival(service, sealer)
        seen = seen + 1 if rival else 0
        if rival is None or (_is_lower(service.tip, rival) and seen < TIE_PATIENCE):
            continue
        _log.info("gives way to another miner's block", height=rival.header.height)
        try:
            await service.prefer(rival.header.hash)
        except StoreError as error:
            _log.error("a tie stays", error, code=error.code)


def find_rival(service: NodeService, sealer: KeyHash) -> Entry | None:
    """Return a block with as much work as the tip after which it is our turn, if only there."""
    network, tree, tip = service.network, service.state.tree, service.tip
    if may_seal(network, tree, tip, sealer):
        return None
    for other in service.tips():
        is_rival = other.status == "ready" and other.entry.work == tip.work
        if is_rival and may_seal(network, tree, other.entry, sealer):
            return other.entry
    return None


def _is_lower(one: Entry, other: Entry) -> bool:
    return one.header.hash < other.header.hash
