"""A node that is killed at any moment loses nothing that it acknowledged.

One thread posts payments without pause and notes each one that was accepted, another has blocks
made and notes their hashes, and the node mines on payments besides. Then the node is killed. What
it left is copied and replayed independently, which must agree with all that is stored; the node is
started again, must have every block of which anybody was told, and every payment of which somebody
was since the last kill. At the end it is asked about all of them.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

from chaindeck.ledger.coins import Coin, decode_coin
from chaindeck.ledger.connect import genesis_coins
from chaindeck.ledger.genesis import build_network
from chaindeck.ledger.types import OutPoint, Payment, Transaction
from chaindeck.node.dev import FAUCET_KEY, dev_genesis
from chaindeck.store import ChainStore
from chaindeck.store.verification import verify
from tests.functional.processes import NodeProcess
from tests.ledger.forge import ALICE, BOB, address, pay, spend

KILLS = 300 if os.environ.get("CHAINDECK_TEST_PROFILE") == "prove" else 6
NETWORK = build_network(dev_genesis())
LIMIT_S = 60.0
SOURCES = 50
"""Lines of payments, each of which spends the change of the one before."""


class Told:
    """The blocks of which anybody was told, by hash."""

    def __init__(self) -> None:
        self.hashes: set[str] = set()

    def run(self, url: str, token: str) -> None:
        """Have one block after the other made until the node is gone."""
        headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
        form = json.dumps({"blocks": 1, "address": address(ALICE)})
        with gone_at_last(url) as connection:
            while True:
                connection.request("POST", "/api/mine", form, headers)
                answer = connection.getresponse()
                content = json.loads(answer.read())
                assert answer.status == 200, content
                self.hashes.update(content["hashes"])

    def look(self, node: NodeProcess) -> None:
        """Note the whole active chain: the blocks of the node's own plan are in it too."""
        self.hashes |= active_chain(node)

    def expect_all(self, node: NodeProcess) -> None:
        """Every block is on the active chain or on a branch that is known."""
        for block_hash in self.hashes - active_chain(node):
            assert node.get(f"/api/block/{block_hash}")["hash"] == block_hash


def active_chain(node: NodeProcess) -> set[str]:
    hashes: set[str] = set()
    start: int | None = 0
    while start is not None:
        page = node.get(f"/api/blockchain?from={start}&limit=2000")
        hashes.update(block["hash"] for block in page["blocks"])
        start = page["next"]
    return hashes


@contextlib.contextmanager
def gone_at_last(url: str) -> Iterator[http.client.HTTPConnection]:
    """Give a line to a node, the end of which is the end of the block."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=LIMIT_S)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        yield connection


class Load:
    """Posts payments one after the other; remembers what was acknowledged."""

    def __init__(self) -> None:
        self.acknowledged: list[str] = []
        self._coins = self._first_coins()
        self._unsure: tuple[int, Transaction] | None = None
        self._turn = 0

    def _first_coins(self) -> list[tuple[OutPoint, Coin]]:
        coins = sorted(genesis_coins(NETWORK).items())
        return [(outpoint, decode_coin(packed)) for outpoint, packed in coins[:SOURCES]]

    def run(self, url: str) -> None:
        """Post until the node is gone."""
        with gone_at_last(url) as connection:
            while True:
                self._post(connection)

    def resolve(self, node: NodeProcess) -> None:
        """Learn what became of the payment whose answer never came."""
        if self._unsure is None:
            return
        place, payment = self._unsure
        if node.get(f"/api/transaction/{payment.id.hex()}")["status"] in ("pooled", "confirmed"):
            self._advance(place, payment)
        self._unsure = None

    def _post(self, connection: http.client.HTTPConnection) -> None:
        self._turn += 1
        place = self._turn % SOURCES
        payment = self._payment(*self._coins[place])
        self._unsure = place, payment
        headers = {"content-type": "application/octet-stream"}
        connection.request("POST", "/api/transactions", payment.raw, headers)
        answer = connection.getresponse()
        content = json.loads(answer.read())
        assert answer.status == 200, content
        self._unsure = None
        if content[0]["status"] == "accepted":
            self.acknowledged.append(payment.id.hex())
            self._advance(place, payment)
        else:
            # The line is as long as the pool allows; it goes on after the next block.
            assert content[0]["error"]["code"] == "pool-ancestors", content

    def _advance(self, place: int, payment: Transaction) -> None:
        change = payment.outputs[1]
        assert isinstance(change, Payment)
        coin = Coin(change.key_hash, change.amount, 0, is_reward=False)
        self._coins[place] = payment.outpoint(1), coin

    def _payment(self, outpoint: OutPoint, coin: Coin) -> Transaction:
        outputs = [pay(BOB.key_hash, 1), pay(FAUCET_KEY.key_hash, coin.amount - 1)]
        return spend(NETWORK.id, [(outpoint, coin)], outputs, FAUCET_KEY)


def test_killed_node_keeps_what_it_acknowledged(tmp_path: Path, rng) -> None:
    load, told = Load(), Told()
    node = NodeProcess(tmp_path / "node", "--mining=hybrid", f"--mine-to={address(ALICE)}")
    node.options = (*node.options, "--mining-interval-ms=50")
    checked = 0
    for _ in range(KILLS):
        node.start()
        load.resolve(node)
        told.expect_all(node)
        for tx_id in load.acknowledged[checked:]:
            assert node.get(f"/api/transaction/{tx_id}")["status"] in ("pooled", "confirmed")
        checked = len(load.acknowledged)
        live_and_die(node, load, told, rng.uniform(0.05, 0.6))
        expect_agreement(node.folder, tmp_path / "left")
    assert len(load.acknowledged) > 10 * KILLS
    assert len(told.hashes) > KILLS
    expect_everything(node, load, told)
    assert node.stop() == 0
    expect_agreement(node.folder, tmp_path / "left")


def live_and_die(node: NodeProcess, load: Load, told: Told, life_s: float) -> None:
    """Have a node work for a while, and kill it while it does."""
    working = [
        threading.Thread(target=load.run, args=(node.url,)),
        threading.Thread(target=told.run, args=(node.url, node.cookie)),
    ]
    for thread in working:
        thread.start()
    working[0].join(life_s)
    told.look(node)
    node.kill()
    for thread in working:
        thread.join(LIMIT_S)
        assert not thread.is_alive()


def expect_agreement(folder: Path, copy: Path) -> None:
    """What a node left is what its blocks say, by an independent replay.

    Of a copy, because opening it settles what the node has to find out for itself.
    """
    shutil.copytree(folder, copy)
    with ChainStore.open(copy, NETWORK) as store:
        verification = verify(store)
        assert verification.disagreement is None
        assert verification.coins_hash == store.coins_hash()
    shutil.rmtree(copy)


def expect_everything(node: NodeProcess, load: Load, told: Told) -> None:
    """With one more block every payment that was ever acknowledged is in one."""
    node.start()
    load.resolve(node)
    told.expect_all(node)
    node.post("/api/mine", {"blocks": 1, "address": address(ALICE)})
    headers = {"authorization": f"Bearer {node.cookie}"}
    line = http.client.HTTPConnection(node.url.removeprefix("http://"), timeout=LIMIT_S)
    with contextlib.closing(line):
        for tx_id in load.acknowledged:
            line.request("GET", f"/api/transaction/{tx_id}", headers=headers)
            assert json.loads(line.getresponse().read())["status"] == "confirmed"
