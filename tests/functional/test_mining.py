"""Nodes that mine, as processes: taking turns, halted and resumed, given up by whoever asked."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from chaindeck.ledger.checkpoints import sign_checkpoint
from chaindeck.ledger.genesis import Genesis, build_network, encode_genesis
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.types import BlockHash, Height
from tests.functional.lans import easy_genesis
from tests.functional.processes import NodeProcess, node
from tests.ledger.forge import ALICE, BOB, CAROL, address

LIMIT_S = 120.0
STOP_S = 5.0
SECRETS = {ALICE: "01" * 32, BOB: "02" * 32}


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, "it never came to pass"
        time.sleep(0.02)


def height_of(process: NodeProcess) -> int:
    height: int = process.get("/api/status")["height"]
    return height


def write_genesis(folder: Path, genesis: Genesis) -> str:
    path = folder / "grid.json"
    path.write_bytes(encode_genesis(genesis))
    return f"--genesis={path}"


def warns(process: NodeProcess, words: str) -> bool:
    return any(words in warning for warning in process.get("/api/status")["warnings"])


def turns() -> Genesis:
    """Two miners, neither of whom may seal twice running."""
    return easy_genesis(miners=(address(ALICE), address(BOB)), mining_diversity_permille=999)


def listens_at(process: NodeProcess) -> str:
    found: str = process.get("/api/peers")["listens_at"]
    return found


class TestTurns:
    @pytest.mark.parametrize("mode", ["interval", "hybrid", "always"])
    def test_listed_miners_go_on_taking_turns(self, tmp_path: Path, mode: str) -> None:
        document = write_genesis(tmp_path, turns())
        first = self.member(tmp_path, "a", ALICE, document, mode)
        with first as one:
            until(lambda: warns(one, "other miners must seal first"))
            assert height_of(one) == 1
            assert one.get("/api/stats")["own_hashes_per_s"] == 0
            peers = f"--peers={listens_at(one)}"
            with self.member(tmp_path, "b", BOB, document, mode, peers):
                until(lambda: height_of(one) >= 6)

    @pytest.mark.parametrize("mode", ["interval", "hybrid", "always"])
    def test_two_that_each_sealed_a_block_before_they_met_go_on(
        self, tmp_path: Path, mode: str
    ) -> None:
        document = write_genesis(tmp_path, turns())
        with (
            self.member(tmp_path, "a", ALICE, document, mode) as one,
            self.member(tmp_path, "b", BOB, document, mode) as other,
        ):
            until(lambda: all(warns(each, "other miners must seal first") for each in (one, other)))
            tips = {each.get("/api/status")["tip"] for each in (one, other)}
            assert len(tips) == 2
            one.post("/api/peers", {"address": listens_at(other)})
            until(lambda: min(height_of(one), height_of(other)) >= 6)

    def member(
        self, folder: Path, name: str, key: SigningKey, document: str, mode: str, *options: str
    ) -> AbstractContextManager[NodeProcess]:
        """Run a node that seals with a key."""
        file = folder / f"{name}.key"
        file.write_text(SECRETS[key])
        return node(
            folder / name,
            *(document, f"--seal-key={file}", "--p2p=true", "--mining-interval-ms=50", *options),
            profile="local",
            mining=mode,
        )


@pytest.mark.parametrize("mode", ["always", "interval"])
def test_halted_miner_goes_on_when_operators_have_settled_it(tmp_path: Path, mode: str) -> None:
    signers = (ALICE, BOB, CAROL)
    genesis = easy_genesis(
        checkpoint_signers=tuple(address(key) for key in signers), checkpoint_quorum=2
    )
    options = [write_genesis(tmp_path, genesis), f"--mine-to={address(ALICE)}"]
    options += [f"--mining={mode}", "--mining-interval-ms=20", "--p2p=false"]
    network = build_network(genesis)

    def send(process: NodeProcess, block: str, *keys: Any) -> int:
        checkpoint = sign_checkpoint(network, Height(1), BlockHash(bytes.fromhex(block)), keys)
        signatures = [signature.hex() for signature in checkpoint.signatures]
        form = {"height": 1, "hash": block, "signatures": signatures}
        return process.ask("POST", "/api/admin/checkpoint", form).status

    with node(tmp_path / "node", *options, profile="local", mining=None) as process:
        until(lambda: height_of(process) >= 1)
        block = process.get("/api/block/1")["hash"]
        assert send(process, block, ALICE, BOB) == 200
        assert send(process, "77" * 32, BOB, CAROL) == 409
        until(lambda: warns(process, "Mining waits: two quorums"))
        halted = height_of(process)
        assert send(process, block, *signers) == 200
        until(lambda: height_of(process) > halted + 1)
        assert not warns(process, "Mining waits")


@pytest.fixture
def working(tmp_path: Path) -> Iterator[NodeProcess]:
    """A node with real work, a block of which takes a tenth of a second and more."""
    with node(tmp_path / "node", "--p2p=false", profile="local") as process:
        yield process


def wish_for(process: NodeProcess, prefix: str = "deck") -> bytes:
    """A command that takes long."""
    body = json.dumps({"blocks": 1_000, "address": address(ALICE, prefix)}).encode()
    return (
        f"POST /api/mine HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n"
        f"authorization: Bearer {process.cookie}\r\n\r\n"
    ).encode() + body


def line_to(process: NodeProcess) -> socket.socket:
    host, port = process.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=LIMIT_S)


def answer_on(line: socket.socket) -> tuple[int, Any]:
    response = http.client.HTTPResponse(line)
    response.begin()
    return response.status, json.loads(response.read())


def test_command_that_nobody_waits_for_ends_and_lets_others_mine(working: NodeProcess) -> None:
    with line_to(working) as line:
        line.sendall(wish_for(working))
        until(lambda: height_of(working) >= 1)
        form = {"blocks": 1, "address": address(BOB, "deck")}
        beside = working.post("/api/mine", form)
        assert working.get(f"/api/block/{beside['hashes'][0]}")["is_active"]
    last = working.post("/api/mine", form)
    # Whatever the command had begun is behind this one, and nothing follows.
    again = working.post("/api/mine", form)
    assert again["height"] == last["height"] + 1


class TestStop:
    def stop(self, process: NodeProcess) -> None:
        """Stop in good order and in time, without a traceback."""
        started = time.monotonic()
        assert process.stop() == 0
        assert time.monotonic() - started < STOP_S
        log = process.log_path.read_text()
        assert "Traceback" not in log, log
        assert "ASGI" not in log, log

    def test_command_under_way_is_told(self, working: NodeProcess) -> None:
        with line_to(working) as line:
            line.sendall(wish_for(working))
            until(lambda: height_of(working) >= 1)
            self.stop(working)
            status, content = answer_on(line)
        assert (status, content["error"]["code"]) == (503, "api-stopping")

    @pytest.mark.parametrize("start", [b"", b'[{"inputs":'])
    def test_body_that_has_not_ended_is_told(self, tmp_path: Path, start: bytes) -> None:
        with node(tmp_path / "node") as process, line_to(process) as line:
            line.sendall(
                b"POST /api/transactions HTTP/1.1\r\nhost: localhost\r\n"
                b"content-length: 90\r\n\r\n" + start
            )
            process.get("/health")
            self.stop(process)
            status, content = answer_on(line)
        assert (status, content["error"]["code"]) == (503, "api-stopping")

    def test_busy_node_stops_in_time_too(self, tmp_path: Path) -> None:
        """It mines, is asked by several without pause, and owes an answer to some of them."""
        with node(tmp_path / "node", "--mining-interval-ms=10", mining="interval") as process:
            crowd = [threading.Thread(target=ask_on_and_on, args=(process.url,)) for _ in range(4)]
            for member in crowd:
                member.start()
            with line_to(process) as mining, line_to(process) as sending:
                mining.sendall(wish_for(process, "tdeck"))
                sending.sendall(b"POST /api/block HTTP/1.1\r\nhost: localhost\r\n")
                until(lambda: height_of(process) >= 20)
                self.stop(process)
            for member in crowd:
                member.join(LIMIT_S)
                assert not member.is_alive()


def ask_on_and_on(url: str) -> None:
    """Ask until the node is gone."""
    line = http.client.HTTPConnection(url.removeprefix("http://"), timeout=LIMIT_S)
    try:
        while True:
            line.request("GET", "/api/blockchain?limit=2000")
            line.getresponse().read()
    except (OSError, http.client.HTTPException):
        return
    finally:
        line.close()
