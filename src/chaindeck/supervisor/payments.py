"""The demonstration: a few owners who pay each other about once a second.

Their keys lie in one wallet of the home; the operator's wallet funds them out of mined coins. It
remembers nothing: what an owner can spend is asked of a node before each payment, so that neither a
node's restart nor its own can make it wrong. When a node does not answer the next one is asked.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import signal
import time
from collections.abc import Sequence

import msgspec

from chaindeck.client import Access, AsyncNodeClient, ClientError
from chaindeck.client.answers import CoinRow
from chaindeck.client.calls import rejection
from chaindeck.client.retries import NO_RETRIES, backoff_s
from chaindeck.ledger.coins import Coin
from chaindeck.ledger.types import Amount, Height, KeyHash, OutPoint, Output, Payment
from chaindeck.node.logs import get_logger, set_up_logs
from chaindeck.store.atomic import write_json
from chaindeck.supervisor.errors import DemoUnfunded
from chaindeck.supervisor.first_start import open_or_make
from chaindeck.supervisor.home import Home, make_private
from chaindeck.supervisor.identity import RUNNING_NAME
from chaindeck.supervisor.limits import (
    DEMO_COIN,
    DEMO_COINS_EACH,
    DEMO_LEAST_PAID,
    DEMO_MANY_COINS,
    DEMO_MERGED,
    DEMO_MOST_WAIT_S,
    DEMO_OWNERS,
    DEMO_PAUSE_S,
    DEMO_REFUND_BELOW,
    DEMO_ROWS,
)
from chaindeck.supervisor.settings import load_config, load_home_secrets
from chaindeck.wallet.drafts import build_draft
from chaindeck.wallet.errors import SelectionError
from chaindeck.wallet.keystore import load_keystore
from chaindeck.wallet.selection import Selection, select_coins, sweep_coins
from chaindeck.wallet.signing import finish_draft, sign_draft
from chaindeck.wallet.types import WalletCoin
from chaindeck.wallet.wallet import Wallet

_log = get_logger("payments")
_INSTANCE_BYTES = 8
_LEAST_FEE_PER_KB = 1_000
_FEE_FACTOR = 2
"""Over the least fee that a node takes at the moment, so that it is taken in the next one too."""


class Means(msgspec.Struct, frozen=True):
    """What an owner can spend at the moment."""

    owner: KeyHash
    coins: tuple[WalletCoin, ...]
    has_pending: bool
    """Whether something of its own still waits for a block."""

    @property
    def total(self) -> int:
        return sum(coin.coin.amount for coin in self.coins)


class Payments:
    """Makes one payment at a time. Every method may raise a `ClientError`."""

    def __init__(
        self, operator: Wallet, demo: Wallet, client: AsyncNodeClient, draw: random.Random
    ) -> None:
        self._operator = operator
        self._demo = demo
        self._client = client
        self._draw = draw
        self.owners = demo.key_hashes()[:DEMO_OWNERS]

    async def pay_once(self) -> str:
        """Fund an owner that has too little, or have it pay another one; return the payment's id.

        Raises `DemoUnfunded` where there is nothing to fund it with yet.
        """
        owner = self._draw.choice(self.owners)
        means = await self.means_of(self._demo, owner)
        if means.total < DEMO_REFUND_BELOW and not means.has_pending:
            return await self.fund(owner)
        if not means.coins:
            raise DemoUnfunded(amount=DEMO_LEAST_PAID)
        payee = self._draw.choice([other for other in self.owners if other != owner])
        if len(means.coins) > DEMO_MANY_COINS:
            return await self._merge(means, payee)
        coin = self._draw.choice(means.coins)
        most = coin.coin.amount // 2
        amount = Amount(self._draw.randint(min(DEMO_LEAST_PAID, most), most))
        outputs = [Payment(payee, amount)]
        selection = select_coins([coin], outputs, await self._rate())
        return await self._submit(self._demo, selection, outputs, owner)

    async def fund(self, owner: KeyHash) -> str:
        """Give an owner some coins out of what was mined."""
        operator = self._operator.key_hashes()[0]
        means = await self.means_of(self._operator, operator)
        outputs = [Payment(owner, Amount(DEMO_COIN))] * DEMO_COINS_EACH
        try:
            selection = select_coins(means.coins, outputs, await self._rate())
        except SelectionError:
            raise DemoUnfunded(amount=DEMO_COIN * DEMO_COINS_EACH) from None
        return await self._submit(self._operator, selection, outputs, operator)

    async def means_of(self, wallet: Wallet, owner: KeyHash) -> Means:
        page = await self._client.address(wallet.address(owner), limit=DEMO_ROWS)
        free = [row for row in page.coins if row.is_mature and row.spent_by is None]
        has_pending = bool(page.pending) or any(row.spent_by for row in page.coins)
        return Means(owner, tuple(_coin(owner, row) for row in free), has_pending)

    async def _merge(self, means: Means, payee: KeyHash) -> str:
        """Pay with several of an owner's smallest coins at once, all that they are worth."""
        smallest = sorted(means.coins, key=lambda coin: coin.coin.amount)[:DEMO_MERGED]
        selection = sweep_coins(smallest, await self._rate())
        outputs = [Payment(payee, Amount(selection.change))]
        selection = msgspec.structs.replace(selection, paid=selection.change, change=0)
        return await self._submit(self._demo, selection, outputs, means.owner)

    async def _rate(self) -> int:
        status = await self._client.status()
        return max(_LEAST_FEE_PER_KB, status.mempool.floor_per_kb * _FEE_FACTOR)

    async def _submit(
        self, wallet: Wallet, selection: Selection, outputs: Sequence[Output], change_to: KeyHash
    ) -> str:
        draft = build_draft(wallet.network, selection, outputs, change_to, int(time.time()))
        transaction = finish_draft(sign_draft(draft, wallet.network, wallet.signer))
        (verdict,) = await self._client.submit_packed([transaction])
        refused = rejection(verdict)
        if refused is not None:
            raise refused
        return transaction.id.hex()


