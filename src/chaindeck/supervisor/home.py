"""The home directory: where everything lies, for its owner alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec

from chaindeck.supervisor.errors import HomeUnusable

_PRIVATE = 0o700
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Home(msgspec.Struct, frozen=True):
    """Paths below one directory."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.json"

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets.json"

    @property
    def nodes(self) -> Path:
        return self.folder / "nodes"

    @property
    def wallets(self) -> Path:
        return self.folder / "wallets"

    @property
    def operator_wallet(self) -> Path:
        return self.wallets / "operator.json"

    @property
    def demo_wallet(self) -> Path:
        return self.wallets / "demo.json"

    @property
    def first_password(self) -> Path:
        """Made by the web when it makes the first person, and removed by whoever shows it."""
        return self.folder / "web" / "first-password"

    @property
    def supervisor(self) -> Path:
        return self.folder / "supervisor"

    @property
    def running(self) -> Path:
        return self.supervisor / "running.json"

    @property
    def socket(self) -> Path:
        return self.supervisor / "grpc.sock"

    @property
    def notifications(self) -> Path:
        return self.supervisor / "notifications.jsonl"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def log(self, part: str) -> Path:
        return self.logs / f"{part}.log"


def make_home(folder: Path) -> Home:
    """Make the directory and its fixed folders, or check those that are there.

    Raises `HomeUnusable`.
    """
    home = Home(folder)
    for path in (folder, home.nodes, home.wallets, home.supervisor, home.logs):
        make_private(path)
    return home


def make_private(folder: Path) -> None:
    """Make a folder that only its owner may enter, or make one such; raise `HomeUnusable`."""
    try:
        folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        if folder.stat().st_mode & _OTHERS:
            folder.chmod(_PRIVATE)
    except OSError as error:
        raise HomeUnusable(path=str(folder), reason=error.strerror or str(error)) from None
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        remedy = "mount it for writing" if is_read_only(folder) else "give it to who runs this"
        raise HomeUnusable(path=str(folder), reason=f"it cannot be written; {remedy}")


def is_read_only(folder: Path) -> bool:
    """Answer whether the disk of a folder takes nothing, whoever asks."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def check_private(path: Path) -> None:
    """Raise `HomeUnusable` for a file that others may read or write."""
    if path.stat().st_mode & _OTHERS:
        raise HomeUnusable(path=str(path), reason=f"others can read it; run: chmod 600 {path}")
