"""`chaindeck web` as a process, in a home and at a port of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.coordinator.processes import COMMAND, free_port, wait_for

_DROPPED = ("DATABASE_URL", "ALLOWED_ORIGINS", "LOG_LEVEL", "LOG_FORMAT", "CHAINDECK_GRPC")
_MAKE_TOKEN = (
    "from chaindeck.records.services.people import person_create, token_create;"
    "person, _ = person_create(username='{name}', role='admin');"
    "print('TOKEN', token_create(owner=person, name='t', scopes=['{scope}'])[1])"
)


def environment(home: Path, port: int, **more: str) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if name not in _DROPPED}
    return {**kept, "CHAINDECK_HOME": str(home), "CHAINDECK_PORT": str(port), **more}


class WebProcess:
    """One control room."""

    def __init__(self, home: Path, **more: str) -> None:
        self.home = home
        self.more = more
        self.port = free_port()
        self.log_path = home / "web.log"
        self.process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def start(self) -> None:
        note = self.home / "web" / "running.json"
        note.unlink(missing_ok=True)
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [COMMAND, "web"],
                stderr=log,
                env=environment(self.home, self.port, **self.more),
            )

        def is_ready() -> bool:
            assert self.process.poll() is None, self.log
            return note.exists()

        wait_for(is_ready)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def make_token(self, scope: str = "admin") -> str:
        said = self.run_inside(_MAKE_TOKEN.format(name=f"for-{scope}", scope=scope))
        return said.partition("TOKEN ")[2].strip()

    def run_inside(self, text: str) -> str:
        """Run a line of Python where the records are open; return what it prints."""
        done = subprocess.run(
            [COMMAND, "manage", "shell", "-v", "0", "-c", text],
            env=environment(self.home, self.port, **self.more),
            capture_output=True,
            check=True,
            text=True,
        )
        return done.stdout

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        request = urllib.request.Request(self.url + path, headers=given)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read()

    def ask(self, path: str, token: str) -> Any:
        status, _, body = self.get(path, authorization=f"Bearer {token}")
        assert status == 200, body
        return json.loads(body)


@contextlib.contextmanager
def web(home: Path, **more: str) -> Iterator[WebProcess]:
    """Run a control room around a test, and end it whatever happens."""
    process = WebProcess(home, **more)
    process.start()
    try:
        yield process
    finally:
        if process.process.poll() is None:
            process.process.kill()
            process.process.wait(10)