async def run_payments(home: Home) -> None:
    """Pay until SIGTERM; raise what is wrong with the home's files."""
    set_up_logs("info", "text")
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    password = load_home_secrets(home).wallet_password
    open_or_make(home.demo_wallet, load_home_secrets(home))
    demo = load_keystore(home.demo_wallet).unlock(password)
    operator = load_keystore(home.operator_wallet).unlock(password)
    folder = home.folder / "payments"
    make_private(folder)
    note = {
        "pid": os.getpid(),
        "started_at_ms": time.time_ns() // 1_000_000,
        "instance": secrets.token_hex(_INSTANCE_BYTES),
        "address": "",
    }
    write_json(folder / RUNNING_NAME, note)
    try:
        await _pay_on(_clients(home), operator, demo, stopping)
    finally:
        (folder / RUNNING_NAME).unlink(missing_ok=True)


async def _pay_on(
    clients: list[AsyncNodeClient], operator: Wallet, demo: Wallet, stopping: asyncio.Event
) -> None:
    """Pay about once a second at one node after the other; more slowly while it does not work."""
    draw, failures, turn = random.Random(), 0, 0  # noqa: S311 - amounts of a demonstration
    while not stopping.is_set():
        turn += 1
        payments = Payments(operator, demo, clients[turn % len(clients)], draw)
        try:
            await payments.pay_once()
            failures = 0
        except (ClientError, SelectionError, DemoUnfunded) as error:
            failures += 1
            if failures.bit_count() == 1:
                _log.info("no payment", reason=str(error), code=error.code, in_a_row=failures)
        wait_s = draw.uniform(0.5, 1.5) * DEMO_PAUSE_S
        if failures > len(clients):
            wait_s = backoff_s(failures - len(clients), DEMO_PAUSE_S, DEMO_MOST_WAIT_S)
        await _wait(stopping, wait_s)
    for client in clients:
        client.close()


async def _wait(stopping: asyncio.Event, limit_s: float) -> None:
    try:
        async with asyncio.timeout(limit_s):
            await stopping.wait()
    except TimeoutError:
        return


def _clients(home: Home) -> list[AsyncNodeClient]:
    """Return a client for each node; the next one is asked where one does not answer."""
    return [
        AsyncNodeClient(
            Access(f"http://127.0.0.1:{node.api_port}", folders=[home.nodes / node.name]),
            plan=NO_RETRIES,
        )
        for node in load_config(home).nodes
    ]


def _coin(owner: KeyHash, row: CoinRow) -> WalletCoin:
    place = OutPoint(bytes.fromhex(row.tx_id) + row.output_index.to_bytes(4, "big"))
    return WalletCoin(place, Coin(owner, Amount(row.amount), Height(row.height), row.is_reward))
