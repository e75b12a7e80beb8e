"""Files that are either the old ones or the new ones, never half of each.

A temporary file in the same folder, fsync, rename, fsync of the folder. What a crash leaves behind
is a temporary file with a name of its own, which `sweep` removes.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from chaindeck.store.errors import (
    DiskFull,
    EnvironmentFailed,
    FileInvalid,
    FileMissing,
    FileTaken,
    InputOutput,
)
from chaindeck.store.limits import ROOM_BYTES

Form = TypeVar("Form")

TEMPORARY = ".chaindeck-new"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PUBLIC, _PRIVATE = 0o644, 0o600


def write_json(path: Path, value: object, *, private: bool = False) -> None:
    """Replace a JSON file, indented for people."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2)
    write_bytes(path, text + b"\n", private=private)


def write_bytes(path: Path, data: bytes, *, private: bool = False) -> None:
    """Replace a file; `private` keeps it from other users. Raises `DiskFull` or `InputOutput`."""
    with replacing(path, private=private) as file:
        file.write(data)


def create_bytes(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file that must not be there yet; raise `FileTaken` where it is."""
    with translated(path):
        try:
            # Of two programs at once, only one gets the name.
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE))
        except FileExistsError:
            raise FileTaken(path=str(path)) from None
        except FileNotFoundError:
            raise FileMissing(path=str(path.parent)) from None
    try:
        write_bytes(path, data, private=private)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """Write a new file bit by bit; it takes the place of the old one when the block ends well."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        with translated(path):
            descriptor = os.open(
                temporary,
                os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
                _PRIVATE if private else _PUBLIC,
            )
            with os.fdopen(descriptor, "wb") as file:
                yield file
                sync_file(file)
            temporary.replace(path)
            sync_folder(path.parent)
    finally:
        # A disk that lets nothing be removed has refused to be written before, and that is told;
        # what is left goes with the next sweep.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes; raise `FileMissing` or `InputOutput`."""
    try:
        with translated(path):
            return path.read_bytes()
    except FileNotFoundError:
        raise FileMissing(path=str(path)) from None


def read_json(path: Path, decoder: msgspec.json.Decoder[Form]) -> Form:
    """Return what a file says in the decoder's shape; a `FileError` says what is wrong."""
    raw = read_bytes(path)
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FileInvalid(path=str(path), reason=str(error)) from None


def sweep(folder: Path) -> list[Path]:
    """Remove and return what interrupted writes left in a folder that nobody else writes now."""
    leftovers = sorted(folder.glob(f"*{TEMPORARY}"))
    for leftover in leftovers:
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()
    return leftovers


def check_room(path: Path) -> None:
    """Raise `DiskFull` if a file, or any file beside it, can hardly grow."""
    most, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if most != resource.RLIM_INFINITY and path.stat().st_size + ROOM_BYTES > most:
        raise DiskFull(path=str(path))
    with replacing(path.with_name("room")) as file:
        file.write(bytes(ROOM_BYTES))
    path.with_name("room").unlink()


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what the operating system says into errors of the store; a missing file stays one."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise failure(error.errno or 0, str(error), path) from error


def failure(number: int, reason: str, path: Path) -> EnvironmentFailed:
    """Return the error for an error number of the operating system."""
    if number in _NO_ROOM:
        return DiskFull(path=str(path))
    return InputOutput(path=str(path), reason=reason)


def sync_file(file: BinaryIO) -> None:
    """Make what was written to a file outlive a power cut."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make what was renamed in a folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
