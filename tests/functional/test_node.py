"""A node as its users meet it: started by its command, asked over HTTP, stopped by a signal."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from chaindeck.kernel import merkle_root, search_nonce
from chaindeck.ledger.codec import (
    build_block,
    build_header,
    decode_block,
    decode_header,
)
from chaindeck.ledger.genesis import build_network, encode_genesis
from chaindeck.ledger.targets import target_of
from chaindeck.ledger.types import Block
from chaindeck.node.dev import dev_genesis
from tests.functional.processes import COMMAND, NodeProcess, node
from tests.ledger.forge import ALICE, BOB, CAROL, DAVE, address, coinbase, dev_network

DAY_MS = 86_400_000
REWARD = 25 * 10**8


def mine(process: NodeProcess, blocks: int = 1) -> list[str]:
    hashes: list[str] = process.post("/api/mine", {"blocks": blocks, "address": address(ALICE)})[
        "hashes"
    ]
    return hashes


def side_branch(process: NodeProcess, fork_height: int, length: int) -> list[Block]:
    """Mine a rival branch outside the node, as a stranger would."""
    parent = decode_block(process.ask("GET", f"/api/block/{fork_height}?raw=1").body).header
    blocks = []
    for _ in range(length):
        reward = coinbase(parent.height + 1, DAVE.key_hash, REWARD)
        header = build_header(
            height=parent.height + 1,
            previous=parent.hash,
            merkle_root=merkle_root([reward.raw]),
            time_ms=parent.time_ms + 1,
            target_bits=parent.target_bits,
            tx_count=1,
        )
        target = target_of(header.target_bits) or 0
        nonce, _ = search_nonce(header.raw, target.to_bytes(32, "big"), 0, 1 << 30)
        assert nonce is not None
        parent = decode_header(header.raw[:-8] + nonce.to_bytes(8, "little"))
        blocks.append(build_block(parent, b"", [reward]))
    return blocks


def submit(process: NodeProcess, block: Block) -> None:
    answer = process.ask(
        "POST", "/api/block", raw=block.raw, content_type="application/octet-stream"
    )
    assert answer.status == 200, answer.body


def run_command(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run `chaindeck node` to its end."""
    return subprocess.run(
        [COMMAND, "node", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


class TestLife:
    def test_node_starts_in_a_moment_answers_and_stops_in_good_order(self, tmp_path: Path) -> None:
        with node(tmp_path / "node") as process:
            health = process.ask("GET", "/health", token="").json
            assert health["pid"] == process.process.pid
            assert process.get("/api/status")["height"] == 0
            mine(process, 3)
            assert process.get("/api/status")["height"] == 3
            started = time.monotonic()
            assert process.stop() == 0
            assert time.monotonic() - started < 5
            assert not (process.folder / "running.json").exists()
            events = [json.loads(line) for line in process.log_path.read_text().splitlines()]
            said = [event["message"] for event in events]
            assert "ready" in said
            assert said[-1] == "stopped"
            assert any("nothing on it is worth anything" in message for message in said)
        with node(tmp_path / "node") as again:
            assert again.get("/api/status")["height"] == 3

    def test_interrupt_stops_it_too(self, tmp_path: Path) -> None:
        with node(tmp_path / "node") as process:
            process.process.send_signal(signal.SIGINT)
            assert process.process.wait(10) == 0

    def test_payment_waits_over_a_restart(self, tmp_path: Path) -> None:
        with node(tmp_path / "node") as process:
            paid = process.post("/api/dev/faucet", {"address": address(BOB), "amount": 5_000})
            process.stop()
        with node(tmp_path / "node") as again:
            tx_id = paid["id"]
            assert again.get(f"/api/transaction/{tx_id}")["status"] == "pooled"
            mine(again)
            assert again.get(f"/api/transaction/{tx_id}")["status"] == "confirmed"
            assert again.get(f"/api/address/{address(BOB)}")["balance"]["confirmed"] == 5_000

    def test_development_node_mines_payments_without_being_told(self, tmp_path: Path) -> None:
        with node(tmp_path / "node", mining=None) as process:
            tx_id = process.post("/api/dev/faucet", {"address": address(BOB), "amount": 7})["id"]
            deadline = time.monotonic() + 10
            while process.get(f"/api/transaction/{tx_id}")["status"] != "confirmed":
                assert time.monotonic() < deadline

    def test_local_profile_mines_with_real_work(self, tmp_path: Path) -> None:
        to = address(ALICE, "deck")
        options = ("--mining=always", f"--mine-to={to}", "--mining-duty=0.5")
        with node(tmp_path / "node", *options, profile="local") as process:
            deadline = time.monotonic() + 60
            while process.get("/api/status")["height"] < 2:
                assert time.monotonic() < deadline
            assert process.get("/api/block/1")["hash"].startswith("00000")
            assert process.ask("POST", "/api/dev/reset", {}).status == 404

    def test_genesis_document_makes_another_network(self, tmp_path: Path) -> None:
        document = tmp_path / "plant.json"
        document.write_bytes(encode_genesis(dev_genesis("plant-7")))
        with node(tmp_path / "node", f"--genesis={document}") as process:
            status = process.get("/api/status")
            assert status["network"]["name"] == "plant-7"
            assert status["network"]["id"] == build_network(dev_genesis("plant-7")).id.hex()


class TestClock:
    def test_clock_goes_on_over_restarts_and_so_does_the_chain(self, tmp_path: Path) -> None:
        with node(tmp_path / "node", mining=None) as process:
            start_ms = process.get("/api/status")["time_ms"]
            process.post("/api/dev/clock", {"advance_ms": DAY_MS})
            mine(process)
            for stop in (process.stop, process.kill):
                stop()
                process.start()
                assert process.get("/api/status")["time_ms"] >= start_ms + DAY_MS
                self.expect_payment(process)
            frozen = process.post("/api/dev/clock", {"advance_ms": DAY_MS, "is_frozen": True})
            process.stop()
            process.start()
            assert process.get("/api/status")["time_ms"] == frozen["time_ms"]
            assert "The clock stands still." in process.get("/api/status")["warnings"]
            self.expect_payment(process)
            process.post("/api/dev/reset")
            process.stop()
            process.start()
            assert process.get("/api/status")["time_ms"] < start_ms + DAY_MS
            self.expect_payment(process)

    def expect_payment(self, process: NodeProcess) -> None:
        """A payment is mined without being told, and nothing is wrong."""
        tx_id = process.post("/api/dev/faucet", {"address": address(BOB), "amount": 7})["id"]
        deadline = time.monotonic() + 60
        while process.get(f"/api/transaction/{tx_id}")["status"] != "confirmed":
            assert time.monotonic() < deadline, process.get("/api/status")["warnings"]

    def test_clock_file_that_is_none_is_named(self, tmp_path: Path) -> None:
        with node(tmp_path / "node") as process:
            process.stop()
        (tmp_path / "node" / "clock.json").write_text("{")
        done = run_command("--data", tmp_path / "node", "--api-port=0")
        assert done.returncode == 1
        assert "clock.json" in done.stderr
        assert "Traceback" not in done.stderr


class TestReorganisation:
    def test_heavier_branch_from_outside_takes_over(self, tmp_path: Path) -> None:
        with node(tmp_path / "node") as process:
            mine(process)
            tx_id = process.post("/api/dev/faucet", {"address": address(BOB), "amount": 5})["id"]
            old = mine(process, 2)
            assert process.get(f"/api/address/{address(BOB)}")["balance"]["confirmed"] == 5
            branch = side_branch(process, 1, 3)
            for block in branch[:2]:
                submit(process, block)
            assert process.get("/api/status")["tip"] == old[-1]
            submit(process, branch[2])
            assert process.get("/api/status")["tip"] == branch[2].hash.hex()
            assert process.get(f"/api/transaction/{tx_id}")["status"] == "pooled"
            balance = process.get(f"/api/address/{address(BOB)}")["balance"]
            assert (balance["confirmed"], balance["pending_in"]) == (0, 5)
            assert (
                process.get(f"/api/address/{address(DAVE)}")["balance"]["confirmed"] == 3 * REWARD
            )
            assert not process.get(f"/api/block/{old[0]}")["is_active"]
            mine(process)
            assert process.get(f"/api/transaction/{tx_id}")["status"] == "confirmed"

    def test_operator_gives_up_and_takes_back(self, tmp_path: Path) -> None:
        with node(tmp_path / "node") as process:
            hashes = mine(process, 3)
            process.post("/api/admin/invalidate", {"hash": hashes[1]})
            assert process.get("/api/status")["height"] == 1
            process.post("/api/admin/reconsider", {"hash": hashes[1]})
            assert process.get("/api/status")["tip"] == hashes[2]
            rival = side_branch(process, 2, 1)[0]
            submit(process, rival)
            process.post("/api/admin/prefer", {"hash": rival.hash.hex()})
            assert process.get("/api/status")["tip"] == rival.hash.hex()
            process.kill()
            process.start()
            assert process.get("/api/status")["tip"] == rival.hash.hex()


class TestRefusals:
    def test_second_instance_is_refused(self, tmp_path: Path) -> None:
        with node(tmp_path / "node") as process:
            done = run_command("--data", process.folder, "--profile=dev", "--api-port=0")
            assert done.returncode == 3
            assert "store-locked" in done.stderr
            assert str(process.process.pid) in done.stderr

    def test_taken_port_is_refused(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as stranger:
            port = stranger.getsockname()[1]
            done = run_command("--data", tmp_path / "n", "--profile=dev", f"--api-port={port}")
        assert done.returncode == 3
        assert f"listens at port {port}" in done.stderr
        assert "node-port-taken" in done.stderr

    @pytest.mark.parametrize(
        ("option", "code"),
        [
            ("--api-port=many", "config-value"),
            ("--mine-to=deck1q", "config-value"),
            ("--seal-key=/nowhere", "config-value"),
            ("--genesis=/nowhere", "config-value"),
            ("--api-host=203.0.113.9", "config-insecure"),
        ],
    )
    def test_bad_settings_are_named(self, tmp_path: Path, option: str, code: str) -> None:
        done = run_command("--data", tmp_path / "n", "--profile=dev", option)
        assert done.returncode == 2, done.stderr
        assert code in done.stderr
        assert "Traceback" not in done.stderr

    def test_development_chain_is_not_served_to_others_by_whatever_settings(
        self, tmp_path: Path
    ) -> None:
        with node(tmp_path / "node") as process:
            process.stop()
        document = tmp_path / "network.json"
        document.write_bytes(encode_genesis(dev_network().genesis))
        wide = "--api-host=0.0.0.0"
        for where in (("node",), ("another", f"--genesis={document}", "--profile=local")):
            folder, *options = where
            done = run_command("--data", tmp_path / folder, wide, *options)
            assert done.returncode == 2, done.stderr
            assert "config-insecure" in done.stderr

    def test_settings_that_name_another_network_than_the_directory_holds_are_refused(
        self, tmp_path: Path
    ) -> None:
        with node(tmp_path / "node") as process:
            process.stop()
        other, same = tmp_path / "other.json", tmp_path / "same.json"
        other.write_bytes(encode_genesis(dev_genesis("plant-7")))
        same.write_bytes(encode_genesis(dev_genesis()))
        for option, name in (("--profile=local", "local"), (f"--genesis={other}", "plant-7")):
            done = run_command("--data", tmp_path / "node", option)
            assert done.returncode == 2, done.stderr
            assert "config-network" in done.stderr
            assert f"holds the network dev ({build_network(dev_genesis()).id.hex()[:16]})" in (
                done.stderr
            )
            assert f"{option.partition('=')[0]} names {name} (" in done.stderr
        with node(tmp_path / "node", f"--genesis={same}") as again:
            assert again.get("/api/status")["network"]["name"] == "dev"

    @pytest.mark.parametrize("text", [b"", b"{}", b"garbage", b"\xff"])
    def test_genesis_file_that_is_none_is_an_error_in_any_directory(
        self, tmp_path: Path, text: bytes
    ) -> None:
        with node(tmp_path / "node") as process:
            process.stop()
        document = tmp_path / "grid.json"
        document.write_bytes(text)
        for folder in ("node", "new"):
            done = run_command("--data", tmp_path / folder, f"--genesis={document}")
            assert done.returncode == 2, done.stderr
            assert f"--genesis, or genesis in node.json: {document}: " in done.stderr
            assert "Traceback" not in done.stderr

    def test_miner_of_a_real_network_needs_an_address(self, tmp_path: Path) -> None:
        done = run_command("--data", tmp_path / "n", "--profile=local", "--mining=always")
        assert done.returncode == 2
        assert "mining=always needs an address to pay" in done.stderr

    def test_foreign_directory_is_refused(self, tmp_path: Path) -> None:
        with node(tmp_path / "node") as process:
            process.stop()
        (tmp_path / "node" / "genesis.json").write_bytes(encode_genesis(dev_network().genesis))
        done = run_command("--data", tmp_path / "node", "--api-port=0")
        assert done.returncode == 1
        assert "store-network" in done.stderr

    def test_corrupt_configuration_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "node.json").write_text("{")
        done = run_command("--data", tmp_path)
        assert done.returncode == 2
        assert "node.json" in done.stderr

    def test_corrupt_database_is_named_with_what_to_do(self, tmp_path: Path) -> None:
        with node(tmp_path / "node") as process:
            mine(process, 2)
            process.stop()
        database = tmp_path / "node" / "chain.lmdb" / "data.mdb"
        content = bytearray(database.read_bytes())
        content[: 2 * 4096] = bytes(2 * 4096)
        database.write_bytes(content)
        done = run_command("--data", tmp_path / "node", "--api-port=0")
        assert done.returncode == 1
        assert "store-corrupt" in done.stderr or "store-io" in done.stderr
        assert "Traceback" not in done.stderr


class TestSealed:
    def test_miners_of_a_list_seal_with_their_keys(self, tmp_path: Path) -> None:
        document, key = tmp_path / "grid.json", tmp_path / "seal.key"
        genesis = dev_network(
            miners=(address(ALICE), address(CAROL)), mining_diversity_permille=0
        ).genesis
        document.write_bytes(encode_genesis(genesis))
        key.write_text("01" * 32)
        options = (f"--genesis={document}", f"--seal-key={key}")
        with node(tmp_path / "node", *options) as process:
            process.post("/api/mine", {"blocks": 2, "address": address(BOB)})
            assert process.get("/api/block/2")["sealer"] == address(ALICE)
            assert process.get(f"/api/address/{address(BOB)}")["balance"]["confirmed"] == 0
