"""A key file holds one private key, is its owner's alone, and is never written over."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaindeck.ledger.signatures import SigningKey
from chaindeck.store.errors import FileInvalid, FileMissing, FileTaken, InputOutput
from chaindeck.store.key_file import create_key, load_key

SECRET = b"\1" * 32


def test_key_is_kept_for_its_owner_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "seal.key"
    key = create_key(path, SECRET)
    assert key.key_hash == SigningKey(SECRET).key_hash
    assert load_key(path).key_hash == key.key_hash
    assert path.stat().st_mode & 0o777 == 0o600


def test_key_that_is_there_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "seal.key"
    create_key(path, SECRET)
    with pytest.raises(FileTaken) as raised:
        create_key(path, b"\2" * 32)
    assert raised.value.code == "file-taken"
    assert load_key(path).key_hash == SigningKey(SECRET).key_hash
    assert [item.name for item in tmp_path.iterdir()] == ["seal.key"]


@pytest.mark.parametrize("text", [b"", b"ab" * 31, b"ab" * 33, b"x" * 64, b"\xff" * 64, b"0" * 64])
def test_file_without_a_key_is_told_and_not_quoted(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "seal.key"
    path.write_bytes(text)
    with pytest.raises(FileInvalid) as raised:
        load_key(path)
    assert str(raised.value) == f"{path}: not 64 hexadecimal digits of a private key"


def test_file_or_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match=r"seal\.key"):
        load_key(tmp_path / "seal.key")
    with pytest.raises(FileMissing, match="nowhere"):
        create_key(tmp_path / "nowhere" / "seal.key", SECRET)
    with pytest.raises(InputOutput):
        load_key(tmp_path)
