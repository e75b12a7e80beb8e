"""A node's API for programs that wait for each answer. One thread at a time per client."""

from __future__ import annotations

import contextlib
import http.client
import select
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self, TypeVar

from chaindeck.client import answers, calls
from chaindeck.client.access import Access
from chaindeck.client.calls import Call, Reply
from chaindeck.client.errors import ClientError, NodeTimeout, NodeUnreachable, ProtocolMismatch
from chaindeck.client.limits import (
    CONNECT_TIMEOUT_S,
    MAX_ANSWER_BYTES,
    MAX_IDLE_S,
    MAX_LINE_BYTES,
    PAGE_ROWS,
)
from chaindeck.client.retries import DEFAULT_PLAN, RetryPlan
from chaindeck.ledger.types import Transaction

T = TypeVar("T")
_UNKNOWN_TOKEN = 401


class NodeClient:
    """Every method raises a `ClientError`. Use it in a `with` block, or `close` it."""

    def __init__(
        self,
        access: Access | str,
        *,
        plan: RetryPlan = DEFAULT_PLAN,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.access = Access(access) if isinstance(access, str) else access
        self._plan = plan
        self._sleep = sleep
        self._connection: http.client.HTTPConnection | None = None
        self._used_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # Reading

    def status(self) -> answers.Status:
        return self._ask(calls.status())

    def stats(self) -> answers.Stats:
        return self._ask(calls.stats())

    def health(self) -> answers.Health:
        return self._ask(calls.health())

    def metrics(self) -> str:
        return self._ask(calls.metrics()).decode()

    def block(self, which: int | str) -> answers.Block:
        """Return a block by height or hash."""
        return self._ask(calls.block(which))

    def raw_block(self, which: int | str) -> bytes:
        return self._ask(calls.raw_block(which))

    def blocks(self, start: int = 0, page_rows: int = PAGE_ROWS) -> Iterator[answers.HeaderRow]:
        """Walk the active chain's headers from a height up, page by page."""
        following: int | None = start
        while following is not None:
            page = self._ask(calls.chain_page(following, page_rows))
            yield from page.blocks
            following = page.next

    def stream_chain(self, start: int = 0, limit: int | None = None) -> Iterator[bytes]:
        """Yield whole blocks as the lines that `chaindeck chain import` reads."""
        call = calls.chain_stream(start, limit)
        with self._translated(call):
            response = self._send(call)
            if response.status != 200:
                raise calls.refusal(self._finish(response))
            try:
                while line := response.readline(MAX_LINE_BYTES):
                    yield line
            finally:
                self.close()

    def transactions(
        self, sort: str = "fee", page_rows: int = PAGE_ROWS
    ) -> Iterator[answers.PooledRow]:
        """Walk what waits for a block, by fee, age or size."""
        cursor: str | None = None
        while True:
            page = self._ask(calls.pool_page(sort, page_rows, cursor))
            yield from page.transactions
            cursor = page.cursor
            if cursor is None:
                return

    def transaction(self, tx_id: str, *, proof: bool = False) -> answers.TransactionState:
        return self._ask(calls.transaction(tx_id, proof=proof))

    def address(self, text: str, limit: int = 1) -> answers.AddressPage:
        """Return the balance of an address, and the first page of coins and of history."""
        return self._ask(calls.address(text, limit))

    def coins(self, text: str, page_rows: int = PAGE_ROWS) -> Iterator[answers.CoinRow]:
        """Walk the coins of an address."""
        cursor: str | None = None
        while True:
            page = self._ask(calls.address(text, page_rows, coins_cursor=cursor))
            yield from page.coins
            cursor = page.coins_cursor
            if cursor is None:
                return

    def history(self, text: str, page_rows: int = PAGE_ROWS) -> Iterator[answers.HistoryRow]:
        """Walk what confirmed transactions did to an address, the newest first."""
        cursor: str | None = None
        while True:
            page = self._ask(calls.address(text, page_rows, history_cursor=cursor))
            yield from page.history
            cursor = page.history_cursor
            if cursor is None:
                return

    def mempool(self) -> answers.Mempool:
        return self._ask(calls.mempool())

    # Submitting

    def submit(self, form: Mapping[str, Any], *, dry_run: bool = False) -> answers.Verdict:
        """Offer one transaction in its JSON form; raise `NodeRefused` where it is not taken."""
        return self._ask(calls.submit(form, dry_run=dry_run))

    def submit_many(
        self, forms: Sequence[Mapping[str, Any]], *, dry_run: bool = False
    ) -> list[answers.Verdict]:
        """Offer several; each has its verdict, and `calls.rejection` makes an error of it."""
        return self._ask(calls.submit_many(forms, dry_run=dry_run))

    def submit_packed(
        self, transactions: Sequence[Transaction], *, dry_run: bool = False
    ) -> list[answers.Verdict]:
        """Offer several as bytes, which a node reads fastest."""
        return self._ask(calls.submit_packed(transactions, dry_run=dry_run))

    # Mining

    def mine(self, blocks: int = 1, to: str | None = None) -> answers.Mined:
        return self._ask(calls.mine(blocks, to))

    def template(self, to: str, *, longpoll: str | None = None) -> answers.Template:
        return self._ask(calls.template(to, longpoll))

    def submit_block(self, raw: bytes) -> answers.BlockTaken:
        return self._ask(calls.submit_block(raw))

    # Commands

    def admin_invalidate(self, block_hash: str) -> answers.Tip:
        return self._ask(calls.admin("invalidate", block_hash))

    def admin_reconsider(self, block_hash: str) -> answers.Tip:
        return self._ask(calls.admin("reconsider", block_hash))

    def admin_prefer(self, block_hash: str) -> answers.Tip:
        return self._ask(calls.admin("prefer", block_hash))

    def admin_checkpoint(
        self, height: int, block_hash: str, signatures: Sequence[str]
    ) -> answers.CheckpointTaken:
        return self._ask(calls.admin_checkpoint(height, block_hash, signatures))

    def admin_tips(self) -> list[answers.Branch]:
        return self._ask(calls.admin_tips()).tips

    def peers(self) -> answers.Peers:
        """Return whom the node is linked with. Only nodes that have peers answer."""
        return self._ask(calls.peers())

    def admin_add_peer(self, where: str) -> answers.PeerTaken:
        """Keep a link with an address or name from now on."""
        return self._ask(calls.admin_add_peer(where))

    def admin_drop_peer(self, where: str, bar_s: int = 0) -> answers.PeerTaken:
        """Drop a peer, and bar it for so many seconds."""
        return self._ask(calls.admin_drop_peer(where, bar_s))

    def admin_capture(self, seconds: int) -> answers.Capture:
        """Record the node's network side for so long; 0 ends the recording that runs."""
        return self._ask(calls.admin_capture(seconds))

    # Development

    def dev_snapshot(self) -> str:
        return self._ask(calls.dev_snapshot()).id

    def dev_revert(self, name: str) -> answers.Tip:
        return self._ask(calls.dev_revert(name))

    def dev_reset(self) -> answers.Tip:
        return self._ask(calls.dev_reset())

    def dev_clock(
        self,
        time_ms: int | None = None,
        *,
        advance_ms: int | None = None,
        is_frozen: bool | None = None,
    ) -> answers.ClockState:
        return self._ask(calls.dev_clock(time_ms, advance_ms, is_frozen=is_frozen))

    def dev_faucet(self, to: str, amount: int) -> str:
        """Have an address paid; return the id of the payment, which waits for a block."""
        return self._ask(calls.dev_faucet(to, amount)).id

    # Inside

    def _ask(self, call: Call[T]) -> T:
        """Ask until there is an answer, as often as the plan allows."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return calls.read_reply(call, self._exchange(call), self.access.url)
            except ClientError as error:
                wait_s = self._plan.wait_s(error, attempt, is_idempotent=call.is_idempotent)
                if wait_s is None:
                    raise
            self._sleep(wait_s)

    def _exchange(self, call: Call[Any]) -> Reply:
        with self._translated(call):
            reply = self._finish(self._send(call))
            if reply.status == _UNKNOWN_TOKEN and self.access.renew():
                reply = self._finish(self._send(call))
            return reply

    def _send(self, call: Call[Any]) -> http.client.HTTPResponse:
        connection = self._connect()
        headers = {"accept": call.accept, **self.access.headers()}
        if call.content_type:
            headers["content-type"] = call.content_type
        assert connection.sock is not None, "it is connected"
        connection.sock.settimeout(call.timeout_s)
        body = call.body if call.method == "POST" else None
        connection.request(call.method, self.access.prefix + call.path, body, headers)
        return connection.getresponse()

    def _finish(self, response: http.client.HTTPResponse) -> Reply:
        body = response.read(MAX_ANSWER_BYTES + 1)
        if len(body) > MAX_ANSWER_BYTES:
            self.close()
            raise ProtocolMismatch(url=self.access.url, reason="the answer never ends")
        if response.length:
            raise http.client.IncompleteRead(body, response.length)
        response.close()
        self._used_s = time.monotonic()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, headers, body)

    def _connect(self) -> http.client.HTTPConnection:
        """Return a connection that is open as far as one can tell."""
        connection = self._connection
        if connection is not None and connection.sock is not None:
            if time.monotonic() - self._used_s < MAX_IDLE_S and not _has_ended(connection):
                return connection
            self.close()
        kind: type[http.client.HTTPConnection] = (
            http.client.HTTPSConnection if self.access.is_encrypted else http.client.HTTPConnection
        )
        connection = kind(self.access.host, self.access.port, timeout=CONNECT_TIMEOUT_S)
        connection.connect()
        self._connection = connection
        return connection

    @contextlib.contextmanager
    def _translated(self, call: Call[Any]) -> Iterator[None]:
        """Turn what sockets say into errors of the client, and drop the connection."""
        url = self.access.url
        try:
            yield
        except TimeoutError:
            self.close()
            raise NodeTimeout(url=url, timeout_s=round(call.timeout_s)) from None
        except (http.client.RemoteDisconnected, http.client.IncompleteRead) as error:
            self.close()
            raise NodeUnreachable(url=url, reason=f"the line broke: {error}") from None
        except http.client.HTTPException as error:
            self.close()
            raise ProtocolMismatch(url=url, reason=f"not HTTP: {error!r}") from None
        except OSError as error:
            self.close()
            raise NodeUnreachable(url=url, reason=error.strerror or str(error)) from None


def _has_ended(connection: http.client.HTTPConnection) -> bool:
    """Whether the other side closed a resting connection: then it can be read."""
    poll = select.poll()
    assert connection.sock is not None, "the caller looked"
    poll.register(connection.sock, select.POLLIN | select.POLLHUP)
    return bool(poll.poll(0))
