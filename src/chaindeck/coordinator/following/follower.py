"""Keeps the index of the chain where the best of some nodes is, and tells what that changes.

A feed wakes it; what is true is asked of the node. Each step compares parents, walks back to the
fork, and takes back and puts on in one transaction with the events that tell so. So whatever is
killed when, records are those of one moment of the chain, and each change was told exactly once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import msgspec
from django.db import Error as DatabaseError

from chaindeck.client import Access, ClientError, Event, Gap
from chaindeck.client.answers import HeaderRow
from chaindeck.coordinator.errors import BlocksPruned, NoNodeAnswers, RecordsAway
from chaindeck.coordinator.following.choosing import Choice
from chaindeck.coordinator.following.limits import (
    DATABASE_PAUSE_S,
    FIRST_PIECE_TRANSACTIONS,
    LEAST_PIECE_TRANSACTIONS,
    LIVE_BLOCKS,
    LOOK_INTERVAL_S,
    MOST_PIECE_BLOCKS,
    MOST_PIECE_TRANSACTIONS,
    PIECE_TARGET_S,
    STAGED_TIMES,
    TROUBLE_PAUSE_S,
)
from chaindeck.coordinator.following.pool import PoolFollower
from chaindeck.coordinator.following.ports import Writer
from chaindeck.coordinator.following.progress import Progress
from chaindeck.coordinator.following.reading import (
    Way,
    decode,
    fetch_blocks,
    find_first_body,
    find_way,
    is_pruned,
    read_headers,
)
from chaindeck.coordinator.following.sources import NodeSource, end
from chaindeck.ledger.errors import CodedError
from chaindeck.node.logs import get_logger
from chaindeck.records.errors import BlockDetached, OtherNetwork, OutputMissing
from chaindeck.records.selectors import chain as chain_read
from chaindeck.records.services import activity, pieces
from chaindeck.records.services import chain as chain_write
from chaindeck.records.types import ChainPlace

_log = get_logger("following")


class FollowerState(msgspec.Struct, frozen=True):
    """How following stands, for whoever asks. Height -1: nothing is indexed yet."""

    height: int
    tip: str
    target_height: int
    url: str | None
    """The node that is followed."""

    problem_code: str | None = None
    problem: str | None = None

    @property
    def behind(self) -> int:
        return max(0, self.target_height - self.height)


class ChainFollower:
    """Follows some nodes of one network. Run it as a task; it ends only when cancelled."""

    def __init__(self, nodes: Sequence[Access | str], writer: Writer) -> None:
        assert nodes, "there is a node to follow"
        self._writer = writer
        self._woken = asyncio.Event()
        self._choice = Choice()
        self._pool = PoolFollower(writer)
        self._progress = Progress(writer)
        self._piece_transactions = FIRST_PIECE_TRANSACTIONS
        self._place: ChainPlace | None = None
        self._work = -1
        """Of the chain that is indexed; -1 until it was looked up."""

        self._problem: CodedError | None = None
        self._sources = [
            NodeSource(Access(node) if isinstance(node, str) else node, self._woken.set, self._note)
            for node in nodes
        ]

    @property
    def state(self) -> FollowerState:
        place, current = self._place, self._choice.current
        status = None if current is None else current.status
        height = -1 if place is None else place.height
        are_gone = all(source.is_gone for source in self._sources)
        problem = NoNodeAnswers() if are_gone else self._problem
        return FollowerState(
            height=height,
            tip="" if place is None else place.hash,
            target_height=height if status is None else max(height, status.height),
            url=None if current is None or status is None else current.url,
            problem_code=None if problem is None else problem.code,
            problem=None if problem is None else str(problem),
        )

    async def run(self) -> None:
        """Follow until cancelled."""
        while await self._patiently(self._progress.begin):
            pass
        async with asyncio.TaskGroup() as tasks:
            for source in self._sources:
                tasks.create_task(source.run())
            tasks.create_task(self._pool.run())
            tasks.create_task(self._follow())

    # The loop

    async def _follow(self) -> None:
        while True:
            self._woken.clear()
            is_more = await self._patiently(self._step)
            if is_more:
                continue
            try:
                async with asyncio.timeout(LOOK_INTERVAL_S):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _patiently(self, work: Callable[[], Awaitable[bool]]) -> bool:
        """Do something; where it cannot be done now, say why, and return True after a while."""
        try:
            return await work()
        except DatabaseError as error:
            await self._wait_for_records(RecordsAway(reason=str(error).strip()))
            return True
        except (OtherNetwork, OutputMissing, BlocksPruned) as error:
            return await self._patiently(partial(self._complain, error))

    async def _wait_for_records(self, problem: RecordsAway) -> None:
        """Say it once, as it is tried again soon."""
        if str(problem) != str(self._problem):
            _log.warning("the database did not take it", reason=str(problem))
        self._problem = problem
        await asyncio.sleep(DATABASE_PAUSE_S)

    async def _step(self) -> bool:
        """Go some way towards the node that is followed; return whether there is more to do."""
        self._place = place = await self._writer.run(chain_read.chain_place)
        if place is not None and place.is_forgotten:
            return await self._forget()
        source = self._choose(place)
        self._pool.follow(source)
        if source is None or source.status is None:
            return False
        try:
            if place is None:
                self._place = await self._begin(source)
                return True
            return await self._catch_up(source, place)
        except ClientError as error:
            if place is not None and is_pruned(error):
                source.lack(error, place.hash)
            else:
                source.fail(error)
        except BlockDetached as error:
            # Somebody else moved the index; the next step looks where it is.
            _log.warning("the index moved meanwhile", reason=str(error))
        return True

    def _choose(self, place: ChainPlace | None) -> NodeSource | None:
        """Return whom to follow now.

        Raises `OtherNetwork` where only strangers answer, and `BlocksPruned` where nobody who does
        can go on from here.
        """
        usable = [source for source in self._sources if source.is_usable]
        strangers = [source for source in usable if _is_stranger(source, place)]
        for source in strangers:
            source.problem = _other_network(source, place)
        usable = [source for source in usable if source not in strangers]
        if strangers and not usable:
            raise _other_network(strangers[0], place)
        if place is None and len({_network_of(source) for source in usable}) > 1:
            # The node that was named first decides which network is meant.
            usable = [source for source in usable if _network_of(source) == _network_of(usable[0])]
        if place is not None:
            usable = _able(usable, place)
        return self._choice.choose(usable, asyncio.get_running_loop().time())

    async def _complain(self, error: CodedError) -> bool:
        """Say it once in the log and in the activity log, and as long as it lasts in the state."""
        if str(error) != str(self._problem):
            _log.error("the chain is not followed", error)
            line = partial(
                activity.activity_log,
                action="index-refused",
                severity="error",
                description=str(error),
                source="follower",
            )
            await self._writer.run(line)
            self._problem = error
        await asyncio.sleep(TROUBLE_PAUSE_S)
        return True

    def _note(self, source: NodeSource, event: Event | Gap) -> None:
        if source is self._choice.current:
            self._pool.note(event)

    # Steps

    async def _forget(self) -> bool:
        """Finish the reset of the index that somebody began, piece by piece."""
        await run_pieces(self._writer, pieces.chain_forget)
        self._problem = None
        self._work = -1
        return True

    async def _begin(self, source: NodeSource) -> ChainPlace:
        """Begin an index: at the genesis block, or at the first block that a pruned node has."""
        status = source.status
        assert status is not None, "a node that answered was chosen"
        genesis = await source.ask(read_headers(source.client, 0, 1))
        start = await source.ask(find_first_body(source.client, status.height))
        return await self._writer.run(
            partial(
                chain_write.chain_begin,
                network_id=status.network.id,
                genesis_hash=genesis[0].hash,
                address_prefix=status.network.address_prefix,
                start_height=start,
            )
        )

    async def _catch_up(self, source: NodeSource, place: ChainPlace) -> bool:
        status = source.status
        assert status is not None, "a node that answered was chosen"
        if status.tip == place.hash:
            self._problem = None
            self._work = int(status.work)
            await self._progress.end()
            return False
        if self._work < 0:
            self._work = await self._writer.run(chain_read.chain_work)
        has_less = self._work > int(status.work)
        now_s = asyncio.get_running_loop().time()
        is_all = all(other.is_usable and other.work <= source.work for other in self._sources)
        if not self._choice.may_go_back(has_less=has_less, is_all=is_all, now_s=now_s):
            return False
        way = await source.ask(find_way(source.client, self._writer, place))
        if not way.headers and way.fork_height == place.height:
            # What is known of the node is older than what was read just now.
            source.look_again()
            return False
        await self._take(source, place, way, max(status.height, place.height))
        source.look_again()
        return True

    async def _take(self, source: NodeSource, place: ChainPlace, way: Way, target: int) -> None:
        """Write a page of blocks piece by piece; the next is fetched while one is written."""
        rewind_to = way.fork_height if way.fork_height < place.height else None
        is_told = target - way.fork_height <= LIVE_BLOCKS
        await self._make_room(rewind_to, target, way.headers[0].hash if way.headers else "")
        if not way.headers:
            await self._write_piece([], [], source.url, rewind_to, target, is_told=is_told)
            return
        rest = list(way.headers)
        piece = self._cut(rest)
        raws = await source.ask(fetch_blocks(source.client, piece))
        while piece:
            following = self._cut(rest)
            fetching = asyncio.ensure_future(source.ask(fetch_blocks(source.client, following)))
            try:
                await self._write_piece(piece, raws, source.url, rewind_to, target, is_told=is_told)
                raws = await fetching
            finally:
                await end(fetching)
            piece, rewind_to = following, None

    async def _write_piece(
        self,
        piece: Sequence[HeaderRow],
        raws: Sequence[bytes],
        url: str,
        rewind_to: int | None,
        target: int,
        *,
        is_told: bool,
    ) -> None:
        """Put some blocks on, and learn from the time it took how many the next may be."""
        count = sum(header.tx_count for header in piece)
        if not piece and rewind_to is None:
            return
        is_staged = len(piece) == 1 and count > STAGED_TIMES * self._piece_transactions
        if is_staged:
            await self._stage(piece, raws, url)

        def work() -> tuple[ChainPlace, float]:
            blocks = decode(piece, raws, url)
            started_s = time.monotonic()
            place = chain_write.chain_apply(
                blocks=blocks, rewind_to=rewind_to, is_told=is_told, target_height=target
            )
            return place, time.monotonic() - started_s

        reached, took_s = await self._writer.run(work)
        self._place = reached
        self._problem = None
        self._work = int(piece[-1].work) if piece else -1
        if rewind_to is None and piece and not is_staged:
            wanted = count * PIECE_TARGET_S / max(took_s, 0.001)
            mean = (self._piece_transactions + wanted) / 2
            limits = LEAST_PIECE_TRANSACTIONS, MOST_PIECE_TRANSACTIONS
            self._piece_transactions = round(min(max(mean, limits[0]), limits[1]))
        if not is_told:
            await self._progress.tell(reached.height, target)

    async def _make_room(self, rewind_to: int | None, target: int, next_hash: str) -> None:
        """Take back and sweep away, in pieces, what is too much for the write that follows."""
        limit = self._piece_transactions
        if rewind_to is not None:
            take_back = partial(
                pieces.chain_take_back, to_height=rewind_to, limit=limit, target_height=target
            )
            await run_pieces(self._writer, take_back)
        await run_pieces(self._writer, partial(pieces.chain_sweep, keep=next_hash, limit=limit))

    async def _stage(self, piece: Sequence[HeaderRow], raws: Sequence[bytes], url: str) -> None:
        """Write what a large block brings before it is put on."""
        (new,) = await asyncio.to_thread(decode, piece, raws, url)
        stage = partial(pieces.chain_stage, new=new, limit=self._piece_transactions)
        await run_pieces(self._writer, stage)

    def _cut(self, rest: list[HeaderRow]) -> list[HeaderRow]:
        """Take off the blocks of the next write: at least one."""
        count = transactions = 0
        while count < min(len(rest), MOST_PIECE_BLOCKS):
            transactions += rest[count].tx_count
            if count and transactions > self._piece_transactions:
                break
            count += 1
        piece = rest[:count]
        del rest[:count]
        return piece


async def run_pieces(writer: Writer, piece: Callable[[], bool]) -> None:
    """Run something until it says that there is no more of it; others may write in between."""
    while await writer.run(piece):
        pass


def _network_of(source: NodeSource) -> str:
    return "" if source.status is None else source.status.network.id


def _is_stranger(source: NodeSource, place: ChainPlace | None) -> bool:
    return place is not None and _network_of(source) != place.network_id


def _able(usable: list[NodeSource], place: ChainPlace) -> list[NodeSource]:
    """Return the nodes that can go on from here. Raises `BlocksPruned`.

    While one is known to have a longer chain, those that are no further than the index are not
    followed: what they do not have would be taken back.
    """
    lacking = [source for source in usable if not source.can_go_on_from(place.hash)]
    if not lacking:
        return usable
    able = [
        source
        for source in usable
        if source not in lacking and source.status and source.status.height > place.height
    ]
    if not able:
        raise BlocksPruned(height=place.height + 1)
    return able


def _other_network(source: NodeSource, place: ChainPlace | None) -> OtherNetwork:
    assert place is not None, "strangers are told by what is indexed"
    return OtherNetwork(actual=_network_of(source), expected=place.network_id)
