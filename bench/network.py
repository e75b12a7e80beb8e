"""Several whole nodes and what travels between them: blocks, payments, a whole chain.

Each node is a process of its own with an empty home; they meet on loopback. What arrives at a node
is taken from its feed, so that asking does not hold up what is measured.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import shutil
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import uvloop

from bench.harness import Benchmark
from bench.node import STRANGER, finish, make_coins, payer_of
from bench.node_process import empty_folder, node
from bench.peer_process import ScriptedPeer
from chaindeck.client import AsyncNodeClient, Event, EventStream, NodeClient
from chaindeck.client.load.circulation import Circulation, Order, least_coin
from chaindeck.client.load.drive import Drive, Plan
from chaindeck.client.load.payments import OwnCoin, Payer, change_of
from chaindeck.ledger.genesis import build_network
from chaindeck.ledger.types import Transaction
from chaindeck.store.genesis_file import load_genesis

FEE = 1_000
COIN = 100_000_000
"""Base units of each coin: enough for every round of a figure."""

BATCH = 100
EMPTY_BLOCKS = 20
"""As many as a peer is sent at once in compact form."""

PAYMENTS = 300
RELAYED = 10_000
SYNC_BLOCKS, SYNC_PAYMENTS = 200, 500
PEERS = 100
CONFIRMED = 40_000
WAIT_S = 60.0
SEND_LIMIT_S = 1_800.0
MEGABYTE = 10**6
_LOOK_S = 0.01
Fits = Callable[[dict[str, Any]], bool]
Find = Callable[[Fits], Awaitable[float]]


def benchmarks() -> list[Benchmark]:
    """Floors and goals hold for the reference machine with nothing else running."""
    return [*travel_rows(), *bulk_rows(), *crowd_rows()]


def travel_rows() -> list[Benchmark]:
    return [
        Benchmark(
            "network: block to the other node, empty", "ms", block_ms(0, EMPTY_BLOCKS), 5, 1,
            higher_is_better=False, repetitions=3,
        ),
        Benchmark(
            "network: block to the other node, 500 pooled", "ms", block_ms(500, 10), 40, 11,
            higher_is_better=False, repetitions=3,
        ),
        Benchmark(
            "network: block to the other node, 7,000 pooled", "ms", block_ms(7_000, 3), 400, 130,
            higher_is_better=False, repetitions=3,
        ),
        Benchmark(
            "network: payment to the other pool, median", "ms", payment_ms, 25, 5,
            higher_is_better=False, repetitions=3,
        ),
    ]  # fmt: skip


def bulk_rows() -> list[Benchmark]:
    return [
        Benchmark(
            "network: relay from node to node", "/s", relay_rate, 2_000, 7_000, repetitions=3
        ),
        Benchmark(
            "network: sync of 200 blocks of 500", "tx/s", sync_rate, 10_000, 35_000, repetitions=3
        ),
        Benchmark(
            "network: 4 nodes, confirmed by all", "/s", confirmed_rate, 1_000, 2_000, repetitions=1
        ),
    ]  # fmt: skip


def crowd_rows() -> list[Benchmark]:
    return [
        Benchmark(
            "network: memory with 100 peers", "MB", crowd_memory, 400, 200,
            higher_is_better=False, repetitions=3,
        ),
        Benchmark(
            "network: block to all of 100 peers", "ms", crowd_ms, 1_000, 250,
            higher_is_better=False, repetitions=3,
        ),
    ]  # fmt: skip


# Nodes that are linked


@contextlib.contextmanager
def mesh(count: int) -> Iterator[list[NodeClient]]:
    """Run so many nodes, each linked with all others."""
    with empty_folder() as folder, contextlib.ExitStack() as stack:
        clients: list[NodeClient] = []
        for number in range(count):
            made, _ = stack.enter_context(node(folder / f"{number}", *peering(clients)))
            clients.append(made)
        wait(lambda: all(links(made) == count - 1 for made in clients), "the nodes do not link")
        yield clients


def peering(others: Sequence[NodeClient] = ()) -> list[str]:
    peers = ",".join(other.peers().listens_at for other in others)
    return ["--p2p=true", "--p2p-port=0", "--discovery=false", f"--peers={peers}"]


def links(client: NodeClient) -> int:
    peers = client.status().peers
    return peers.linked if peers else 0


def wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(_LOOK_S)


def same_tip(clients: Sequence[NodeClient]) -> bool:
    return len({client.status().tip for client in clients}) == 1


def fund(clients: Sequence[NodeClient], count: int) -> tuple[Payer, list[OwnCoin]]:
    """Make coins on the first node, and wait until all know of them."""
    payer, funds = payer_of(clients[0])
    coins = make_coins(funds, count, COIN)
    wait(lambda: same_tip(clients), "the coins do not travel")
    return payer, coins


def sign(client: NodeClient, payer: Payer, coins: Sequence[OwnCoin]) -> list[Transaction]:
    now_s = client.status().time_ms // 1_000
    return [payer.pay(coin, STRANGER.key_hash, FEE, now_s) for coin in coins]


def offer(client: NodeClient, payments: Sequence[Transaction]) -> None:
    for first in range(0, len(payments), BATCH):
        verdicts = client.submit_packed(payments[first : first + BATCH])
        assert all(verdict.status == "accepted" for verdict in verdicts)


def run(work: Coroutine[Any, Any, float]) -> float:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


@contextlib.asynccontextmanager
async def following(client: NodeClient, topic: str) -> AsyncIterator[Find]:
    """Read a node's feed; yields what waits for the event that a condition fits, and its moment."""
    epoch, since = client.health().instance_id, client.stats().feed_sequence
    events = aiter(EventStream(client.access, [topic], epoch=epoch, since=since))

    async def find(fits: Fits) -> float:
        async with asyncio.timeout(WAIT_S):
            async for event in events:
                assert isinstance(event, Event)
                if fits(event.data):
                    return time.perf_counter()
        raise AssertionError("a feed has no end")

    async with contextlib.aclosing(events):
        yield find


