"""Finds out what the nodes know of one transaction, for whoever asks about it now.

Of the transactions that wait, only some are told of one by one. One that somebody asks about is
kept in records from then on, so that its page hears what becomes of it.
"""

from __future__ import annotations

import asyncio
from functools import partial

import msgspec

from chaindeck.client import AsyncNodeClient, ClientError
from chaindeck.client.answers import TransactionState
from chaindeck.client.retries import NO_RETRIES
from chaindeck.coordinator.errors import NoNodeAnswers, OrderInvalid
from chaindeck.coordinator.following.pool import waiting_of
from chaindeck.coordinator.limits import FIND_DEADLINE_S, FIND_NODES
from chaindeck.coordinator.polling import Poller
from chaindeck.coordinator.sources import Source
from chaindeck.coordinator.writing import Writer
from chaindeck.node.logs import get_logger
from chaindeck.records.selectors.chain import is_hash
from chaindeck.records.services import pool
from chaindeck.rpc.forms import FindTransactionRequest, FoundTransaction

_CERTAINTY = ("confirmed", "pooled", "dropped", "unknown")
"""What a node says, the most telling first: nodes may differ for a moment."""

_log = get_logger("coordinator")


class _Sighting(msgspec.Struct, frozen=True):
    source: Source
    state: TransactionState


class Finder:
    """Asks some nodes at the same time, the highest first."""

    def __init__(self, poller: Poller, writer: Writer) -> None:
        self._poller = poller
        self._writer = writer

    async def find(self, asked: FindTransactionRequest) -> FoundTransaction:
        """Return the most telling answer. Raises `OrderInvalid` and `NoNodeAnswers`."""
        if not is_hash(asked.id):
            reason = "a transaction's id is 64 lower-case hexadecimal digits"
            raise OrderInvalid(field="id", reason=reason)
        looks = await asyncio.gather(*(self._look(source, asked) for source in self._sources()))
        sightings = [sighting for sighting in looks if sighting is not None]
        if not sightings:
            raise NoNodeAnswers
        best = min(sightings, key=lambda sighting: _CERTAINTY.index(sighting.state.status))
        if best.state.status == "pooled":
            keep = partial(pool.pool_add, transactions=[waiting_of(best.state)])
            await self._writer.submit(keep)
        return FoundTransaction(
            node=best.source.name,
            status=best.state.status,
            state=msgspec.to_builtins(best.state),
        )

    def _sources(self) -> list[Source]:
        ups = [node for node in self._poller.nodes if node.state in ("up", "lagging")]
        ups.sort(key=lambda node: -(node.height or 0))
        found = [self._poller.find(node.name) for node in ups[:FIND_NODES]]
        return [source for source in found if source is not None]

    async def _look(self, source: Source, asked: FindTransactionRequest) -> _Sighting | None:
        try:
            async with (
                asyncio.timeout(FIND_DEADLINE_S),
                AsyncNodeClient(source.access(), plan=NO_RETRIES) as client,
            ):
                state = await client.transaction(asked.id, proof=asked.with_proof)
        except (ClientError, TimeoutError) as error:
            _log.info("a node told nothing of a transaction", node=source.name, reason=str(error))
            return None
        return _Sighting(source, state)
