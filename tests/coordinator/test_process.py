"""The whole coordinator beside real nodes: what it tells, and what killing and outages do to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from chaindeck.rpc import forms
from chaindeck.rpc.access import coordinator_access, supervisor_access
from chaindeck.rpc.channel import RpcChannel
from chaindeck.rpc.client import CoordinatorClient
from chaindeck.rpc.contract import SUPERVISOR
from chaindeck.rpc.errors import PartRefused, PartUnreachable, RequestInvalid
from chaindeck.rpc.following import Away, EventFollower
from chaindeck.rpc.forms import Event, StreamHello
from chaindeck.rpc.server import RpcServer
from tests.coordinator.processes import (
    CoordinatorProcess,
    PostgresServer,
    RedisServer,
    asking,
    coordinator,
    home_node,
    wait_for,
)
from tests.ledger.forge import ALICE, address
from tests.rpc.desks import Desk, with_token

KILLS = 50 if os.environ.get("CHAINDECK_TEST_PROFILE") == "prove" else 5


def test_component_names_are_those_of_the_document(home):
    """Every component that health tells of is explained."""
    from tests.meta.tree import read_text

    text = read_text("docs/coordinator.md")
    with coordinator(home, REDIS_URL="redis://127.0.0.1:1/0"):

        async def names():
            async with asking(home) as client:
                return [entry.name for entry in (await client.health_check()).components]

        found = asyncio.run(names())
    assert len(found) == 8
    for name in found:
        assert f"| `{name}` |" in text


async def until(ask, is_so, limit_s=30.0):
    """Ask until the answer is so; return it."""
    async with asyncio.timeout(limit_s):
        while True:
            with contextlib.suppress(PartUnreachable):
                answer = await ask()
                if is_so(answer):
                    return answer
            await asyncio.sleep(0.02)


async def test_node_is_watched_measured_and_told_of(home):
    with home_node(home) as node, coordinator(home) as process:
        async with asking(home) as client:
            nodes = await until(client.list_nodes, lambda nodes: nodes and nodes[0].state == "up")
            assert (nodes[0].name, nodes[0].source, nodes[0].url) == ("node-1", "config", node.url)
            assert nodes[0].behind == 0
            assert abs(nodes[0].clock_offset_ms) < 1_000
            snapshot = await until(
                client.get_snapshot,
                lambda found: (
                    {"node", "network", "system", "status", "chain", "pool"}
                    <= {event.topic for event in found.events}
                ),
            )
            keys = {event.key for event in snapshot.events if event.topic == "system"}
            assert keys == {"machine", "coordinator", "node-1"}
            only = await client.get_snapshot(["node"])
            assert [event.key for event in only.events] == ["node-1"]
            stats = await client.get_system_stats()
            assert (stats.nodes, stats.nodes_up) == (1, 1)
            assert stats.instance == process.running["instance"]
            assert (await client.channel.check_health()).instance == stats.instance
            report = await client.health_check()
            assert report.is_serving
            page = await until(
                client.list_executions,
                lambda page: (
                    [run.state for run in page.executions if run.kind == "retention"] == ["done"]
                ),
            )
            assert await client.get_execution(page.executions[-1].id) == page.executions[-1]
        started = time.monotonic()
        assert process.stop() == 0
        assert time.monotonic() - started < 5
        assert not (home / "coordinator" / "running.json").exists()
        assert process.query("SELECT COUNT(*) FROM live_metrics")[0][0] > 10


async def test_transaction_is_found_at_the_nodes_and_followed_from_then_on(home):
    with home_node(home) as node, coordinator(home) as process:
        async with asking(home) as client:
            await until(client.list_nodes, lambda nodes: nodes and nodes[0].state == "up")
            unknown = await client.find_transaction("0" * 64)
            assert (unknown.node, unknown.status) == ("node-1", "unknown")
            orders = [{"address": address(ALICE), "amount": number + 1} for number in range(40)]
            paid = [node.post("/api/dev/faucet", order)["id"] for order in orders]
            found = await client.find_transaction(paid[-1])
            assert found.status == "pooled"
            assert len(found.state["transaction"]["outputs"]) == 2
            # More than are told of one by one, and yet this one is known.
            query = f"SELECT status FROM transactions WHERE tx_hash = '{paid[-1]}'"
            assert process.query(query) == [("pending",)]
            node.post("/api/mine", {"blocks": 1})
            found = await client.find_transaction(paid[-1], with_proof=True)
            assert (found.status, found.state["height"]) == ("confirmed", 1)
            assert found.state["proof"]["branch"]
            wait_for(lambda: process.query(query) == [("confirmed",)])


async def test_requests_that_make_no_sense_are_refused_with_their_codes(home):
    with coordinator(home):
        async with asking(home) as client:

            async def code_of(ask):
                with pytest.raises(PartRefused) as failure:
                    await ask
                return failure.value.code

            order = forms.ControlNodeRequest
            assert await code_of(client.get_execution("no")) == "coordinator-execution"
            assert await code_of(client.list_executions(cursor="x")) == "records-cursor"
            assert await code_of(client.get_snapshot(["block"])) == "events-topic"
            assert await code_of(client.health_check("moon")) == "coordinator-order"
            assert await code_of(client.find_transaction("AB" * 32)) == "coordinator-order"
            assert await code_of(client.find_transaction("ab" * 32)) == "coordinator-no-node"
            asked = order(node="moon", action="mine", blocks=1)
            assert await code_of(client.control_node(asked)) == "coordinator-node"
            asked = order(node="moon", action="dance")
            assert await code_of(client.control_node(asked)) == "coordinator-order"
            other = client.channel.stream(
                "/chaindeck.v1.Supervisor/StreamNotifications", forms.StreamNotificationsRequest()
            )
            assert await code_of(anext(other)) == "rpc-refused"
        stranger = with_token(coordinator_access(home), "x" * 43)
        async with RpcChannel(stranger) as channel:
            assert await code_of(CoordinatorClient(channel).list_nodes()) == "rpc-token"
            assert await code_of(anext(aiter(EventFollower(channel)))) == "rpc-token"


async def test_report_is_taken_down_once(home):
    report = forms.ReportEventRequest(
        report_id="r" * 20,
        time_ms=time.time_ns() // 1_000_000,
        action="sign-in",
        severity="warning",
        user_name="mira",
        description="signed in",
        ip_address="::1",
    )
    with coordinator(home) as process:
        async with asking(home) as client:
            assert await client.report_event(report)
            assert not await client.report_event(report)
            process.kill()
            process.start()
            assert not await client.report_event(report)
            for bad in (
                {"report_id": "short"},
                {"severity": "loud"},
                {"action": ""},
                {"description": "x" * 2_001},
                {"time_ms": 1},
            ):
                values = {name: getattr(report, name) for name in report.__struct_fields__}
                with pytest.raises(PartRefused) as failure:
                    await client.report_event(forms.ReportEventRequest(**(values | bad)))
                assert failure.value.code == "coordinator-report"
                assert failure.value.field == next(iter(bad))
        told = process.query("SELECT COUNT(*) FROM events WHERE topic = 'activity'")
        assert told == [(1,)]
        assert process.query("SELECT user, action FROM activities") == [("mira", "sign-in")]


async def test_orders_reach_the_node(home):
    with home_node(home) as node, coordinator(home):
        async with asking(home) as client:
            await until(client.list_nodes, lambda nodes: nodes and nodes[0].state == "up")
            order = forms.ControlNodeRequest
            mine = order(node="node-1", action="mine", blocks=2, pay_to=address(ALICE))
            reply = await client.control_node(mine)
            assert len(reply.hashes) == 2
            assert node.get("/api/status")["height"] == 2

            async def code_of(**asked):
                with pytest.raises(PartRefused) as failure:
                    await client.control_node(order(node="node-1", **asked))
                return failure.value.code

            assert await code_of(action="mine", blocks=101) == "coordinator-order"
            assert await code_of(action="add_peer", peer="127.0.0.1") == "coordinator-order-refused"
            assert await code_of(action="drop_peer") == "coordinator-order"
            assert await code_of(action="bar", peer="127.0.0.1") == "coordinator-order"
            for action in ("start", "stop", "restart", "remove"):
                assert await code_of(action=action) == "coordinator-supervisor-away"
            add = order(node="far", action="add", url="http://127.0.0.1:1")
            await client.control_node(add)
            nodes = await until(client.list_nodes, lambda nodes: len(nodes) == 2)
            with pytest.raises(PartRefused, match="already"):
                await client.control_node(add)
            assert [(item.name, item.source, item.state) for item in nodes] == [
                ("far", "added", "down"),
                ("node-1", "config", "up"),
            ]
            with pytest.raises(PartRefused) as failure:
                await client.control_node(order(node="far", action="mine", blocks=1))
            assert failure.value.code == "coordinator-node-away"
            await client.control_node(order(node="far", action="remove"))
            await until(client.list_nodes, lambda nodes: len(nodes) == 1)


async def test_node_that_goes_away_is_down_and_comes_back(home):
    with home_node(home) as node, coordinator(home):
        async with asking(home) as client:
            await until(client.list_nodes, lambda nodes: nodes and nodes[0].state == "up")
            node.kill()
            nodes = await until(client.list_nodes, lambda nodes: nodes[0].state == "down")
            assert nodes[0].last_seen_ms is not None
            assert (await client.health_check()).is_serving
            node.start()
            await until(client.list_nodes, lambda nodes: nodes[0].state == "up")
            events = (await client.get_snapshot(["status"])).events
            assert events[0].data["nodes"]["node-1"] in ("up", "down")


async def test_node_lags_from_the_third_block_on_that_it_is_behind(home):
    with home_node(home), home_node(home, name="node-2") as ahead:
        entries = [{"name": name, "api_port": 1} for name in ("node-1", "node-2")]
        (home / "config.json").write_text(json.dumps({"nodes": entries}))
        with coordinator(home):
            async with asking(home) as client:
                for blocks, state in ((2, "up"), (1, "lagging")):
                    mined = {"blocks": blocks, "address": address(ALICE)}
                    best = ahead.post("/api/mine", mined)["height"]
                    nodes = await until(
                        client.list_nodes,
                        lambda nodes, best=best: nodes and nodes[0].behind == best,
                    )
                    assert [node.state for node in nodes] == [state, "up"]


async def test_orders_about_processes_reach_the_supervisor(home):
    desk = Desk()
    with home_node(home), coordinator(home):
        access = supervisor_access(home)
        server = await RpcServer.start(SUPERVISOR, desk, access, instance="supervisor")
        async with asking(home) as client:
            await until(client.list_nodes, lambda nodes: nodes and nodes[0].state == "up")
            for action in ("start", "stop", "restart", "add", "remove"):
                order = forms.ControlNodeRequest(node="node-1", action=action)
                assert (await client.control_node(order)).detail == "web is ready"
            desk.trouble = RequestInvalid(reason="no port is free")
            with pytest.raises(PartRefused, match="no port is free") as failure:
                await client.control_node(forms.ControlNodeRequest(node="", action="add"))
            assert (failure.value.code, failure.value.status) == ("rpc-request", "INVALID_ARGUMENT")
        await server.stop()
    names = [name for name, _ in desk.asked[:5]]
    assert names == ["start_part", "stop_part", "restart_part", "add_node", "remove_node"]


class Reader:
    """Follows all events in the background and notes their numbers."""

    def __init__(self, home) -> None:
        self.home = home
        self.numbers: list[int] = []
        self.gaps = 0
        self.absences = 0
        self.epochs: set[str] = set()

    async def run(self) -> None:
        async with asking(self.home) as client:
            async for item in client.follow_events(since=0):
                match item:
                    case Event():
                        self.numbers.append(item.seq)
                    case StreamHello():
                        self.gaps += item.has_gap
                        self.epochs.add(item.epoch)
                    case Away():
                        self.absences += 1


def reorganise(node) -> None:
    """Have the node leave its last two blocks for others."""
    tip = node.get("/api/status")["height"]
    if tip > 3:
        block_hash = node.get(f"/api/block/{tip - 1}")["hash"]
        node.post("/api/admin/invalidate", {"hash": block_hash})
        node.post("/api/mine", {"blocks": 3, "address": address(ALICE)})


async def test_killed_coordinator_tells_everything_once(home, rng):
    # So slow that hardly any start takes longer than the blocks that are told of one by one.
    options = ("--mining-interval-ms=250", f"--mine-to={address(ALICE)}")
    process = CoordinatorProcess(home)
    with home_node(home, *options, mining="interval") as node:
        process.start()
        reader = Reader(home)
        reading = asyncio.create_task(reader.run())
        for _ in range(KILLS):
            await asyncio.sleep(rng.uniform(0.1, 0.9))
            await asyncio.to_thread(reorganise, node)
            process.kill()
            await asyncio.to_thread(process.start)
        height = node.get("/api/status")["height"]
        kept = "SELECT MAX(block_index) FROM blocks WHERE is_on_chain = 1"

        async def indexed():
            return process.query(kept)[0][0] or 0

        await until(indexed, lambda found: found >= height)
        assert process.stop() == 0
        chain = process.query(
            "SELECT block_index, hash FROM blocks WHERE is_on_chain = 1 ORDER BY block_index"
        )
        assert [place for place, _ in chain] == list(range(len(chain)))
        for place, block_hash in chain:
            assert node.get(f"/api/block/{place}")["hash"] == block_hash
    numbers = [seq for (seq,) in process.query("SELECT seq FROM events ORDER BY seq")]
    assert numbers == list(range(1, len(numbers) + 1))
    reading.cancel()
    await asyncio.wait([reading])
    assert reader.numbers == list(range(1, len(reader.numbers) + 1))
    assert len(reader.numbers) > KILLS
    assert (reader.gaps, len(reader.epochs)) == (0, 1)
    assert reader.absences > 0
    expect_told_chain(process, chain)
    process.log_path.unlink()


def expect_told_chain(process, chain) -> None:
    """Putting on and taking back what events tell gives the chain that is kept."""
    told: list[str] = []
    for kind, key in process.query("SELECT kind, key FROM events WHERE topic='block' ORDER BY seq"):
        if kind == "connected":
            told.append(key)
        else:
            assert told.pop() == key
    assert told == [block_hash for _, block_hash in chain]


@pytest.mark.needs("redis")
async def test_redis_that_comes_and_goes_costs_only_its_listeners(home):
    from redis import asyncio as redis

    server = RedisServer(home)
    with coordinator(home, REDIS_URL=server.url):
        async with asking(home) as client:

            async def state():
                return (await client.health_check("redis")).components[0].state

            try:
                await until(state, lambda found: found == "sick")
                assert (await client.health_check()).is_serving
                for _ in range(2):
                    server.start()
                    await until(state, lambda found: found == "well")
                    async with redis.Redis.from_url(server.url, protocol=2) as listener:
                        await listener.ping()
                        channel = listener.pubsub()
                        await channel.subscribe("chaindeck.events")
                        message = None
                        while message is None or message["type"] != "message":
                            message = await channel.get_message(timeout=10)
                        assert b'"topic":' in message["data"]
                        await channel.aclose()
                    server.stop()
                    await until(state, lambda found: found == "sick")
            finally:
                server.stop()


@pytest.mark.needs("postgres")
async def test_postgres_that_is_restarted_is_used_again(home):
    folder = Path(tempfile.mkdtemp(prefix="cd-pg-"))
    server = PostgresServer(folder)
    server.start()
    try:
        with home_node(home), coordinator(home, DATABASE_URL=server.url) as process:
            async with asking(home) as client:
                reader = Reader(home)
                reading = asyncio.create_task(reader.run())
                await until(client.list_nodes, lambda nodes: nodes and nodes[0].state == "up")
                server.stop()
                health = await until(client.health_check, lambda report: not report.is_serving)
                states = {entry.name: entry.state for entry in health.components}
                assert states["records"] == "sick"
                server.start()
                await until(client.health_check, lambda report: report.is_serving)
                last = (await client.get_system_stats()).last_seq
                await until(
                    client.health_check,
                    lambda report: all(entry.state == "well" for entry in report.components),
                )

                async def told():
                    return reader.numbers

                await until(told, lambda numbers: numbers and numbers[-1] > last)
                assert reader.numbers == list(range(1, len(reader.numbers) + 1))
                reading.cancel()
                await asyncio.wait([reading])
            assert process.stop() == 0
    finally:
        server.stop()
        shutil.rmtree(folder)


def test_second_coordinator_of_a_home_is_refused(home):
    with coordinator(home):
        second = CoordinatorProcess(home)
        second.spawn()
        assert second.finish() == 3
        assert "store-locked" in second.log


@pytest.mark.parametrize(
    ("variable", "text", "code"),
    [
        ("DATABASE_URL", "mysql://x", "coordinator-setting"),
        ("DATABASE_URL", "postgres://host", "records-database-url"),
        ("REDIS_URL", "http://x", "coordinator-setting"),
        ("CHAINDECK_GRPC", "nowhere", "coordinator-setting"),
    ],
)
def test_wrong_setting_ends_with_misuse(home, variable, text, code):
    process = CoordinatorProcess(home, **{variable: text})
    process.spawn()
    assert process.finish() == 2
    assert code in process.log
    assert variable in process.log
    process.log_path.unlink()


def test_database_that_is_away_at_the_start_is_a_failure(home):
    process = CoordinatorProcess(home, DATABASE_URL="postgres://chaindeck@127.0.0.1:1/postgres")
    process.spawn()
    assert process.finish() == 1
    assert "records-database-away" in process.log
    process.log_path.unlink()
