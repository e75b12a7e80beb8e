"""Places where node processes meet: a network namespace each on one bridge, or loopback.

Namespaces need the right to make them; where that is missing, nodes share loopback and are told
apart by port. `part` tears either kind in two: cables are plugged into another bridge, or those on
one side and those on the other bar each other.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from chaindeck.ledger.genesis import Genesis, encode_genesis
from tests.functional.processes import NodeProcess
from tests.ledger.forge import dev_genesis
from tests.needs import can_have_namespaces

_BAR_S = 3_600
"""Longer than any test: what parts nodes of one machine ends when they are told so."""


def easy_genesis(**changes: object) -> Genesis:
    """A network whose blocks are found at once and whose rules are those of real ones."""
    return dev_genesis(name="lan", difficulty="step100", **changes)


class Lan:
    """Nodes that can reach each other."""

    def __init__(self, folder: Path, genesis: Genesis) -> None:
        self.folder = folder
        self.nodes: list[NodeProcess] = []
        self._genesis = folder / "lan.json"
        self._genesis.write_bytes(encode_genesis(genesis))
        self._group_port = free_datagram_port()
        self._apart: list[tuple[NodeProcess, NodeProcess]] = []

    def add(self, *options: str) -> NodeProcess:
        """Start one more node."""
        number = len(self.nodes)
        folder = self.folder / f"node{number}"
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / "node.json").write_text(json.dumps(self.settings()))
        process = NodeProcess(
            folder,
            f"--genesis={self._genesis}",
            "--p2p=true",
            *self.place(number),
            *options,
            profile="local",
            prefix=self.prefix(number),
        )
        self.nodes.append(process)
        process.start()
        return process

    def place(self, number: int) -> list[str]:
        del number
        return ["--discovery=true"]

    def settings(self) -> dict[str, object]:
        """Return what no option says: nodes of other tests may be on this machine as well."""
        return {"discovery_port": self._group_port}

    def prefix(self, number: int) -> list[str]:
        del number
        return []

    def part(self, island: set[int]) -> None:
        """Let these nodes and all others reach each other no longer."""
        there = [self.nodes[number] for number in sorted(island)]
        here = [process for process in self.nodes if process not in there]
        self._apart = [
            pair for one in here for other in there for pair in ((one, other), (other, one))
        ]
        for process, foreign in self._apart:
            where = foreign.get("/api/peers")["listens_at"]
            answer = process.ask("DELETE", f"/api/peers?address={where}&bar_s={_BAR_S}")
            assert answer.status == 200, answer.body

    def mend(self) -> None:
        """Let all nodes reach each other again."""
        for process, foreign in self._apart:
            process.post("/api/peers", {"address": foreign.get("/api/peers")["listens_at"]})
        self._apart = []

    def close(self) -> None:
        for process in self.nodes:
            if process.process.poll() is None:
                process.kill()


class NamespaceLan(Lan):
    """Each node on a machine of its own, as far as it can tell."""

    def __init__(self, folder: Path, genesis: Genesis) -> None:
        super().__init__(folder, genesis)
        self._tag = f"cd{os.getpid() % 100_000}"
        self._net = f"10.{77 + os.getpid() % 100}"
        self._made = 0
        self._island = f"{self._tag}i"
        self._bridges = (self._tag, self._island, f"{self._tag}m")
        for bridge in self._bridges:
            run_ip("link", "add", bridge, "type", "bridge", "mcast_snooping", "0")
            run_ip("link", "set", bridge, "up")
        # The last bridge is for the test alone, which asks nodes on every side.
        run_ip("address", "add", f"{self._net}.1.254/24", "dev", f"{self._tag}m")

    def settings(self) -> dict[str, object]:
        return {}

    def place(self, number: int) -> list[str]:
        self._make(number)
        return [
            "--discovery=true",
            f"--p2p-host={self._net}.0.{number + 1}",
            "--p2p-port=8333",
            f"--api-host={self._net}.1.{number + 1}",
            "--api-port=8080",
        ]

    def prefix(self, number: int) -> list[str]:
        return ["ip", "netns", "exec", f"{self._tag}n{number}"]

    def part(self, island: set[int]) -> None:
        """Plug the cables of these nodes into a bridge of their own."""
        for number in sorted(island):
            self._plug_into(number, self._island)

    def mend(self) -> None:
        for number in range(self._made):
            self._plug_into(number, self._tag)

    def close(self) -> None:
        super().close()
        for number in range(self._made):
            subprocess.run(["ip", "netns", "delete", f"{self._tag}n{number}"], check=False)
        for bridge in self._bridges:
            subprocess.run(["ip", "link", "delete", bridge], check=False)

    def _plug_into(self, number: int, bridge: str) -> None:
        run_ip("link", "set", f"{self._tag}v{number}", "master", bridge)

    def _make(self, number: int) -> None:
        if number < self._made:
            return
        self._made += 1
        space = f"{self._tag}n{number}"
        run_ip("netns", "add", space)
        run_ip("-n", space, "link", "set", "lo", "up")
        self._join(number, space)

    def _join(self, number: int, space: str) -> None:
        """Connect a namespace: to the others, and to the test."""
        self._plug(number, space, "0", "v", self._tag)
        self._plug(number, space, "1", "w", f"{self._tag}m")
        run_ip("-n", space, "route", "add", "224.0.0.0/4", "dev", "inv")

    def _plug(self, number: int, space: str, net: str, kind: str, bridge: str) -> None:
        """Run a cable from a namespace to a bridge."""
        outer, inner = f"{self._tag}{kind}{number}", f"in{kind}"
        run_ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", space)
        run_ip("link", "set", outer, "master", bridge, "up")
        address = f"{self._net}.{net}.{number + 1}/24"
        run_ip("-n", space, "address", "add", address, "dev", inner)
        run_ip("-n", space, "link", "set", inner, "up")


def free_datagram_port() -> int:
    """Return a port at which no node on this machine listens for others."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("", 0))
        port: int = line.getsockname()[1]
        return port


def run_ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextlib.contextmanager
def lan(folder: Path, genesis: Genesis | None = None) -> Iterator[Lan]:
    """Open a place for nodes, and clear it away whatever happens."""
    kind = NamespaceLan if can_have_namespaces() else Lan
    place = kind(folder, genesis or easy_genesis())
    try:
        yield place
    finally:
        place.close()
