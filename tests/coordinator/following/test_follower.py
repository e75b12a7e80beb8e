"""The follower beside real nodes: growing, going back, catching up, dying and strange nodes."""

import asyncio
import itertools
import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from chaindeck.coordinator.following import choosing
from chaindeck.ledger.genesis import build_network
from chaindeck.node.dev import dev_genesis
from chaindeck.records.bulk import run
from chaindeck.records.databases import describe_database
from chaindeck.records.selectors import chain, events, standing
from chaindeck.records.selectors.activity import activity_page
from chaindeck.records.services.chain import chain_begin
from chaindeck.records.services.pieces import chain_reset
from chaindeck.store import ChainStore
from tests.coordinator.following.watching import (
    check_equal,
    check_journal,
    following,
    mine,
)
from tests.functional.processes import NodeProcess, node
from tests.ledger.forge import ALICE, BOB, address
from tests.records.databases import shared_postgres, using

pytestmark = pytest.mark.usefixtures("database")


def told(topic, kind=None):
    rows = events.events_after(since=0, topics=[topic], limit=10_000)
    return [row for row in rows if kind in (None, row.kind)]


def pay(running: NodeProcess, to=ALICE, amount=1_000):
    return running.post("/api/dev/faucet", {"address": address(to), "amount": amount})["id"]


def test_blocks_arrive_with_one_event_each(tmp_path):
    async def scenario(first):
        async with following(first) as watch:
            await watch.reaches(first)
            for _ in range(5):
                await mine(first)
                await watch.reaches(first)

    with node(tmp_path / "a") as first:
        asyncio.run(scenario(first))
        check_equal(first)
    check_journal()
    assert len(told("block", "connected")) == 6


def test_invalidated_blocks_are_taken_back(tmp_path):
    async def scenario(first):
        async with following(first) as watch:
            await mine(first, 5)
            await watch.reaches(first)
            bad = first.get("/api/block/3")["hash"]
            first.post("/api/admin/invalidate", {"hash": bad})
            await watch.reaches(first)
            place = await watch.writer.run(chain.chain_place)
            assert place.height == 2
            await mine(first, 4, address(BOB))
            await watch.reaches(first)

    with node(tmp_path / "a") as first:
        asyncio.run(scenario(first))
        check_equal(first)
    check_journal()
    assert [event.data["disconnected"] for event in told("chain", "reorganised")] == [3]


def test_heavier_side_chain_replaces_the_lighter_one(tmp_path):
    async def scenario(first, second):
        await mine(first, 3, address(ALICE))
        await mine(second, 20, address(BOB))
        async with following(first) as watch:
            await watch.reaches(first)
            for height in range(1, 21):
                raw = second.ask("GET", f"/api/block/{height}?raw=1").body
                taken = first.ask(
                    "POST", "/api/block", raw=raw, content_type="application/octet-stream"
                )
                assert taken.status == 200, taken.body
            await watch.reaches(first)

    with node(tmp_path / "a") as first, node(tmp_path / "b") as second:
        asyncio.run(scenario(first, second))
        check_equal(first)
        check_equal(second)
    check_journal()
    (reorganised,) = told("chain", "reorganised")
    assert reorganised.data["fork_height"] == 0


def test_payment_is_told_when_it_waits_and_when_it_is_confirmed(tmp_path):
    async def scenario(first):
        async with following(first) as watch:
            await watch.reaches(first)
            tx_id = pay(first)
            await watch.until(lambda: bool(told("transaction", "pooled")))
            await watch.until(lambda: any(e.data["count"] == 1 for e in told("pool")))
            await mine(first)
            await watch.until(lambda: bool(told("transaction", "confirmed")))
            return tx_id

    with node(tmp_path / "a") as first:
        tx_id = asyncio.run(scenario(first))
        check_equal(first)
    pooled, confirmed = told("transaction")
    assert pooled.key == confirmed.key == tx_id
    assert pooled.data["to"] == confirmed.data["to"] == address(ALICE)
    assert pooled.data["from"] == confirmed.data["from"]
    assert pooled.data["amount"] == confirmed.data["amount"] == 1_000
    assert confirmed.data["height"] == 1


