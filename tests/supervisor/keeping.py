"""A supervisor of small parts as a process of its own.

`python -m tests.supervisor.keeping HOME PARTS`, where parts are JSON, `{name: [mode, ...]}` (see
`child`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from chaindeck.rpc.forms import Notification
from chaindeck.supervisor.control import find_supervisor
from chaindeck.supervisor.guard import run_guarded
from chaindeck.supervisor.history import Pace
from chaindeck.supervisor.home import Home, make_home
from chaindeck.supervisor.identity import read_running
from chaindeck.supervisor.parts import Part
from chaindeck.supervisor.probes import HttpProbe
from chaindeck.supervisor.process import forget, supervise
from tests.supervisor import child

ROOT = Path(__file__).resolve().parents[2]
CHILD = Path(child.__file__)
LIMIT_S = 60.0
PACE = Pace(
    health_interval_s=0.1,
    health_deadline_s=1.0,
    sick_after=3,
    stop_grace_s=1.0,
    backoff_first_s=0.1,
    backoff_most_s=0.4,
    give_up_after=4,
    give_up_window_s=30.0,
)


def small_part(home: Home, name: str, modes: list[str]) -> Part:
    folder = home.folder / name
    return Part(
        name=name,
        kind="node",
        command=(sys.executable, str(CHILD), str(folder), *modes),
        folder=folder,
        probe=HttpProbe(),
        ports=tuple(int(mode[5:]) for mode in modes if mode.startswith("port=")),
        ready_timeout_s=3.0 if "never" in modes or "liar" in modes else 20.0,
    )


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """Give a folder whose path is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="cd-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def wait_until(is_so: Callable[[], Any], limit_s: float = LIMIT_S) -> Any:
    """Return the first true answer; fail where none comes."""
    deadline = time.monotonic() + limit_s
    while not (answer := is_so()):
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.01)
    return answer


class Kept:
    """A running supervisor, seen from outside."""

    def __init__(self, folder: Path, parts: dict[str, list[str]], prefix: str = "") -> None:
        self.home = make_home(folder)
        self.prefix = prefix
        self.parts = parts
        self.output = folder.parent / "output"
        self.process: subprocess.Popen[bytes]

    def launch(self) -> None:
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                self.command(),
                stdout=output,
                stderr=output,
                cwd=ROOT,
                start_new_session=True,
            )

    def command(self) -> list[str]:
        words = [sys.executable, "-m", "tests.supervisor.keeping"]
        words += [str(self.home.folder), json.dumps(self.parts)]
        if not self.prefix:
            return words
        return ["unshare", "-rm", "sh", "-c", f"{self.prefix} && exec {shlex.join(words)}"]

    def inside(self) -> Path:
        """Return the home as the supervisor sees it, which may have mounts of its own."""
        return Path(f"/proc/{self.process.pid}/root{self.home.folder}")

    def start(self) -> None:
        """Launch it and wait until all is ready."""
        self.launch()
        wait_until(lambda: self.is_ready() or self.process.poll() is not None)
        assert self.process.poll() is None, self.text()

    def is_ready(self) -> bool:
        running = read_running(self.home.supervisor)
        return running is not None and running.pid == find_supervisor(self.home)

    @property
    def pid(self) -> int:
        pid = find_supervisor(self.home)
        assert pid, self.text()
        return pid

    def text(self) -> str:
        return self.output.read_text()

    def pid_of(self, part: str) -> int:
        """Return the pid that a part noted, once it did."""
        pid: int = wait_until(lambda: read_running(self.home.folder / part)).pid
        return pid

    def told(self, part: str) -> list[str]:
        lines = self.home.notifications.read_text().splitlines()
        return [note["message"] for note in map(json.loads, lines) if note["part"] == part]

    def is_told(self, part: str, words: str) -> bool:
        return any(words in message for message in self.told(part))

    def processes(self) -> list[psutil.Process]:
        """Return all that runs for this home, whoever its parent is."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                environment = Path(f"/proc/{process.pid}/environ").read_bytes()
                words = " ".join(process.cmdline())
                if str(self.home.folder) in words or bytes(self.home.folder) in environment:
                    found.append(process)
        return found

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT_S)

    def expect_nothing_left(self) -> None:
        wait_until(lambda: not self.processes())
        assert find_supervisor(self.home) is None
        left = [*self.home.folder.rglob("*.sock"), *self.home.folder.rglob("*.chaindeck-new")]
        left += self.home.folder.rglob("running.json")
        # Parts that were killed leave theirs; it names nobody.
        assert not [path for path in left if path.parent == self.home.supervisor], left


@contextlib.contextmanager
def kept(
    parts: dict[str, list[str]], *, is_started: bool = True, prefix: str = ""
) -> Iterator[Kept]:
    """Keep small parts around a test, and end everything whatever happens."""
    with short_folder() as folder:
        keeping = Kept(folder / "h", parts, prefix.format(home=folder / "h"))
        try:
            if is_started:
                keeping.start()
            yield keeping
        finally:
            for process in keeping.processes():
                with contextlib.suppress(psutil.Error):
                    process.kill()
            if hasattr(keeping, "process"):
                keeping.process.wait(LIMIT_S)


def _tell(notification: Notification) -> None:
    print(notification.part, notification.message, flush=True)


def main(folder: Path, described: dict[str, list[str]]) -> int:
    home = make_home(folder)
    parts = [small_part(home, name, modes) for name, modes in described.items()]

    def work() -> int:
        asyncio.run(supervise(home, parts, tell=_tell, when_ready=lambda: None, pace=PACE))
        return os.EX_OK

    return run_guarded(work, lambda pid: forget(home, pid))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), json.loads(sys.argv[2])))
