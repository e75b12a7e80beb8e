"""A node that is killed at any moment loses nothing that it acknowledged.

A thread posts payments without pause and notes each one that was accepted, while the node mines on
payments. Then the node is killed, started again, and asked about every note since the last kill; at
the end an independent replay must agree with all that is stored.
"""

from __future__ import annotations

import http.client
import json
import os
import threading
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
SOURCES = 50
"""Lines of payments, each of which spends the change of the one before."""


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
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
        try:
            while True:
                self._post(connection)
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()

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
    load = Load()
    node = NodeProcess(tmp_path / "node", "--mining=hybrid", f"--mine-to={address(ALICE)}")
    node.options = (*node.options, "--mining-interval-ms=50")
    checked = height = 0
    for _ in range(KILLS):
        node.start()
        load.resolve(node)
        assert node.get("/api/status")["height"] >= height
        for tx_id in load.acknowledged[checked:]:
            assert node.get(f"/api/transaction/{tx_id}")["status"] in ("pooled", "confirmed")
        checked = len(load.acknowledged)
        posting = threading.Thread(target=load.run, args=(node.url,))
        posting.start()
        posting.join(rng.uniform(0.05, 0.6))
        height = node.get("/api/status")["height"]
        node.kill()
        posting.join(20)
        assert not posting.is_alive()
    assert len(load.acknowledged) > 10 * KILLS
    expect_good_chain(node, load)


def expect_good_chain(node: NodeProcess, load: Load) -> None:
    """Everything acknowledged is in blocks after one more, and all that is stored agrees."""
    node.start()
    load.resolve(node)
    node.post("/api/mine", {"blocks": 1, "address": address(ALICE)})
    for tx_id in load.acknowledged[-1_000:]:
        assert node.get(f"/api/transaction/{tx_id}")["status"] == "confirmed"
    assert node.stop() == 0
    with ChainStore.open(node.folder, NETWORK) as store:
        assert verify(store).disagreement is None
