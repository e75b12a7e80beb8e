"""Small files: replaced as a whole or not at all, and read with errors that name them."""

import errno
import os
import resource
import stat

import msgspec
import pytest

from chaindeck.store import atomic
from chaindeck.store.atomic import (
    create_bytes,
    read_json,
    replacing,
    sweep,
    write_bytes,
    write_json,
)
from chaindeck.store.errors import DiskFull, FileInvalid, FileMissing, InputOutput
from chaindeck.store.limits import ROOM_BYTES

NUMBERS = msgspec.json.Decoder(dict[str, int])


def test_json_is_written_for_people_and_read_back(tmp_path):
    path = tmp_path / "state.json"
    write_json(path, {"height": 7})
    assert path.read_text() == '{\n  "height": 7\n}\n'
    assert read_json(path, NUMBERS) == {"height": 7}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("private", "mode"), [(True, 0o600), (False, 0o644)])
def test_secrets_are_for_their_owner_alone(tmp_path, private, mode):
    before = os.umask(0o022)
    try:
        write_bytes(tmp_path / "key", b"secret", private=private)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == mode


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "state.json"
    write_bytes(path, b"old")

    def abandon():
        with replacing(path) as file:
            file.write(b"new")
            raise KeyError

    with pytest.raises(KeyError):
        abandon()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("number", "error", "code"), [(28, DiskFull, "store-disk-full"), (5, InputOutput, "store-io")]
)
def test_what_the_system_says_is_translated(tmp_path, monkeypatch, number, error, code):
    def refuse(_descriptor):
        raise OSError(number, os.strerror(number))

    path = tmp_path / "state.json"
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(error) as caught:
        write_bytes(path, b"new")
    assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []


def test_disk_that_became_read_only_is_told_of_though_nothing_can_be_removed(tmp_path, monkeypatch):
    def refuse(*_more, **_options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(InputOutput, match="Read-only") as caught:
        write_bytes(tmp_path / "state.json", b"new")
    assert caught.value.code == "store-io"


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileMissing, match=r"no\.json does not exist") as caught:
        read_json(tmp_path / "no.json", NUMBERS)
    assert caught.value.code == "file-missing"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "truncated"),
        (b'{"a": 1', "truncated"),
        (b'{"a": "x"}', r"Expected `int`, got `str` - at `\$\[\.\.\.\]`"),
        (b'{"a\xff": 1}', "utf-8|invalid"),
    ],
)
def test_invalid_file_says_what_is_wrong(tmp_path, text, reason):
    (tmp_path / "a.json").write_bytes(text)
    with pytest.raises(FileInvalid, match=f"a.json: .*({reason})") as caught:
        read_json(tmp_path / "a.json", NUMBERS)
    assert caught.value.code == "file-invalid"


def test_unreadable_file_is_an_input_output_error(tmp_path):
    with pytest.raises(InputOutput):
        read_json(tmp_path, NUMBERS)


def test_leftovers_of_interrupted_writes_are_swept(tmp_path):
    write_bytes(tmp_path / "kept", b"")
    leftover = tmp_path / f"state.json.99{atomic.TEMPORARY}"
    leftover.write_bytes(b"half")
    folder = tmp_path / f"chain.lmdb{atomic.TEMPORARY}"
    folder.mkdir()
    (folder / "data.mdb").write_bytes(b"half")
    assert sweep(tmp_path) == [folder, leftover]
    assert sweep(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


class TestRoom:
    """LMDB says input/output error where a disk fills up in the middle of a write."""

    def test_disk_with_room_is_left_as_it_was(self, tmp_path):
        write_bytes(tmp_path / "data", b"x")
        atomic.check_room(tmp_path / "data")
        assert [path.name for path in tmp_path.iterdir()] == ["data"]

    def test_disk_without_room_is_full(self, tmp_path, monkeypatch):
        write_bytes(tmp_path / "data", b"x")

        def refuse(_descriptor):
            raise OSError(errno.ENOSPC, "full")

        monkeypatch.setattr(os, "fsync", refuse)
        with pytest.raises(DiskFull):
            atomic.check_room(tmp_path / "data")
        assert [path.name for path in tmp_path.iterdir()] == ["data"]

    def test_file_at_its_own_limit_is_full(self, tmp_path, monkeypatch):
        write_bytes(tmp_path / "data", b"x")
        for room, is_full in ((ROOM_BYTES, True), (ROOM_BYTES + 1, False)):
            monkeypatch.setattr(resource, "getrlimit", lambda _what, room=room: (room, -1))
            if is_full:
                with pytest.raises(DiskFull):
                    atomic.check_room(tmp_path / "data")
            else:
                atomic.check_room(tmp_path / "data")


def test_new_file_that_cannot_be_written_leaves_its_name_free(tmp_path, monkeypatch):
    def refuse(_descriptor):
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr("chaindeck.store.atomic.os.fsync", refuse)
    with pytest.raises(DiskFull):
        create_bytes(tmp_path / "new", b"text")
    assert not list(tmp_path.iterdir())
