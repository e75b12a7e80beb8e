"""A node has one key for good, for its owner alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaindeck.node.errors import NodeKeyInvalid
from chaindeck.node.network.identity import KEY_NAME, load_node_key


def test_key_is_made_once_and_kept_for_its_owner(tmp_path: Path) -> None:
    key = load_node_key(tmp_path)
    path = tmp_path / KEY_NAME
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_text()) == 65
    assert load_node_key(tmp_path).public_key == key.public_key


def test_two_nodes_have_two_keys(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert load_node_key(tmp_path).public_key != load_node_key(tmp_path / "other").public_key


@pytest.mark.parametrize("text", [b"", b"\n", b"ab" * 31, b"ab" * 33, b"x" * 64, b"\xff" * 64])
def test_damaged_file_is_told_and_left_alone(tmp_path: Path, text: bytes) -> None:
    (tmp_path / KEY_NAME).write_bytes(text)
    with pytest.raises(NodeKeyInvalid, match=r"node\.key.*move it away") as raised:
        load_node_key(tmp_path)
    assert raised.value.code == "config-node-key"
    assert (tmp_path / KEY_NAME).read_bytes() == text


@pytest.mark.parametrize("number", [0, 1 << 256])
def test_number_that_is_no_key_is_told(tmp_path: Path, number: int) -> None:
    (tmp_path / KEY_NAME).write_text(f"{number % (1 << 256):064x}")
    with pytest.raises(NodeKeyInvalid):
        load_node_key(tmp_path)


def test_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / KEY_NAME).mkdir()
    with pytest.raises(NodeKeyInvalid, match="directory"):
        load_node_key(tmp_path)
