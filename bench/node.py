"""A whole node, seen from outside: payments taken, starting, memory, events.

Each figure starts a node with an empty home in a process of its own and speaks to it over loopback,
as `chaindeck bench node` does. Every payment is looked for in blocks before a figure counts.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import shutil
import struct
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import uvloop

from bench.harness import Benchmark
from bench.node_process import empty_folder, node
from chaindeck.client import AsyncNodeClient, Event, EventStream, NodeClient
from chaindeck.client.answers import Template
from chaindeck.client.load.circulation import Circulation, Order, least_coin
from chaindeck.client.load.drive import Drive, Plan
from chaindeck.client.load.funds import Funds
from chaindeck.client.load.latencies import Latencies
from chaindeck.client.load.payments import OwnCoin, Payer
from chaindeck.kernel import search_nonce
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.types import NetworkId
from chaindeck.node.dev import FAUCET_KEY

COINS = 240_000
WAITING = 100_000
PAYMENTS = 20_000
BLOCKS = 300
MEGABYTE = 10**6
STRANGER = SigningKey(b"\x02" * 32)


def benchmarks() -> list[Benchmark]:
    """Floors and goals hold for the reference machine with nothing else running."""
    return [*load_rows(), *memory_rows(), *time_rows()]


def load_rows() -> list[Benchmark]:
    return [
        Benchmark(
            "node: one connection, one by one", "/s", load(1, 1), 2_700, 5_000, repetitions=3
        ),
        Benchmark("node: four connections", "/s", load(4, 1), 5_000, 9_800, repetitions=3),
        Benchmark("node: batches of 100", "/s", load(1, 100), 7_000, 15_000, repetitions=3),
    ]


def memory_rows() -> list[Benchmark]:
    return [
        Benchmark(
            "node: memory when fresh", "MB", fresh_memory, 130, 70,
            higher_is_better=False, repetitions=3,
        ),
        Benchmark(
            "node: memory with 240,000 coins", "MB", coins_memory, 180, 100,
            higher_is_better=False, repetitions=3,
        ),
        Benchmark(
            "node: memory with 100,000 waiting", "MB", waiting_memory, 450, 300,
            higher_is_better=False, repetitions=1,
        ),
    ]  # fmt: skip


def time_rows() -> list[Benchmark]:
    return [
        Benchmark(
            "node: start to ready, 240,000 coins", "s", start_s, 1.5, 0.7, higher_is_better=False
        ),
        Benchmark(
            "node: block submitted to its event, p99", "ms", event_p99_ms, 20, 5,
            higher_is_better=False, repetitions=3,
        ),
    ]  # fmt: skip


def load(connections: int, batch: int) -> Callable[[], float]:
    """Return a run that gives the payments a second that a fresh node takes."""

    def run() -> float:
        with empty_folder() as folder, node(folder) as (client, _):
            circulation = prepare(client, PAYMENTS, batch)
            done = send(client, circulation, connections)
            circulation.settle()
            assert circulation.confirmed == done.accepted == PAYMENTS, "none is lost"
            return done.accepted / done.took_s

    return run


def prepare(client: NodeClient, count: int, batch: int) -> Circulation:
    """Sign so many payments, each of a coin of its own."""
    order = Order(
        count=count,
        to=STRANGER.key_hash,
        batch=batch,
        timestamp_s=client.status().time_ms // 1000,
    )
    payer, funds = payer_of(client)
    coins = make_coins(funds, count, least_coin(order, count))
    circulation = Circulation(client, funds, payer, coins, order)
    circulation.prepare()
    return circulation


def payer_of(client: NodeClient) -> tuple[Payer, Funds]:
    """Return the faucet as payer, and what splits its coins."""
    network = client.status().network
    payer = Payer(FAUCET_KEY, NetworkId(bytes.fromhex(network.id)), network.address_prefix)
    return payer, Funds(client, payer, mines=True, wait_s=60.0)


def make_coins(funds: Funds, count: int, least: int) -> list[OwnCoin]:
    return funds.prepare(count, least=least, progress=lambda *_: None)


def send(client: NodeClient, circulation: Circulation, connections: int) -> Drive:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(circulation.run(client.access, Plan(connections=connections)))


def fresh_memory() -> float:
    """Megabytes of a node on an empty chain."""
    with empty_folder() as folder, node(folder) as (client, _):
        return client.stats().memory_bytes / MEGABYTE


def coins_memory() -> float:
    """Megabytes of a node that was started on a chain with many coins."""
    with node(folder_with_coins()) as (client, _):
        return client.stats().memory_bytes / MEGABYTE


def waiting_memory() -> float:
    """Megabytes of a node that took many payments and mined none of them."""
    with empty_folder() as folder, node(folder) as (client, _):
        done = send(client, prepare(client, WAITING, 100), 1)
        assert client.status().mempool.count == done.accepted == WAITING
        return client.stats().memory_bytes / MEGABYTE


def start_s() -> float:
    """Seconds from starting the process to its first answer."""
    with node(folder_with_coins()) as (_, ready_s):
        return ready_s


@cache
def folder_with_coins() -> Path:
    """Return the data directory of a node that was stopped; whoever starts it adds nothing."""
    folder = Path(mkdtemp(prefix="chaindeck-bench-")) / "node"
    with node(folder) as (client, _):
        _, funds = payer_of(client)
        make_coins(funds, COINS, 10_000)
    atexit.register(shutil.rmtree, folder.parent)
    return folder


def event_p99_ms() -> float:
    """Milliseconds from handing in an empty block to reading its event, of many the 99th."""
    with (
        empty_folder() as folder,
        node(folder) as (client, _),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        return runner.run(follow_blocks(client)).percentile_ms(99)


async def follow_blocks(client: NodeClient) -> Latencies:
    """Hand blocks in one by one and wait for the event of each; the first finds the line open."""
    times = Latencies()
    address = payer_of(client)[1].address
    epoch, since = client.health().instance_id, client.stats().feed_sequence
    events = aiter(EventStream(client.access, ["block"], epoch=epoch, since=since))
    async with AsyncNodeClient(client.access) as writer, contextlib.aclosing(events):
        await writer.submit_block(finish(await writer.template(address)))
        await anext(events)
        for _ in range(BLOCKS):
            raw = finish(await writer.template(address))
            began_s = time.perf_counter()
            submitting = asyncio.create_task(writer.submit_block(raw))
            event = await anext(events)
            times.note(time.perf_counter() - began_s)
            taken = await submitting
            assert isinstance(event, Event)
            assert event.data["hash"] == taken.hash
    return times


def finish(work: Template) -> bytes:
    """Return the block that a template becomes with the nonce it lacks."""
    header = bytes.fromhex(work.header)
    nonce, _ = search_nonce(header, bytes.fromhex(work.target), 0, 1 << 40)
    assert nonce is not None, "development chains ask for little work"
    parts = [work.coinbase, *work.transactions]
    return header[:-8] + struct.pack("<Q", nonce) + b"\x00" + bytes.fromhex("".join(parts))
