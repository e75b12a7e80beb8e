"""A node whose disk is full says so, keeps what it has, and goes on once there is room.

The disk of one process is made full by a limit on the size of its files, which is taken back later.
"""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path

from chaindeck.ledger.coins import decode_coin
from chaindeck.ledger.connect import genesis_coins
from chaindeck.ledger.genesis import build_network
from chaindeck.ledger.types import Transaction
from chaindeck.node.dev import FAUCET_KEY, dev_genesis
from tests.functional.processes import Answer, NodeProcess, node
from tests.ledger.forge import ALICE, BOB, address, pay, spend

NETWORK = build_network(dev_genesis())
ROOM_FOR_PAYMENTS = 4_096
"""More than the journal grows by here, and less than the database's file already has."""


def payment(place: int) -> Transaction:
    """Spend one of the faucet's coins."""
    outpoint, packed = sorted(genesis_coins(NETWORK).items())[place]
    held = decode_coin(packed)
    outputs = [pay(BOB.key_hash, 1), pay(FAUCET_KEY.key_hash, held.amount - 1)]
    return spend(NETWORK.id, [(outpoint, held)], outputs, FAUCET_KEY)


def offer(process: NodeProcess, transaction: Transaction) -> Answer:
    return process.ask(
        "POST", "/api/transactions", raw=transaction.raw, content_type="application/octet-stream"
    )


def mine(process: NodeProcess) -> Answer:
    return process.ask("POST", "/api/mine", {"blocks": 1, "address": address(ALICE)})


def state_of(process: NodeProcess, transaction: Transaction) -> str:
    state: str = process.get(f"/api/transaction/{transaction.id.hex()}")["status"]
    return state


@contextlib.contextmanager
def full_disk(process: NodeProcess, *, room: int = 0) -> Iterator[None]:
    """Let no file of the node grow beyond its journal and some room."""
    size = (process.folder / "pool.bin").stat().st_size + room
    pid, without = process.process.pid, resource.RLIM_INFINITY
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, without))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (without, without))


def expect_refusal(answer: Answer) -> None:
    assert (answer.status, answer.json["error"]["code"]) == (507, "store-disk-full")


def test_payment_that_cannot_be_written_down_is_refused_and_welcome_later(tmp_path: Path) -> None:
    kept, late = payment(0), payment(1)
    with node(tmp_path / "node") as process:
        assert offer(process, kept).json[0]["status"] == "accepted"
        with full_disk(process):
            for _ in range(2):
                expect_refusal(offer(process, late))
            assert process.get("/api/status")["mempool"]["count"] == 1
            assert (state_of(process, kept), state_of(process, late)) == ("pooled", "unknown")
        assert offer(process, late).json[0]["status"] == "accepted"
        process.kill()
        process.start()
        assert (state_of(process, kept), state_of(process, late)) == ("pooled", "pooled")


def test_block_that_cannot_be_written_is_refused_and_mined_later(tmp_path: Path) -> None:
    early, late = payment(0), payment(1)
    with node(tmp_path / "node") as process:
        assert offer(process, early).json[0]["status"] == "accepted"
        assert mine(process).status == 200
        assert offer(process, late).json[0]["status"] == "accepted"
        with full_disk(process, room=ROOM_FOR_PAYMENTS):
            for _ in range(2):
                expect_refusal(mine(process))
            assert process.get("/api/status")["height"] == 1
            assert (state_of(process, early), state_of(process, late)) == ("confirmed", "pooled")
            assert offer(process, payment(2)).json[0]["status"] == "accepted"
        assert mine(process).status == 200
        assert process.get("/api/status")["height"] == 2
        process.kill()
        process.start()
        assert {state_of(process, item) for item in (early, late, payment(2))} == {"confirmed"}
