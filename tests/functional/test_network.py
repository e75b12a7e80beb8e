"""Nodes as processes that find each other, agree, are cut off, die, and agree again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.functional.lans import Lan, NamespaceLan, lan
from tests.functional.processes import COMMAND, NodeProcess, node
from tests.ledger.forge import ALICE, address

_LIMIT_S = 60.0


def until(condition: Callable[[], bool], limit_s: float = _LIMIT_S, why: str = "") -> float:
    """Wait for a condition; return the seconds it took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < limit_s, why or "it never came to pass"
        time.sleep(0.02)
    return time.monotonic() - started


def linked(process: NodeProcess) -> int:
    count: int = process.get("/api/peers")["summary"]["linked"]
    return count


def tips(nodes: list[NodeProcess]) -> set[str]:
    return {process.get("/api/status")["tip"] for process in nodes}


def mine(process: NodeProcess, blocks: int = 1) -> str:
    hashes: list[str] = process.post("/api/mine", {"blocks": blocks, "address": address(ALICE)})[
        "hashes"
    ]
    return hashes[-1]


def coins_hash(process: NodeProcess) -> str:
    """Of a stopped node, by its own command."""
    import subprocess

    done = subprocess.run(
        [COMMAND, "chain", "verify", "--data", process.folder, "--json"],
        capture_output=True,
        check=True,
    )
    found: str = json.loads(done.stdout)["coins_hash"]
    return found


@pytest.fixture
def place(tmp_path: Path):
    with lan(tmp_path) as opened:
        yield opened


class TestFiveNodes:
    def test_they_find_each_other_agree_survive_and_hold_the_same_coins(self, place: Lan) -> None:
        nodes = [place.add() for _ in range(5)]
        until(lambda: all(linked(process) == 4 for process in nodes), why="not all were found")
        sources = nodes[0].get("/api/status")["peers"]["sources"]
        assert set(sources) <= {"discovery", "exchange", "inbound"}

        tip = mine(nodes[1], 20)
        until(lambda: tips(nodes) == {tip})

        nodes[3].kill()
        tip = mine(nodes[0], 5)
        until(lambda: tips(nodes[:3] + nodes[4:]) == {tip})
        nodes[3].start()
        until(lambda: tips(nodes) == {tip}, why="the restarted node did not catch up")
        until(lambda: linked(nodes[3]) == 4)

        late = place.add()
        nodes.append(late)
        until(lambda: tips(nodes) == {tip}, why="the newcomer did not sync")

        for process in nodes:
            assert process.stop() == 0
        assert len({coins_hash(process) for process in nodes}) == 1

    def test_a_partition_heals_and_the_longer_side_holds(self, place: Lan) -> None:
        if not isinstance(place, NamespaceLan):
            pytest.fail("cutting cables needs network namespaces: run as root or allow them")
        nodes = [place.add() for _ in range(4)]
        until(lambda: all(linked(process) == 3 for process in nodes))
        mine(nodes[0], 3)
        place.cut(2)
        place.cut(3)
        left = mine(nodes[0], 4)
        right = mine(nodes[2], 2)
        until(lambda: tips(nodes[:2]) == {left})
        assert nodes[2].get("/api/status")["tip"] == right
        until(lambda: linked(nodes[0]) == 1, limit_s=90, why="the silent were not given up")
        place.mend(2)
        place.mend(3)
        until(lambda: tips(nodes) == {left}, limit_s=120, why="the network did not heal")
        branches = nodes[2].get("/api/admin/tips")["tips"]
        assert len(branches) >= 2


class TestOrders:
    def test_an_operator_adds_drops_and_bars_a_peer(self, tmp_path: Path) -> None:
        with (
            node(tmp_path / "one", "--p2p=true") as one,
            node(tmp_path / "other", "--p2p=true") as other,
        ):
            where = other.get("/api/peers")["listens_at"]
            assert one.post("/api/peers", {"address": where}) == {
                "address": where,
                "done": "added",
            }
            until(lambda: linked(one) == 1)
            peer = one.get("/api/peers")["peers"][0]
            assert peer["key"] == other.get("/api/peers")["node_key"]
            assert peer["source"] == "static"
            assert (peer["direction"], peer["address"]) == ("outbound", where)
            assert one.ask("DELETE", f"/api/peers?address={where}&bar_s=600").status == 200
            until(lambda: linked(one) == 0)
            assert where in one.get("/api/peers")["barred"]
            one.post("/api/peers", {"address": where})
            until(lambda: linked(one) == 1)
            assert not one.get("/api/peers")["barred"]
            assert one.ask("DELETE", f"/api/peers?address={where}").json["done"] == "dropped"

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"address": "10.0.0.7:99999"}, "config-peer"),
            ({"address": "no such host!"}, "config-peer"),
            ({"address": "nowhere.invalid"}, "peer-name-unknown"),
            ({}, "json-shape"),
        ],
    )
    def test_what_is_no_peer_is_refused(self, tmp_path: Path, body: object, code: str) -> None:
        with node(tmp_path / "one", "--p2p=true") as one:
            answer = one.ask("POST", "/api/peers", body)
            assert answer.status in (400, 422)
            assert answer.json["error"]["code"] == code

    def test_reading_peers_needs_no_order_and_orders_need_an_operator(self, tmp_path: Path) -> None:
        with node(tmp_path / "one", "--p2p=true") as one:
            assert one.ask("GET", "/api/peers", token="").status == 200
            body = {"address": "10.0.0.7"}
            assert one.ask("POST", "/api/peers", body, token="").status in (401, 403)
            drop = one.ask("DELETE", "/api/peers?address=10.0.0.7", token="")
            assert drop.status in (401, 403)

    def test_a_development_node_has_no_peers_unless_it_is_told_to(self, tmp_path: Path) -> None:
        with node(tmp_path / "one") as one:
            assert one.ask("GET", "/api/peers").status == 404
            assert one.get("/api/status")["peers"] is None

    def test_a_port_that_is_taken_is_named(self, tmp_path: Path) -> None:
        with node(tmp_path / "one", "--p2p=true") as one:
            port = one.get("/api/peers")["listens_at"].rpartition(":")[2]
            other = NodeProcess(tmp_path / "other", "--p2p=true", f"--p2p-port={port}")
            with pytest.raises(AssertionError, match=f"another program listens at port {port}"):
                other.start()
            assert other.process.wait(10) == 3


class TestNews:
    def test_payments_and_blocks_travel_and_peers_are_told_of(self, tmp_path: Path) -> None:
        with (
            node(tmp_path / "one", "--p2p=true") as one,
            node(tmp_path / "other", "--p2p=true") as other,
        ):
            one.post("/api/peers", {"address": other.get("/api/peers")["listens_at"]})
            until(lambda: linked(other) == 1)
            paid = one.post("/api/dev/faucet", {"address": address(ALICE), "amount": 1_000_000})
            until(
                lambda: other.get(f"/api/transaction/{paid['id']}")["status"] == "pooled",
                limit_s=5,
            )
            tip = mine(other)
            until(lambda: one.get("/api/status")["tip"] == tip, limit_s=5)
            assert one.get(f"/api/transaction/{paid['id']}")["status"] == "confirmed"
            said = [json.loads(line)["message"] for line in one.log_path.read_text().splitlines()]
            assert "peer ready" in said
