"""`chaindeck up` as a person runs it: real nodes, in a home and at ports of their own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from chaindeck.supervisor.control import find_supervisor
from chaindeck.supervisor.home import Home
from chaindeck.supervisor.identity import read_running
from tests.functional.processes import COMMAND

LIMIT_S = 120
_DROPPED = ("NODE_URL", "CPP_NODE_URL", "CHAINDECK_NODES", "CHAINDECK_PORT", "CHAINDECK_GRPC")


def free_ports(count: int) -> list[int]:
    """Return ports that nobody has at the moment."""
    with contextlib.ExitStack() as stack:
        made = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
        for item in made:
            stack.enter_context(item)
        return [item.getsockname()[1] for item in made]


class Installed:
    """A home with a configuration."""

    def __init__(self, folder: Path, nodes: int) -> None:
        self.home = Home(folder)
        folder.mkdir(mode=0o700)
        web, *ports = free_ports(1 + 2 * nodes)
        entries = [
            {"name": f"node-{n + 1}", "api_port": ports[2 * n], "p2p_port": ports[2 * n + 1]}
            for n in range(nodes)
        ]
        self.ports = [web, *ports]
        self.home.config.write_text(json.dumps({"nodes": entries, "web_port": web}))

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in _DROPPED}
        return {**kept, "CHAINDECK_HOME": str(self.home.folder), **more}

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            [COMMAND, *words],
            env=self.environment(**more),
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def launch(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [COMMAND, *words],
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def up(self, *words: str) -> subprocess.CompletedProcess[str]:
        done = self.run("up", "--detach", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def states(self) -> dict[str, dict[str, Any]]:
        parts = json.loads(self.run("status", "--json").stdout)
        return {part["name"]: part for part in parts}

    def pid_of(self, part: str) -> int | None:
        running = read_running(self.home.nodes / part)
        return running.pid if running else None

    def processes(self) -> list[psutil.Process]:
        """Return all that runs for this home, whoever its parent is."""
        found = []
        needle = os.fsencode(self.home.folder)
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if needle in Path(f"/proc/{process.pid}/environ").read_bytes():
                    found.append(process)
        return found

    def leftovers(self) -> list[Path]:
        """Return sockets, notes and temporary files that are there although nothing runs."""
        patterns = ("**/*.sock", "**/running.json", "**/*.chaindeck-new", "**/room")
        return [path for pattern in patterns for path in self.home.folder.glob(pattern)]

    def expect_nothing_left(self) -> None:
        assert self.processes() == []
        assert self.leftovers() == []
        assert find_supervisor(self.home) is None
        for port in self.ports:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
                probe.listen(1)


@contextlib.contextmanager
def installed(nodes: int = 1) -> Iterator[Installed]:
    """Give a home around a test, and end everything in it whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="cd-"))
    installation = Installed(folder / "h", nodes)
    try:
        yield installation
    finally:
        for process in installation.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(installation.processes(), 10)
        shutil.rmtree(folder)
