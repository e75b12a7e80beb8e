"""A machine on which systemd is process 1, in name spaces of its own: see `machine.sh`."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.supervisor.keeping import wait_until

LIMIT_S = 180
"""A start under systemd has half a core, and shares it with what else runs here."""

ANN = 61_234
_ROOT = Path(__file__).resolve().parents[2]
_SCRIPT = Path(__file__).with_name("machine.sh")
_GROUPS = Path("/sys/fs/cgroup")
_AS_ANN = ("setpriv", f"--reuid={ANN}", f"--regid={ANN}", "--clear-groups")
_VARIABLES = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


class Machine:
    """What runs in it, seen from outside."""

    def __init__(self, holder: psutil.Process) -> None:
        self._holder = holder
        self.init = wait_until(self._find_init, LIMIT_S)
        wait_until(lambda: self.run("systemctl", "is-system-running").stdout == "running\n")

    def run(
        self, *words: str | Path, as_ann: bool = False, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one command in it to its end, as root or as the user who owns the homes."""
        who = _AS_ANN if as_ann else ()
        return subprocess.run(
            ["nsenter", f"--target={self.init.pid}", "-m", "-p", "-C", "-i", "-u", *who, *words],
            env={**_VARIABLES, "HOME": "/srv/ann" if as_ann else "/root", **more},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def path(self, inside: str) -> Path:
        """Return by which path something in it is seen from outside."""
        return Path(f"/proc/{self.init.pid}/root{inside}")

    def processes(self) -> set[psutil.Process]:
        """Return all of ours that run in it, whoever started them."""
        found = set()
        for process in self.init.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if any(word.endswith("chaindeck") for word in process.cmdline()[:2]):
                    found.add(process)
        return found

    def _find_init(self) -> psutil.Process | None:
        assert self._holder.is_running(), "it did not boot"
        for child in self._holder.children():
            with contextlib.suppress(psutil.Error):
                if child.name() == "systemd":
                    return child
        return None


@contextlib.contextmanager
def machine() -> Iterator[Machine]:
    """Boot a machine around a test, and leave nothing of it."""
    kept = [str(_ROOT), sys.base_prefix]
    with subprocess.Popen(
        [_SCRIPT, *kept], stdin=subprocess.DEVNULL, start_new_session=True
    ) as holder:
        try:
            yield Machine(psutil.Process(holder.pid))
        finally:
            holder.kill()
            holder.wait()
            wait_until(lambda: _are_groups_gone(holder.pid), LIMIT_S)


def _are_groups_gone(pid: int) -> bool:
    """Remove its control groups, which cannot be while something in them still ends."""
    tops = list(_GROUPS.glob(f"**/chaindeck-machine-{pid}"))
    for top in tops:
        for folder, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
    return not tops