def test_payment_that_waited_before_anybody_listened_is_told(tmp_path):
    async def scenario(first, tx_id):
        async with following(first) as watch:
            await watch.until(lambda: [event.key for event in told("transaction")] == [tx_id])

    with node(tmp_path / "a") as first:
        asyncio.run(scenario(first, pay(first)))
    assert [event.kind for event in told("transaction")] == ["pooled"]


def test_payment_that_a_node_forgot_is_dropped(tmp_path):
    async def scenario(first):
        async with following(first) as watch:
            await watch.reaches(first)
            before = first.post("/api/dev/snapshot")["id"]
            pay(first)
            await watch.until(lambda: bool(told("transaction", "pooled")))
            first.post("/api/dev/revert", {"id": before})
            await watch.until(lambda: bool(told("transaction", "dropped")))

    with node(tmp_path / "a") as first:
        asyncio.run(scenario(first))
    assert chain.transactions_waiting() == []


def test_payments_beyond_the_allowance_are_only_counted(tmp_path):
    async def scenario(first):
        async with following(first) as watch:
            await watch.reaches(first)
            await watch.until(lambda: bool(told("pool")))
            await asyncio.to_thread(lambda: [pay(first, amount=n + 1) for n in range(80)])
            await watch.until(lambda: any(e.data["count"] == 80 for e in told("pool")))

    with node(tmp_path / "a") as first:
        began = time.monotonic()
        asyncio.run(scenario(first))
        seconds = time.monotonic() - began
    assert 20 <= len(told("transaction", "pooled")) <= 20 + 20 * seconds
    assert len(told("pool")) <= 2 + seconds


def test_long_chain_is_caught_up_with_progress_and_without_an_event_for_each_block(tmp_path):
    async def scenario(first):
        for _ in range(6):
            await mine(first, 100)
        async with following(first) as watch:
            await watch.reaches(first)
            await watch.until(lambda: standing.executions_page().rows[0]["state"] == "done")

    with node(tmp_path / "a") as first:
        asyncio.run(scenario(first))
        check_equal(first)
    assert told("block") == []
    indexing = told("chain", "indexing")
    assert indexing
    times = [event.time_ms for event in indexing]
    assert all(after - before >= 450 for before, after in itertools.pairwise(times))
    assert told("job")[-1].data["done"] == 601


def test_chain_of_another_network_is_refused_until_a_reset(tmp_path):
    async def scenario(first):
        async with following(first) as watch:
            await watch.until(lambda: bool(activity_page().rows))
            assert watch.follower.state.problem_code == "records-other-network"
            await watch.writer.run(chain_reset)
            await watch.reaches(first)
            assert watch.follower.state.problem is None

    other = {"network_id": "ff" * 32, "genesis_hash": "ee" * 32, "address_prefix": "x"}
    chain_begin(**other)
    with node(tmp_path / "a") as first:
        asyncio.run(scenario(first))
        check_equal(first)
    (line,) = activity_page().rows
    assert line["severity"] == "error"
    assert "ff" * 32 in line["description"]


def test_pruned_node_is_followed_from_its_first_block(tmp_path):
    async def scenario(first):
        async with following(first) as watch:
            await watch.reaches(first)
            await mine(first)
            await watch.reaches(first)

    running = NodeProcess(tmp_path / "a")
    running.start()
    try:
        for _ in range(50):
            for _ in range(4):
                pay(running)
            running.post("/api/mine", {"blocks": 8})
        prune(running)
        asyncio.run(scenario(running))
    finally:
        running.kill()
    place = chain.chain_place()
    assert 0 < place.start_height < place.height == 401
    assert chain.block_find(place.start_height) is not None
    assert chain.block_find(place.start_height - 1) is None


def prune(running):
    """Have a node give up all blocks but those that it keeps in any case."""
    running.stop()
    with ChainStore.open(running.folder, build_network(dev_genesis())) as store:
        store.settle()
        store.prune(0)
    running.start()


