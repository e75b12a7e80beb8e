"""Wallet files: where they lie, and one process at a time for each that changes.

The lock is the kernel's, on a file of its own beside the wallet, because the wallet's file is
replaced at every change. It ends with the process, however that ends.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path

from chaindeck.cli.places import home
from chaindeck.store.errors import StoreLocked
from chaindeck.wallet.keystore import Keystore, load_keystore

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SUFFIX = ".json"
_PRIVATE = 0o700


def wallet_name(text: str) -> str:
    """Return a name that is safe as a file's; for argparse."""
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"a wallet's name has letters, digits, dots and hyphens, not {text!r}"
        )
    return text


def wallets_folder() -> Path:
    return home() / "wallets"


def wallet_path(name: str) -> Path:
    return wallets_folder() / f"{name}{_SUFFIX}"


def wallet_names() -> list[str]:
    return sorted(path.name.removesuffix(_SUFFIX) for path in wallets_folder().glob(f"*{_SUFFIX}"))


def open_wallet(options: argparse.Namespace) -> Keystore:
    """Return the wallet that was named, locked; exits with 2 where there is none."""
    path = wallet_path(options.wallet)
    if not path.exists():
        known = ", ".join(wallet_names()) or "there are none yet; make one with wallet new"
        options.parser.error(f"there is no wallet {options.wallet}; known: {known}")
    return load_keystore(path)


@contextlib.contextmanager
def holding(name: str) -> Iterator[Path]:
    """Keep other processes from changing a wallet; raise `StoreLocked` where one does."""
    wallets_folder().mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    path = wallet_path(name)
    descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            raise StoreLocked(path=str(path), pid=holder or "unknown") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield path
    finally:
        os.close(descriptor)
