"""Whom a node knew is there after a restart; a file that is none is a warning."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from chaindeck.node.network import peers_file
from chaindeck.node.network.peers_file import PEERS_NAME, PeersFile
from chaindeck.store.errors import DiskFull


def keep(folder: Path, *rows: tuple[bytes, ...]) -> None:
    async def live() -> None:
        file = PeersFile(folder)
        for row in rows:
            file.keep(row)
        await file.finish()
        await file.finish()

    asyncio.run(live())


def test_last_that_was_kept_is_loaded(tmp_path: Path) -> None:
    assert PeersFile(tmp_path).load() == ()
    keep(tmp_path, (b"one",), (b"two", b"three"))
    assert PeersFile(tmp_path).load() == (b"two", b"three")
    keep(tmp_path)
    assert PeersFile(tmp_path).load() == (b"two", b"three")


@pytest.mark.parametrize("text", [b"", b"{", b"{}", b"[1]", b'["xy"]', b"\xff"])
def test_damaged_file_is_a_warning(tmp_path: Path, text: bytes, caplog) -> None:
    (tmp_path / PEERS_NAME).write_bytes(text)
    with caplog.at_level(logging.WARNING):
        assert PeersFile(tmp_path).load() == ()
    assert "the remembered peers are not readable" in caplog.text
    keep(tmp_path, (b"new",))
    assert PeersFile(tmp_path).load() == (b"new",)


def test_file_that_cannot_be_read_is_a_warning(tmp_path: Path, caplog) -> None:
    (tmp_path / PEERS_NAME).mkdir()
    with caplog.at_level(logging.WARNING):
        assert PeersFile(tmp_path).load() == ()
    assert "the remembered peers are not readable" in caplog.text


def test_full_disk_is_logged_and_the_next_is_written(tmp_path: Path, caplog, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise DiskFull(path="a disk")

    with monkeypatch.context() as patched:
        patched.setattr(peers_file, "write_json", refuse)
        keep(tmp_path, (b"lost",))
    assert "the peers could not be kept" in caplog.text
    keep(tmp_path, (b"kept",))
    assert PeersFile(tmp_path).load() == (b"kept",)
