"""Starts `chaindeck coordinator` as a process, beside real nodes, Redis and PostgreSQL."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from chaindeck.rpc.access import coordinator_access
from chaindeck.rpc.channel import RpcChannel
from chaindeck.rpc.client import CoordinatorClient
from tests.functional.processes import NodeProcess
from tests.needs import find_postgres

COMMAND = Path(sys.executable).with_name("chaindeck")
LIMIT_S = 30.0
_VARIABLES = ("DATABASE_URL", "REDIS_URL", "REDIS_HOST", "REDIS_PORT", "NODE_URL", "CPP_NODE_URL")


class CoordinatorProcess:
    """One coordinator in one home."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.environment = environment
        self.log_path = home.with_suffix(".log")
        self.process: subprocess.Popen[bytes]

    def spawn(self) -> None:
        environment = {name: os.environ[name] for name in os.environ if name not in _VARIABLES}
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [COMMAND, "coordinator"],
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                env={**environment, "CHAINDECK_HOME": str(self.home), **self.environment},
            )

    def start(self) -> None:
        """Start and wait until it says that it is ready."""
        running = self.home / "coordinator" / "running.json"
        running.unlink(missing_ok=True)
        self.spawn()

        def is_ready() -> bool:
            assert self.process.poll() is None, self.log
            return running.exists()

        wait_for(is_ready)

    @property
    def running(self) -> dict[str, Any]:
        note: dict[str, Any] = json.loads((self.home / "coordinator" / "running.json").read_text())
        return note

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    @property
    def is_running(self) -> bool:
        return hasattr(self, "process") and self.process.poll() is None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def finish(self) -> int:
        """Wait until it ends by itself; return its exit code."""
        return self.process.wait(LIMIT_S)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Read its SQLite database, as any other program would."""
        path = self.home / "records.sqlite3"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return database.execute(statement).fetchall()


@contextlib.contextmanager
def coordinator(home: Path, **environment: str) -> Iterator[CoordinatorProcess]:
    """Run a coordinator around a test, and end it whatever happens."""
    process = CoordinatorProcess(home, **environment)
    process.start()
    try:
        yield process
    finally:
        if process.process.poll() is None:
            process.kill()
        process.log_path.unlink()


@contextlib.contextmanager
def home_node(home: Path, *options: str, name: str = "node-1", mining: str = "off"):
    """A development node of this home, named in its configuration."""
    node = NodeProcess(home / "nodes" / name, *options, mining=mining)
    node.folder.parent.mkdir(parents=True, exist_ok=True)
    node.start()
    (home / "config.json").write_text(json.dumps({"nodes": [{"name": name, "api_port": 1}]}))
    try:
        yield node
    finally:
        if node.process.poll() is None:
            node.kill()


@contextlib.asynccontextmanager
async def asking(home: Path):
    """A client of the coordinator of a home."""
    async with RpcChannel(coordinator_access(home)) as channel:
        yield CoordinatorClient(channel)


class RedisServer:
    """A real server at a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--save", "", "--bind", "127.0.0.1"],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
        )
        wait_for(lambda: is_listening(self.port))

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None


class PostgresServer:
    """A real cluster in a folder, for this user alone; as root it runs as another."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._prefix:
            folder.chmod(0o755)
        self._data = folder / "data"
        self._data.mkdir(mode=0o700)
        if self._prefix:
            shutil.chown(self._data, "postgres", "postgres")
        self._run("initdb", "-U", "chaindeck", "-A", "trust", "--no-sync")
        self.url = f"postgres://chaindeck@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -c unix_socket_directories= -c fsync=off"
        self._run("pg_ctl", "-w", "-o", options, "-l", str(self._data / "log"), "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def _run(self, program: str, *options: str) -> None:
        command = [*self._prefix, str(find_postgres() / program), "-D", str(self._data), *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")


def wait_for(is_so: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
    deadline = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