# Blocks and payments


def block_ms(waiting: int, rounds: int) -> Callable[[], float]:
    """Return a run that gives the median from handing a block in to its event at the other node."""

    def measure() -> float:
        with mesh(2) as clients:
            payer, coins = fund(clients, waiting) if waiting else (payer_of(clients[0])[0], [])
            times = []
            for _ in range(rounds):
                payments = sign(clients[0], payer, coins)
                offer(clients[0], payments)
                wait(lambda: clients[1].status().mempool.count == waiting, "the pools differ")
                times.append(run(pass_block(clients[0], clients[1])))
                coins = [change_of(payment) for payment in payments]
                wait(lambda: clients[0].status().mempool.count == 0, "a block took less")
            return 1_000 * statistics.median(times)

    return measure


async def pass_block(here: NodeClient, there: NodeClient) -> float:
    address = payer_of(here)[1].address
    async with AsyncNodeClient(here.access) as writer, following(there, "block") as find:
        # The first answer finds the line open.
        raw = finish(await writer.template(address))
        await writer.health()
        began_s = time.perf_counter()
        submitting = asyncio.create_task(writer.submit_block(raw))
        ended_s = await find(lambda data: data["status"] == "connected")
        await submitting
        return ended_s - began_s


def payment_ms() -> float:
    """Milliseconds from handing a payment in to its event at the other node, the median."""
    with mesh(2) as clients:
        payer, coins = fund(clients, PAYMENTS)
        return run(pass_payments(clients[0], clients[1], sign(clients[0], payer, coins)))


async def pass_payments(
    here: NodeClient, there: NodeClient, payments: Sequence[Transaction]
) -> float:
    times = []
    async with AsyncNodeClient(here.access) as writer, following(there, "transaction") as find:
        for payment in payments:
            began_s = time.perf_counter()
            submitting = asyncio.create_task(writer.submit_packed([payment]))
            times.append(await find(partial(is_about, payment.id.hex())) - began_s)
            await submitting
    return 1_000 * statistics.median(times)


def is_about(tx_id: str, data: dict[str, Any]) -> bool:
    same: bool = data["id"] == tx_id
    return same


