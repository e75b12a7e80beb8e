"""Reading from a node while nothing else happens: its status, a block, an address.

Requests come at a steady rate over a few connections, from this process to a node in another. Each
has its moment, and a late one counts from its moment: a node that stalls cannot hide it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import uvloop

from bench.harness import Benchmark
from bench.node import make_coins, payer_of
from bench.node_process import empty_folder, node
from chaindeck.client import NodeClient
from chaindeck.client.access import Access
from chaindeck.client.load.latencies import Latencies
from chaindeck.ledger.addresses import encode_address
from chaindeck.ledger.signatures import SigningKey

SLOW_PER_S, FAST_PER_S = 1_000, 5_000
LASTS_S = 4.0
CONNECTIONS = 8
PAYMENTS = 25
COINS = 5
FEE = 1_000
WORTH = 1_000_000
READER = SigningKey(b"\x03" * 32)
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


def benchmarks() -> list[Benchmark]:
    """Floors and goals hold for the reference machine with nothing else running."""
    return [
        row
        for name, path in (
            ("status", lambda _: "/api/status"),
            (f"block of {PAYMENTS}", lambda _: "/api/block/2"),
            (f"address with {COINS} coins", address_path),
        )
        for row in (
            Benchmark(
                f"reads: {name}, {SLOW_PER_S:,}/s, p99", "ms", reading(path, SLOW_PER_S), 10, None,
                higher_is_better=False, repetitions=3,
            ),
            Benchmark(
                f"reads: {name}, {FAST_PER_S:,}/s, p99", "ms", reading(path, FAST_PER_S), None, 3,
                higher_is_better=False, repetitions=3,
            ),
        )
    ]  # fmt: skip


def reading(path: Callable[[NodeClient], str], rate_per_s: int) -> Callable[[], float]:
    """Return a run that gives the 99th percentile of a request's time in milliseconds."""

    def run() -> float:
        with empty_folder() as folder, node(folder) as (client, _):
            pay(client)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(ask(client.access, path(client), rate_per_s)).percentile_ms(99)

    return run


def pay(client: NodeClient) -> None:
    """Make block 2, in which the reader's coins are among other payments."""
    payer, funds = payer_of(client)
    now_s = client.status().time_ms // 1000
    others = SigningKey(b"\x04" * 32)
    owners = [READER if place < COINS else others for place in range(PAYMENTS)]
    coins = make_coins(funds, PAYMENTS, WORTH)
    client.submit_packed(
        [
            payer.pay(coin, owner.key_hash, FEE, now_s)
            for coin, owner in zip(coins, owners, strict=True)
        ]
    )
    client.mine(1, funds.address)


def address_path(client: NodeClient) -> str:
    prefix = client.status().network.address_prefix
    return f"/api/address/{encode_address(READER.key_hash, prefix)}"


async def ask(access: Access, path: str, rate_per_s: int) -> Latencies:
    """Ask at a rate for some seconds; each connection has every n-th moment."""
    times = Latencies()
    headers = {"host": access.authority, **access.headers()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode()
    started_s = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for place in range(CONNECTIONS):
            moments = range(place, int(rate_per_s * LASTS_S), CONNECTIONS)
            due_s = [started_s + moment / rate_per_s for moment in moments]
            tasks.create_task(ask_line(access, request, due_s, times))
    return times


async def ask_line(access: Access, request: bytes, due_s: list[float], times: Latencies) -> None:
    """Ask over one connection, one request at a time."""
    reader, writer = await asyncio.open_connection(access.host, access.port)
    for moment_s in due_s:
        early_s = moment_s - time.perf_counter()
        if early_s > 0:
            await asyncio.sleep(early_s)
        writer.write(request)
        head = await reader.readuntil(_HEAD_END)
        assert head.startswith(b"HTTP/1.1 200 "), head
        _, _, rest = head.partition(_LENGTH)
        await reader.readexactly(int(rest.partition(b"\r\n")[0]))
        times.note(time.perf_counter() - moment_s)
    writer.close()