def offer(running, raw):
    taken = running.ask("POST", "/api/block", raw=raw, content_type="application/octet-stream")
    assert taken.status == 200, taken.body


def bodies(running):
    height = running.get("/api/status")["height"]
    return [running.ask("GET", f"/api/block/{n}?raw=1").body for n in range(1, height + 1)]


def test_node_that_gave_up_what_comes_next_is_told_of_until_another_has_it(tmp_path):
    """The index stood below the first block that the node keeps."""

    async def scenario(pruned, whole):
        async with following(pruned, whole) as watch:
            await watch.until(lambda: bool(activity_page().rows))
            state = watch.follower.state
            assert state.problem_code == "coordinator-blocks-pruned"
            assert (state.height, state.behind) == (1, 400)
            # It has less than is indexed, so nothing is taken back for it either.
            assert await watch.writer.run(partial(is_at, 1))
            await asyncio.to_thread(lambda: [offer(whole, raw) for raw in raws])
            await watch.reaches(pruned)
            await watch.until(lambda: watch.follower.state.problem is None)
            await mine(pruned)
            await watch.reaches(pruned)

    with node(tmp_path / "a") as pruned, node(tmp_path / "b") as whole:
        pay(pruned)
        pruned.post("/api/mine", {"blocks": 1})

        async def begin():
            async with following(pruned) as watch:
                await watch.reaches(pruned)

        asyncio.run(begin())
        for _ in range(50):
            for _ in range(4):
                pay(pruned)
            pruned.post("/api/mine", {"blocks": 8})
        raws = bodies(pruned)
        prune(pruned)
        asyncio.run(scenario(pruned, whole))
        check_equal(pruned)
    (line,) = activity_page().rows
    assert "block 2" in line["description"]


def test_nothing_is_taken_back_at_a_start_before_the_node_with_more_is_looked_at(
    tmp_path, monkeypatch
):
    """Who starts knows of what is indexed alone how much work it has."""
    monkeypatch.setattr(choosing, "LESS_WORK_S", 60.0)

    async def scenario(best, other):
        await mine(best, 3)
        async with following(best) as watch:
            await watch.reaches(best)
        best.options = (f"--api-port={best.url.rpartition(':')[2]}",)
        await asyncio.to_thread(best.kill)
        async with following(best, other) as watch:
            await watch.until(lambda: watch.follower.state.url == other.url)
            await mine(other)
            await watch.until(lambda: watch.follower.state.target_height == 3)
            await watch.until(lambda: watch.follower.state.height == 3)
            assert await watch.writer.run(partial(is_at, 3))
            await asyncio.to_thread(best.start)
            await mine(best)
            await watch.reaches(best)

    with node(tmp_path / "a") as best, node(tmp_path / "b") as other:
        asyncio.run(scenario(best, other))
        check_equal(best)
    assert not told("block", "disconnected")


def test_nodes_that_are_all_gone_are_told_of_for_as_long_as_they_are(tmp_path):
    async def scenario(first):
        first.options = (f"--api-port={first.url.rpartition(':')[2]}",)
        async with following(first) as watch:
            await watch.reaches(first)
            assert watch.follower.state.problem is None
            await asyncio.to_thread(first.kill)
            await watch.until(lambda: watch.follower.state.problem_code == "coordinator-no-node")
            await asyncio.to_thread(first.start)
            await watch.until(lambda: watch.follower.state.problem is None)

    with node(tmp_path / "a") as first:
        asyncio.run(scenario(first))


def linked(tmp_path, count):
    """Some nodes that are peers, each linked with those before it."""
    nodes: list[NodeProcess] = []
    for number in range(count):
        made = NodeProcess(tmp_path / f"n{number}", "--p2p=true")
        if nodes:
            made.options = (*made.options, f"--peers={','.join(port_of(n) for n in nodes)}")
        made.start()
        nodes.append(made)
    return nodes


