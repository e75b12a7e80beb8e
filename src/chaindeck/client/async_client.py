"""A node's API for programs that do other things meanwhile: `NodeClient`'s methods, awaited.

Several tasks may use one client; each request that is under way has a connection of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Self, TypeVar

from chaindeck.client import answers, calls
from chaindeck.client.access import Access
from chaindeck.client.calls import Call, Reply
from chaindeck.client.errors import ClientError, NodeTimeout, NodeUnreachable
from chaindeck.client.limits import MAX_IDLE_CONNECTIONS, MAX_IDLE_S, PAGE_ROWS
from chaindeck.client.retries import DEFAULT_PLAN, RetryPlan
from chaindeck.client.wire import Connection, Reading
from chaindeck.ledger.types import Transaction

T = TypeVar("T")
_DONE, _UNKNOWN_TOKEN = 200, 401


class AsyncNodeClient:
    """Every method raises a `ClientError`. Use it in an `async with` block, or `close` it."""

    def __init__(self, access: Access | str, *, plan: RetryPlan = DEFAULT_PLAN) -> None:
        self.access = Access(access) if isinstance(access, str) else access
        self._plan = plan
        self._idle: list[Connection] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    # Reading

    async def status(self) -> answers.Status:
        return await self._ask(calls.status())

    async def stats(self) -> answers.Stats:
        return await self._ask(calls.stats())

    async def health(self) -> answers.Health:
        return await self._ask(calls.health())

    async def metrics(self) -> str:
        return (await self._ask(calls.metrics())).decode()

    async def block(self, which: int | str) -> answers.Block:
        """Return a block by height or hash."""
        return await self._ask(calls.block(which))

    async def raw_block(self, which: int | str) -> bytes:
        return await self._ask(calls.raw_block(which))

    async def blocks(
        self, start: int = 0, page_rows: int = PAGE_ROWS
    ) -> AsyncIterator[answers.HeaderRow]:
        """Walk the active chain's headers from a height up, page by page."""
        following: int | None = start
        while following is not None:
            page = await self._ask(calls.chain_page(following, page_rows))
            for row in page.blocks:
                yield row
            following = page.next

    async def stream_chain(self, start: int = 0, limit: int | None = None) -> AsyncIterator[bytes]:
        """Yield whole blocks as the lines that `chaindeck chain import` reads."""
        call = calls.chain_stream(start, limit)
        reading = Reading()
        rest = b""
        with self._translated(call):
            connection = await self._connect()
            async with contextlib.aclosing(connection.stream(call, reading)) as pieces:
                async for piece in pieces:
                    *lines, rest = (rest + piece).split(b"\n")
                    if reading.status != _DONE:
                        continue
                    for line in lines:
                        yield line + b"\n"
            self._put_back(connection)
            if reading.status != _DONE:
                raise calls.refusal(Reply(reading.status, reading.headers, rest))

    async def transactions(
        self, sort: str = "fee", page_rows: int = PAGE_ROWS
    ) -> AsyncIterator[answers.PooledRow]:
        """Walk what waits for a block, by fee, age or size."""
        cursor: str | None = None
        while True:
            page = await self._ask(calls.pool_page(sort, page_rows, cursor))
            for row in page.transactions:
                yield row
            cursor = page.cursor
            if cursor is None:
                return

    async def transaction(self, tx_id: str, *, proof: bool = False) -> answers.TransactionState:
        return await self._ask(calls.transaction(tx_id, proof=proof))

    async def address(self, text: str, limit: int = 1) -> answers.AddressPage:
        """Return the balance of an address, and the first page of coins and of history."""
        return await self._ask(calls.address(text, limit))

    async def coins(self, text: str, page_rows: int = PAGE_ROWS) -> AsyncIterator[answers.CoinRow]:
        """Walk the coins of an address."""
        cursor: str | None = None
        while True:
            page = await self._ask(calls.address(text, page_rows, coins_cursor=cursor))
            for row in page.coins:
                yield row
            cursor = page.coins_cursor
            if cursor is None:
                return

    async def history(
        self, text: str, page_rows: int = PAGE_ROWS
    ) -> AsyncIterator[answers.HistoryRow]:
        """Walk what confirmed transactions did to an address, the newest first."""
        cursor: str | None = None
        while True:
            page = await self._ask(calls.address(text, page_rows, history_cursor=cursor))
            for row in page.history:
                yield row
            cursor = page.history_cursor
            if cursor is None:
                return

    async def mempool(self) -> answers.Mempool:
        return await self._ask(calls.mempool())

    # Submitting

    async def submit(self, form: Mapping[str, Any], *, dry_run: bool = False) -> answers.Verdict:
        """Offer one transaction in its JSON form; raise `NodeRefused` where it is not taken."""
        return await self._ask(calls.submit(form, dry_run=dry_run))

    async def submit_many(
        self, forms: Sequence[Mapping[str, Any]], *, dry_run: bool = False
    ) -> list[answers.Verdict]:
        """Offer several; each has its verdict, and `calls.rejection` makes an error of it."""
        return await self._ask(calls.submit_many(forms, dry_run=dry_run))

    async def submit_packed(
        self, transactions: Sequence[Transaction], *, dry_run: bool = False
    ) -> list[answers.Verdict]:
        """Offer several as bytes, which a node reads fastest."""
        return await self._ask(calls.submit_packed(transactions, dry_run=dry_run))

    # Mining

    async def mine(self, blocks: int = 1, to: str | None = None) -> answers.Mined:
        return await self._ask(calls.mine(blocks, to))

    async def template(self, to: str, *, longpoll: str | None = None) -> answers.Template:
        return await self._ask(calls.template(to, longpoll))

    async def submit_block(self, raw: bytes) -> answers.BlockTaken:
        return await self._ask(calls.submit_block(raw))

    # Commands

    async def admin_invalidate(self, block_hash: str) -> answers.Tip:
        return await self._ask(calls.admin("invalidate", block_hash))

    async def admin_reconsider(self, block_hash: str) -> answers.Tip:
        return await self._ask(calls.admin("reconsider", block_hash))

    async def admin_prefer(self, block_hash: str) -> answers.Tip:
        return await self._ask(calls.admin("prefer", block_hash))

    async def admin_checkpoint(
        self, height: int, block_hash: str, signatures: Sequence[str]
    ) -> answers.CheckpointTaken:
        return await self._ask(calls.admin_checkpoint(height, block_hash, signatures))

    async def admin_tips(self) -> list[answers.Branch]:
        return (await self._ask(calls.admin_tips())).tips

    async def peers(self) -> answers.Peers:
        """Return whom the node is linked with. Only nodes that have peers answer."""
        return await self._ask(calls.peers())

    async def admin_add_peer(self, where: str) -> answers.PeerTaken:
        """Keep a link with an address or name from now on."""
        return await self._ask(calls.admin_add_peer(where))

    async def admin_drop_peer(self, where: str, bar_s: int = 0) -> answers.PeerTaken:
        """Drop a peer, and bar it for so many seconds."""
        return await self._ask(calls.admin_drop_peer(where, bar_s))

    async def admin_capture(self, seconds: int) -> answers.Capture:
        """Record the node's network side for so long; 0 ends the recording that runs."""
        return await self._ask(calls.admin_capture(seconds))

    # Development

    async def dev_snapshot(self) -> str:
        return (await self._ask(calls.dev_snapshot())).id

    async def dev_revert(self, name: str) -> answers.Tip:
        return await self._ask(calls.dev_revert(name))

    async def dev_reset(self) -> answers.Tip:
        return await self._ask(calls.dev_reset())

    async def dev_clock(
        self,
        time_ms: int | None = None,
        *,
        advance_ms: int | None = None,
        is_frozen: bool | None = None,
    ) -> answers.ClockState:
        return await self._ask(calls.dev_clock(time_ms, advance_ms, is_frozen=is_frozen))

    async def dev_faucet(self, to: str, amount: int) -> str:
        """Have an address paid; return the id of the payment, which waits for a block."""
        return (await self._ask(calls.dev_faucet(to, amount))).id

    # Inside

    async def _ask(self, call: Call[T]) -> T:
        """Ask until there is an answer, as often as the plan allows."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return calls.read_reply(call, await self._exchange(call), self.access.url)
            except ClientError as error:
                wait_s = self._plan.wait_s(error, attempt, is_idempotent=call.is_idempotent)
                if wait_s is None:
                    raise
            await asyncio.sleep(wait_s)

    async def _exchange(self, call: Call[Any]) -> Reply:
        with self._translated(call):
            reply = await self._send(call)
            if reply.status == _UNKNOWN_TOKEN and self.access.renew():
                reply = await self._send(call)
            return reply

    async def _send(self, call: Call[Any]) -> Reply:
        connection = await self._connect()
        reply = await connection.exchange(call)
        self._put_back(connection)
        return reply

    async def _connect(self) -> Connection:
        """Return a connection that is open as far as one can tell."""
        now_s = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable and now_s - connection.used_s < MAX_IDLE_S:
                return connection
            connection.close()
        return await Connection.open(self.access)

    def _put_back(self, connection: Connection) -> None:
        if connection.is_usable and len(self._idle) < MAX_IDLE_CONNECTIONS:
            self._idle.append(connection)
        else:
            connection.close()

    @contextlib.contextmanager
    def _translated(self, call: Call[Any]) -> Iterator[None]:
        """Turn what sockets say into errors of the client."""
        url = self.access.url
        try:
            yield
        except TimeoutError:
            raise NodeTimeout(url=url, timeout_s=round(call.timeout_s)) from None
        except OSError as error:
            raise NodeUnreachable(url=url, reason=error.strerror or str(error)) from None
