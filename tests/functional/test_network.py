"""Nodes as processes that find each other, agree, are cut off, die, and agree again."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from chaindeck.kernel import search_nonce
from chaindeck.ledger.genesis import build_network
from chaindeck.ledger.types import NetworkId
from chaindeck.protocol.codec import encode_message
from chaindeck.protocol.messages import (
    CompactBlock,
    Headers,
    Hello,
    Ping,
    Proof,
    Welcome,
)
from chaindeck.store.genesis_file import load_genesis
from tests.functional.lans import Lan, easy_genesis, lan
from tests.functional.processes import COMMAND, NodeProcess, node
from tests.functional.strangers import TcpStranger, stranger
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
        check_a_partition_heals(place)

    def test_a_partition_of_nodes_that_share_a_machine_heals(self, tmp_path: Path) -> None:
        with contextlib.closing(Lan(tmp_path, easy_genesis())) as machine:
            check_a_partition_heals(machine)


def check_a_partition_heals(place: Lan) -> None:
    """Three nodes and two go on apart; then all go on with the chain of the three."""
    nodes = [place.add() for _ in range(5)]
    most, few = nodes[:3], nodes[3:]
    until(lambda: all(linked(process) == 4 for process in nodes), why="not all were found")
    shared = mine(nodes[0], 3)
    until(lambda: tips(nodes) == {shared})

    place.part({3, 4})
    left, right = mine(most[0], 4), mine(few[0], 2)
    until(lambda: tips(most) == {left} and tips(few) == {right}, why="a side disagrees")
    until(
        lambda: {linked(process) for process in most} == {2} and linked(few[0]) == 1,
        limit_s=90,
        why="the silent were not given up",
    )
    assert tips(most) == {left}
    assert tips(few) == {right}

    place.mend()
    until(lambda: tips(nodes) == {left}, limit_s=120, why="the network did not heal")
    for process in few:
        assert right in {branch["hash"] for branch in process.get("/api/admin/tips")["tips"]}
    for process in nodes:
        assert process.stop() == 0
    assert len({coins_hash(process) for process in nodes}) == 1


def test_nodes_that_share_a_machine_find_each_other_by_multicast(tmp_path: Path) -> None:
    with contextlib.closing(Lan(tmp_path, easy_genesis())) as machine:
        nodes = [machine.add(), machine.add()]
        until(lambda: all(linked(process) == 1 for process in nodes), why="they were not found")


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


def said(process: NodeProcess, message: str) -> list[dict[str, Any]]:
    """What the node logged under one message."""
    lines = [json.loads(line) for line in process.log_path.read_text().splitlines()]
    return [line for line in lines if line["message"] == message]


class Neighbourhood:
    """A node with one honest peer, open to strangers."""

    def __init__(self, one: NodeProcess, other: NodeProcess) -> None:
        self.one = one
        self.other = other
        self.port = int(one.get("/api/peers")["listens_at"].rpartition(":")[2])
        self.network = build_network(load_genesis(one.folder))

    def stranger(self, **options: object) -> AbstractContextManager[TcpStranger]:
        return stranger(self.network, self.port, **options)

    def memory_bytes(self) -> int:
        held: int = self.one.get("/api/stats")["memory_bytes"]
        return held

    def check_all_is_well(self) -> None:
        """The honest peer is still there, and blocks travel."""
        tip = mine(self.one)
        until(lambda: self.other.get("/api/status")["tip"] == tip, limit_s=5)
        keys = {peer["key"] for peer in self.one.get("/api/peers")["peers"]}
        assert self.other.get("/api/peers")["node_key"] in keys


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("neighbours")
    with node(folder / "one", "--p2p=true") as one, node(folder / "other", "--p2p=true") as other:
        other.post("/api/peers", {"address": one.get("/api/peers")["listens_at"]})
        until(lambda: linked(one) == 1)
        yield Neighbourhood(one, other)


class TestStrangers:
    """Nobody who connects can do more than waste a connection."""

    @pytest.fixture(autouse=True)
    def all_is_well_after_it(self, neighbours: Neighbourhood):
        mine(neighbours.one)
        held = neighbours.memory_bytes()
        misbehaved = len(said(neighbours.one, "peer misbehaved"))
        yield
        neighbours.check_all_is_well()
        assert neighbours.memory_bytes() < held + 30_000_000
        # A fault is told once, however much of it there was.
        assert len(said(neighbours.one, "peer misbehaved")) <= misbehaved + 1

    def check_told(self, neighbours: Neighbourhood, code: str) -> None:
        """The log names the code once, as why a link ended."""
        until(lambda: bool(self.told(neighbours, code)), limit_s=5)
        assert len(self.told(neighbours, code)) == 1

    def told(self, neighbours: Neighbourhood, code: str) -> list[dict[str, Any]]:
        return [line for line in said(neighbours.one, "peer left") if line["code"] == code]

    def test_noise_is_turned_away(self, neighbours: Neighbourhood) -> None:
        with neighbours.stranger() as noisy:
            noisy.send(random.Random(7).randbytes(100_000))
            assert noisy.farewell() == "frame-magic"
            self.check_told(neighbours, "frame-magic")

    def test_silence_and_a_frame_that_never_ends_time_out(self, neighbours: Neighbourhood) -> None:
        with neighbours.stranger() as silent, neighbours.stranger() as slow:
            hello = encode_message(neighbours.network.magic, Hello(slow.introduction))
            slow.send(hello[:-1])
            assert silent.farewell() == slow.farewell() == "peer-handshake-timeout"
            until(lambda: len(self.told(neighbours, "peer-handshake-timeout")) == 2, limit_s=5)

    def test_oversized_frame_is_refused_by_its_head(self, neighbours: Neighbourhood) -> None:
        with neighbours.stranger() as large:
            head = neighbours.network.magic + b"\x01" + (1 << 30).to_bytes(4, "little") + bytes(4)
            large.send(head)
            assert large.farewell() == "frame-size"
            (told,) = [
                line
                for line in said(neighbours.one, "peer misbehaved")
                if line["code"] == "frame-size"
            ]
            assert told["barred"]

    def test_other_network_is_turned_away(self, neighbours: Neighbourhood) -> None:
        with neighbours.stranger(number=2, network_id=NetworkId(bytes(32))) as lost:
            lost.say(Hello(lost.introduction))
            assert lost.farewell() == "peer-network"
            self.check_told(neighbours, "peer-network")

    def test_flood_of_pings_ends_the_link(self, neighbours: Neighbourhood) -> None:
        with neighbours.stranger(number=3) as loud:
            loud.introduce()
            until(lambda: linked(neighbours.one) == 2)
            loud.say(*[Ping(number) for number in range(10_000)])
            assert loud.farewell() == "peer-flood"
            self.check_told(neighbours, "peer-flood")

    def test_proof_by_another_key_is_refused(self, neighbours: Neighbourhood) -> None:
        with neighbours.stranger(number=4) as liar:
            liar.say(Hello(liar.introduction))
            liar.wait_for(Welcome)
            liar.say(Proof(bytes(65)))
            assert liar.farewell() == "peer-signature"

    def test_many_who_connect_and_leave_cost_nothing(self, neighbours: Neighbourhood) -> None:
        for _ in range(300):
            socket.create_connection(("127.0.0.1", neighbours.port)).close()


def test_hundred_connections_cost_little_and_hear_of_a_block_at_once(tmp_path: Path) -> None:
    with node(tmp_path / "one", "--p2p=true") as one:
        port = int(one.get("/api/peers")["listens_at"].rpartition(":")[2])
        network = build_network(load_genesis(one.folder))
        peers = [TcpStranger(network, port, number) for number in range(100)]
        try:
            for peer in peers:
                peer.introduce()
            until(lambda: linked(one) == 100)
            raw = finish_template(one)
            began_s = time.monotonic()
            answer = one.ask("POST", "/api/block", raw=raw, content_type="application/octet-stream")
            assert answer.status == 200
            for peer in peers:
                heard = peer.wait_for(CompactBlock | Headers)
                assert heard
            assert time.monotonic() - began_s < 1
            assert one.get("/api/stats")["memory_bytes"] < 400_000_000
        finally:
            for peer in peers:
                peer.close()


def finish_template(process: NodeProcess) -> bytes:
    """Return a new block of a development chain."""
    work = process.get(f"/api/template?address={address(ALICE)}")
    header = bytes.fromhex(work["header"])
    nonce, _ = search_nonce(header, bytes.fromhex(work["target"]), 0, 1 << 40)
    assert nonce is not None
    body = bytes.fromhex("".join([work["coinbase"], *work["transactions"]]))
    return header[:-8] + nonce.to_bytes(8, "little") + b"\x00" + body


class TestEncrypted:
    def test_nodes_with_tls_link_and_one_without_is_told_apart(self, tmp_path: Path) -> None:
        with (
            node(tmp_path / "one", "--p2p=true", "--p2p-tls=true") as one,
            node(tmp_path / "two", "--p2p=true", "--p2p-tls=true") as two,
            node(tmp_path / "plain", "--p2p=true") as plain,
        ):
            where = {"address": one.get("/api/peers")["listens_at"]}
            two.post("/api/peers", where)
            plain.post("/api/peers", where)
            until(lambda: linked(one) == linked(two) == 1)
            tip = mine(one)
            until(lambda: two.get("/api/status")["tip"] == tip)
            until(lambda: bool(said(one, "a caller does not speak TLS")))
            assert linked(plain) == 0
            assert (one.folder / "p2p-key.pem").stat().st_mode & 0o777 == 0o600


class TestCapture:
    def test_field_report_is_replayed_by_another_program(self, tmp_path: Path) -> None:
        with (
            node(tmp_path / "one", "--p2p=true") as one,
            node(tmp_path / "other", "--p2p=true") as other,
        ):
            other.post("/api/peers", {"address": one.get("/api/peers")["listens_at"]})
            until(lambda: linked(one) == 1)
            path = one.post("/api/admin/capture", {"seconds": 600})["path"]
            until(lambda: linked(one) == 1)
            tip = mine(other, 3)
            until(lambda: one.get("/api/status")["tip"] == tip)
            ended = one.ask("DELETE", "/api/admin/capture").json
            done = subprocess.run(
                [COMMAND, "replay", path, "--json"], capture_output=True, check=True
            )
            found = json.loads(done.stdout)
            assert found == {"steps": ended["steps"], "verdict": "it matches"}