def port_of(running):
    return running.get("/api/peers")["listens_at"].replace("0.0.0.0", "127.0.0.1")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_following_goes_on_within_three_seconds_when_the_node_is_gone(tmp_path, how):
    async def scenario(nodes):
        async with following(*nodes) as watch:
            await watch.reaches(nodes[0])
            alive = list(nodes)
            while len(alive) > 1:
                url = watch.follower.state.url
                victim = next(item for item in alive if item.url == url)
                alive.remove(victim)
                os.kill(victim.process.pid, how)
                began = time.monotonic()
                await mine(alive[0], 1)
                await watch.reaches(alive[0], 3.0)
                assert time.monotonic() - began < 3.0

    nodes = linked(tmp_path, 3)
    try:
        asyncio.run(scenario(nodes))
        check_equal(next(item for item in nodes if is_alive(item)))
    finally:
        for item in nodes:
            if item.process.poll() is None:
                item.kill()
    check_journal()


def is_alive(running):
    try:
        state = Path(f"/proc/{running.process.pid}/stat").read_text().split()[2]
        return state not in "TZ" and running.process.poll() is None
    except FileNotFoundError:
        return False


def test_node_that_lags_is_left_for_one_that_does_not(tmp_path):
    async def scenario(first, second):
        async with following(first, second) as watch:
            await watch.reaches(first)
            await mine(second, 5, address(BOB))
            await watch.reaches(second, 3.0)
            assert watch.follower.state.url == second.url

    with node(tmp_path / "a") as first, node(tmp_path / "b") as second:
        asyncio.run(scenario(first, second))
        check_equal(second)
    check_journal()


def test_a_node_that_is_not_there_yet_is_followed_once_it_is(tmp_path):
    async def scenario(first):
        url = first.url
        port = url.rpartition(":")[2]
        first.stop()
        async with following(url) as watch:
            await asyncio.sleep(0)
            assert watch.follower.state.height == -1
            first.options = (f"--api-port={port}",)
            await asyncio.to_thread(first.start)
            await watch.reaches(first)

    with node(tmp_path / "a") as first:
        asyncio.run(scenario(first))
        check_equal(first)


def test_index_that_lost_rows_says_so_and_is_read_again_after_a_reset(tmp_path):
    async def scenario(first):
        async with following(first) as watch:
            await watch.reaches(first)
            await watch.writer.run(lambda: run("DELETE FROM outputs"))
            pay(first)
            await mine(first)
            await watch.until(lambda: bool(activity_page().rows))
            assert watch.follower.state.problem_code == "records-output-missing"
            assert watch.follower.state.behind == 1
            await watch.writer.run(chain_reset)
            await watch.reaches(first)

    with node(tmp_path / "a") as first:
        asyncio.run(scenario(first))
        check_equal(first)


@pytest.mark.needs("postgres")
def test_following_goes_on_after_the_line_to_the_database_broke(tmp_path):
    async def scenario(first):
        async with following(first) as watch:
            await watch.reaches(first)
            for _ in range(3):
                server.cut_lines()
                await mine(first)
                await watch.reaches(first)

    server = shared_postgres()
    url = server.make_migrated()
    described = describe_database(tmp_path, {"DATABASE_URL": url})
    with node(tmp_path / "a") as first, using(described):
        asyncio.run(scenario(first))
        check_equal(first)
        check_journal()
    server.drop(url)


def is_at(height):
    place = chain.chain_place()
    return place is not None and place.height == height


def test_block_reaches_the_journal_soon(tmp_path):
    """A wide bound: what is usual stands in docs/benchmarks.md."""

    async def scenario(first):
        async with following(first) as watch:
            await watch.reaches(first)
            for _ in range(20):
                await mine(first)
                height = (await asyncio.to_thread(first.get, "/api/status"))["height"]
                began = time.monotonic()
                await watch.until(partial(is_at, height))
                waits.append(time.monotonic() - began)

    waits: list[float] = []
    with node(tmp_path / "a") as first:
        asyncio.run(scenario(first))
    assert sorted(waits)[10] < 0.3, waits
