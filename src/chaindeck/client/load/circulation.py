"""Coins that go round: out as payments, back as the change of payments that a block holds.

So a load of any length needs no more coins than are under way at a time, and remembers no more
payments than it has coins: a payment is forgotten when it is found in a block, and what was
accepted and never found is what the node lost. As many payments as there are coins are signed
before the clock runs; the others when their coin is back, each right before it is sent.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence

import msgspec

from chaindeck.client.access import Access
from chaindeck.client.errors import LoadImpossible
from chaindeck.client.load.drive import Drive, Plan, drive
from chaindeck.client.load.funds import Funds
from chaindeck.client.load.payments import (
    PAID,
    Form,
    OwnCoin,
    Payer,
    RequestBytes,
    build_request,
    change_of,
)
from chaindeck.client.node_client import NodeClient
from chaindeck.ledger.codec import decode_block
from chaindeck.ledger.types import KeyHash, TxId

_POLL_S = 0.25
_IDS_A_SLICE = 256
"""Payments found in a block that are counted in one go: a tenth of a millisecond, so that sending
goes on."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Which payments to make."""

    count: int
    to: KeyHash
    batch: int = 1
    form: Form = "packed"
    fee: int = 1_000
    timestamp_s: int


class Circulation:
    """A supply of payments from a few coins, and the count of what became of them.

    `settle` and `count_waiting` wait for the node; a load is sent with `run`.
    """

    def __init__(
        self, client: NodeClient, funds: Funds, payer: Payer, coins: Sequence[OwnCoin], order: Order
    ) -> None:
        self._client = client
        self._funds = funds
        self._payer = payer
        self._order = order
        self._ready = deque(coins)
        self._left = order.count
        self._under_way: dict[TxId, OwnCoin] = {}
        self._prepared: deque[RequestBytes] = deque()
        self._wakened = asyncio.Event()
        self._is_starved = False
        self.coins = len(coins)
        self.confirmed = 0
        self.refused = 0
        status = client.status()
        self._height, self._tip = status.height, status.tip

    # The supply: see `drive.Supply`

    @property
    def is_over(self) -> bool:
        return not self._left and not self._prepared

    def prepare(self) -> None:
        """Sign as many payments as there are coins."""
        while (request := self._make()) is not None:
            self._prepared.append(request)

    def take(self) -> RequestBytes | None:
        return self._prepared.popleft() if self._prepared else self._make()

    async def wait(self) -> None:
        if not self._under_way:
            raise LoadImpossible(
                reason=f"no coin comes back: {self.refused:,} payments were refused, and the"
                " others left too little"
            )
        self._is_starved = True
        self._wakened.clear()
        await self._wakened.wait()

    def refuse(self, tx_ids: Sequence[TxId]) -> None:
        for tx_id in tx_ids:
            del self._under_way[tx_id]
        self.refused += len(tx_ids)
        self._wakened.set()

    def _make(self) -> RequestBytes | None:
        """Sign the next request, if there are coins for it."""
        order = self._order
        wanted = min(order.batch, self._left)
        if len(self._ready) < wanted and self._under_way:
            return None
        coins = [self._ready.popleft() for _ in range(min(wanted, len(self._ready)))]
        if not coins:
            return None
        payments = [self._payer.pay(coin, order.to, order.fee, order.timestamp_s) for coin in coins]
        self._under_way.update((payment.id, change_of(payment)) for payment in payments)
        self._left -= len(payments)
        return build_request(
            payments, self._client.access, form=order.form, prefix=self._payer.prefix
        )

    # Sending

    async def run(self, access: Access, plan: Plan) -> Drive:
        """Send the load while following the chain. Raises a `ClientError`."""
        try:
            async with asyncio.TaskGroup() as tasks:
                following = tasks.create_task(self._follow())
                done = await drive(self, access, plan)
                following.cancel()
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        self._forget_unsent()
        return done

    async def _follow(self) -> None:
        """Take coins back from each new block, and see to one where sending has to wait for it."""
        while True:
            found = await asyncio.to_thread(self._next_block)
            if found is not None:
                for first in range(0, len(found), _IDS_A_SLICE):
                    self._take_back(found[first : first + _IDS_A_SLICE])
                    await asyncio.sleep(0)
            elif self._is_starved:
                await asyncio.to_thread(self._funds.mine_or_wait)
            else:
                await asyncio.sleep(_POLL_S)

    def _forget_unsent(self) -> None:
        """What was signed and not sent, because the time was over, is not looked for."""
        for request in self._prepared:
            for tx_id in request.tx_ids:
                del self._under_way[tx_id]
        self._prepared.clear()
        self._left = 0

    # Looking for payments in blocks

    def settle(self) -> None:
        """Return when blocks hold every payment, when nothing waits, or when the time is over."""
        deadline = time.monotonic() + self._funds.wait_s
        while self._under_way and time.monotonic() < deadline:
            waits = self._client.status().mempool.count
            if not self._catch_up():
                if not waits:
                    return
                self._funds.mine_or_wait()

    def count_waiting(self) -> int:
        """Return how many payments still wait; the others that no block holds are lost."""
        waiting = {row.id for row in self._client.transactions("age")} if self._under_way else set()
        self._catch_up()
        return sum(tx_id.hex() in waiting for tx_id in self._under_way)

    @property
    def missing(self) -> int:
        """How many payments were accepted and found in no block so far."""
        return len(self._under_way)

    def _catch_up(self) -> bool:
        """Look through all new blocks; return whether there was one."""
        blocks = list(map(self._take_back, iter(self._next_block, None)))
        return bool(blocks)

    def _take_back(self, tx_ids: Sequence[TxId]) -> None:
        """Note payments that a block holds; their change may be spent again."""
        for tx_id in tx_ids:
            change = self._under_way.pop(tx_id, None)
            if change is not None:
                self.confirmed += 1
                if change.amount > PAID + self._order.fee:
                    self._ready.append(change)
        self._is_starved = False
        self._wakened.set()

    def _next_block(self) -> list[TxId] | None:
        """Return which transactions the next block holds, None where there is no such block yet."""
        if self._client.status().height <= self._height:
            return None
        block = decode_block(self._client.raw_block(self._height + 1))
        if block.header.previous.hex() != self._tip:
            raise LoadImpossible(reason="the chain was reorganised under the load")
        self._height, self._tip = block.header.height, block.hash.hex()
        return [TxId(tx_id) for tx_id in block.index.txids]


def least_coin(order: Order, coins: int) -> int:
    """Return the base units with which each of so many coins lasts for the whole load.

    Coins take turns, some of them more often than others: twice the mean, and some more, is enough.
    """
    turns = 2 * -(-order.count // coins) + 8
    return turns * (PAID + order.fee) + 1
