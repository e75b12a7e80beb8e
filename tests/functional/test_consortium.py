"""The steps that the documentation gives for a consortium, done as they stand there."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shlex
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.functional.processes import COMMAND

PAGE = Path(__file__).parents[2] / "docs" / "node.md"
TITLE = "## A consortium network, step by step\n"
TIMEOUT_S = 300


def steps() -> list[str]:
    """Return the section's commands, in their order."""
    section = PAGE.read_text().split(TITLE)[1].split("\n## ")[0]
    blocks = section.split("```sh\n")[1:]
    return [line for block in blocks for line in block.split("```")[0].splitlines()]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [item.getsockname()[1] for item in sockets]


class Founders:
    """Everybody of the section, in one folder, on ports that are free here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.addresses: dict[str, str] = {}
        shown = ("8080", "8081", "8333", "8334")
        self.ports = dict(zip(shown, map(str, free_ports(4)), strict=True))
        self.nodes: list[subprocess.Popen[bytes]] = []

    def take(self, step: str) -> dict[str, Any]:
        """Do what one line says; return what it answered."""
        words = self._words(step)
        if words[0] == "node":
            self._start(words)
            return {}
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        if words[:2] == ["chain", "key"]:
            self.addresses["$" + Path(words[2]).stem.upper()] = answer["address"]
        return answer

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *words, "--json"],
            cwd=self.folder,
            env={**os.environ, "CHAINDECK_HOME": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def status(self, shown_port: str) -> dict[str, Any]:
        return self.ask(shown_port, "status")

    def ask(self, shown_port: str, path: str) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.ports[shown_port]}/api/{path}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def _words(self, step: str) -> list[str]:
        for shown, chosen in self.ports.items():
            step = step.replace(shown, chosen)
        program, *words = shlex.split(step)
        assert program == "chaindeck"
        return [self.addresses.get(word, word) for word in words]

    def _start(self, words: list[str]) -> None:
        """Start a node, with the ports that its line leaves to the defaults."""
        for option, shown in (("--api-port", "8080"), ("--p2p-port", "8333")):
            if option not in words:
                words += [option, self.ports[shown]]
        folder = self.folder / words[words.index("--data") + 1]
        with (self.folder / f"{folder.name}.log").open("wb") as log:
            started = subprocess.Popen(
                [COMMAND, *words, "--discovery=false"],
                cwd=self.folder,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        self.nodes.append(started)
        wait_until(lambda: (folder / "running.json").exists() or self._is_over(started, folder))

    def _is_over(self, started: subprocess.Popen[bytes], folder: Path) -> bool:
        assert started.poll() is None, (self.folder / f"{folder.name}.log").read_text()
        return False


@contextlib.contextmanager
def founding(folder: Path) -> Iterator[Founders]:
    founders = Founders(folder)
    try:
        yield founders
    finally:
        for node in founders.nodes:
            node.kill()
            node.wait(TIMEOUT_S)


def test_documented_steps_found_a_consortium_that_seals_in_turns_and_fixes_a_block(
    tmp_path: Path,
) -> None:
    to_do = steps()
    at = next(place for place, step in enumerate(to_do) if " checkpoint sign " in step)
    with founding(tmp_path) as founders:
        said = [founders.take(step) for step in to_do[:at]]
        network_id = next(answer["network_id"] for answer in said if "network_id" in answer)
        for port in ("8080", "8081"):
            assert founders.status(port)["network"]["id"] == network_id
        wait_until(lambda: all(founders.status(port)["height"] >= 4 for port in ("8080", "8081")))
        sealers = [founders.ask("8081", f"block/{height}")["sealer"] for height in range(1, 5)]
        names = founders.addresses
        assert set(sealers) == {names["$NORTH"], names["$SOUTH"]}
        assert all(one != other for one, other in itertools.pairwise(sealers))

        signed = [founders.take(step) for step in to_do[at:-1]]
        assert signed[-1]["hash"] == founders.ask("8080", "block/3")["hash"]
        assert set(signed[-1]["signers"]) == {names["$HARBOUR"], names["$BANK"]}
        assert founders.take(to_do[-1])["is_new"]
        founders.take(to_do[-1].replace("8080", "8081").replace("north", "south"))
        for name, port in (("north", "8080"), ("south", "8081")):
            assert refusal_to_give_up_block_3(founders, name, port) == "chain-checkpoint"

        elsewhere = json.loads((tmp_path / "block-3.json").read_text())
        elsewhere["hash"], elsewhere["signatures"] = "00" * 32, []
        (tmp_path / "other.json").write_text(json.dumps(elsewhere))
        url = f"http://127.0.0.1:{founders.ports['8080']}"
        words = ("chain", "checkpoint", "sign", "other.json", "--genesis=grid.json")
        done = founders.run(*words, "--key=mill.key", f"--node={url}")
        assert done.returncode == 1
        assert "the node has another block at height 3" in done.stderr


def refusal_to_give_up_block_3(founders: Founders, name: str, port: str) -> str:
    """Order a node to give the block up; return the code of its refusal."""
    block_hash = founders.ask(port, "block/3")["hash"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        order(founders, name, port, "admin/invalidate", {"hash": block_hash})
    with refused.value as answer:
        code: str = json.load(answer)["error"]["code"]
    return code


def order(founders: Founders, name: str, port: str, path: str, body: dict[str, str]) -> None:
    """Have a node do what only its operator may order."""
    cookie = (founders.folder / name / "api.cookie").read_text().strip()
    request = urllib.request.Request(
        f"http://127.0.0.1:{founders.ports[port]}/api/{path}",
        json.dumps(body).encode(),
        {"authorization": f"Bearer {cookie}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20):
        pass