def relay_rate() -> float:
    """Payments a second that one node takes in batches and the other has as well."""
    with mesh(2) as clients:
        payer, coins = fund(clients, RELAYED)
        payments = sign(clients[0], payer, coins)
        began_s = time.perf_counter()
        offer(clients[0], payments)
        wait(lambda: clients[1].status().mempool.count == RELAYED, "payments are missing")
        return RELAYED / (time.perf_counter() - began_s)


# Sync


def sync_rate() -> float:
    """Payments a second of a whole chain that a new node takes in from one peer."""
    with (
        empty_folder() as folder,
        node(folder_with_chain(), *peering()) as (old, _),
        node(folder, *peering()) as (new, _),
    ):
        height = old.status().height
        return SYNC_BLOCKS * SYNC_PAYMENTS / run(take_chain(old, new, height))


async def take_chain(old: NodeClient, new: NodeClient, height: int) -> float:
    async with AsyncNodeClient(new.access) as operator, following(new, "block") as find:
        began_s = time.perf_counter()
        await operator.admin_add_peer(old.peers().listens_at)
        ended_s = await find(lambda data: data["height"] == height)
        return ended_s - began_s


@cache
def folder_with_chain() -> Path:
    """Return the data directory of a node with so many blocks of so many payments."""
    folder = Path(mkdtemp(prefix="chaindeck-bench-")) / "node"
    atexit.register(shutil.rmtree, folder.parent)
    with node(folder) as (client, _):
        payer, funds = payer_of(client)
        coins = make_coins(funds, SYNC_PAYMENTS, COIN)
        for _ in range(SYNC_BLOCKS):
            payments = sign(client, payer, coins)
            offer(client, payments)
            client.mine(1, funds.address)
            coins = [change_of(payment) for payment in payments]
    return folder


# Many


def confirmed_rate(count: int = CONFIRMED, coins: int = 20_000) -> float:
    """Payments a second, offered to one of four nodes, that blocks hold which all four have."""
    with mesh(4) as clients:
        client = clients[0]
        payer, funds = payer_of(client)
        now_s = client.status().time_ms // 1_000
        order = Order(count=count, to=STRANGER.key_hash, batch=BATCH, timestamp_s=now_s)
        made = make_coins(funds, coins, least_coin(order, coins))
        wait(lambda: same_tip(clients), "the coins do not travel")
        circulation = Circulation(client, funds, payer, made, order)
        circulation.prepare()
        began_s = time.perf_counter()
        done = send_all(client, circulation)
        circulation.settle()
        wait(lambda: same_tip(clients), "the nodes do not agree")
        took_s = time.perf_counter() - began_s
        assert circulation.confirmed == done.accepted == count, "none is lost"
        assert all(other.status().mempool.count == 0 for other in clients)
        return count / took_s


def send_all(client: NodeClient, circulation: Circulation) -> Drive:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(circulation.run(client.access, Plan(limit_s=SEND_LIMIT_S)))


def crowd_memory() -> float:
    """Megabytes of a node with so many peers, after a block."""
    return with_crowd(lambda client, _: client.stats().memory_bytes / MEGABYTE)


def crowd_ms() -> float:
    """Milliseconds from handing a block in until the last of so many peers has heard of it."""
    return with_crowd(lambda _, took_s: 1_000 * took_s)


def with_crowd(figure: Callable[[NodeClient, float], float]) -> float:
    with empty_folder() as folder, node(folder, *peering()) as (client, _):
        network = build_network(load_genesis(folder))

        async def meet() -> float:
            peers = [ScriptedPeer(network, number) for number in range(PEERS)]
            port = int(client.peers().listens_at.rpartition(":")[2])
            listening = [await peer.link(port) for peer in peers]
            await asyncio.to_thread(wait, lambda: links(client) == PEERS, "peers are missing")
            async with AsyncNodeClient(client.access) as writer:
                raw = finish(await writer.template(payer_of(client)[1].address))
                began_s = time.perf_counter()
                await writer.submit_block(raw)
                told = await asyncio.gather(*(peer.told for peer in peers))
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)
            return figure(client, max(told) - began_s)

        return run(meet())
