"""Starts `chaindeck node` as a process of its own, and speaks plain HTTP to it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).with_name("chaindeck")
START_TIMEOUT_S = 20
STOP_TIMEOUT_S = 10


class Answer:
    """Status and body of one HTTP answer."""

    def __init__(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.status = status
        self.body = body
        self.headers = headers

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class NodeProcess:
    """One running node."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        profile: str = "dev",
        mining: str | None = "off",
        prefix: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.prefix = prefix
        self.mining = mining
        self.options = options
        self.profile = profile
        self.process: subprocess.Popen[bytes]
        self.log_path = folder.parent / f"{folder.name}.log"

    def start(self) -> None:
        """Start and wait until the node says that it is ready."""
        running = self.folder / "running.json"
        running.unlink(missing_ok=True)
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, COMMAND, "node", "--data", self.folder, *self._options()],
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "CHAINDECK_HOME": str(self.folder.parent)},
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not running.exists():
            assert self.process.poll() is None, self.log_path.read_text()
            assert time.monotonic() < deadline, self.log_path.read_text()
            time.sleep(0.005)
        self.url = json.loads(running.read_text())["url"]

    def _options(self) -> list[str]:
        settings = {
            "profile": self.profile,
            "api-port": "0",
            "p2p-port": "0",
            "discovery": "false",
            "log-format": "json",
        }
        if self.mining:
            settings["mining"] = self.mining
        return [f"--{name}={value}" for name, value in settings.items()] + list(self.options)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)

    def stop(self) -> int:
        """Ask it to stop; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_TIMEOUT_S)

    @property
    def cookie(self) -> str:
        return (self.folder / "api.cookie").read_text().strip()

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = None,
        raw: bytes | None = None,
        content_type: str = "application/json",
    ) -> Answer:
        """Send one request. `token` None uses the cookie, an empty one sends none."""
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        headers = {"content-type": content_type} if data is not None else {}
        chosen = self.cookie if token is None else token
        if chosen:
            headers["authorization"] = f"Bearer {chosen}"
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return Answer(answer.status, answer.read(), dict(answer.headers))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read(), dict(error.headers))

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.body
        return answer.json

    def post(self, path: str, body: object = None) -> Any:
        answer = self.ask("POST", path, {} if body is None else body)
        assert answer.status == 200, answer.body
        return answer.json


@contextlib.contextmanager
def node(
    folder: Path, *options: str, profile: str = "dev", mining: str | None = "off"
) -> Iterator[NodeProcess]:
    """Run a node around a test, and end it whatever happens; `mining` None for its default."""
    process = NodeProcess(folder, *options, profile=profile, mining=mining)
    process.start()
    try:
        yield process
    finally:
        if process.process.poll() is None:
            process.kill()
