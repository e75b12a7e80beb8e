"""The addresses that a node dials first after a restart: `peers.json` in its data directory."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from chaindeck.node.logs import get_logger
from chaindeck.store.atomic import write_json
from chaindeck.store.errors import StoreError

_log = get_logger("network")
PEERS_NAME = "peers.json"


class PeersFile:
    """Keeps the last of what it is given. Writing happens in a thread: it waits for the disk."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / PEERS_NAME
        self._next: tuple[bytes, ...] | None = None
        self._writing: asyncio.Task[None] | None = None

    def load(self) -> tuple[bytes, ...]:
        """Return what was kept last; a file that is none is left out with a warning."""
        try:
            rows = msgspec.json.decode(self._path.read_bytes(), type=list[str])
            return tuple(bytes.fromhex(row) for row in rows)
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, msgspec.DecodeError) as error:
            _log.warning(
                "the remembered peers are not readable", path=str(self._path), reason=str(error)
            )
            return ()

    def keep(self, known: tuple[bytes, ...]) -> None:
        self._next = known
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())

    async def finish(self) -> None:
        """Wait until what was given is on disk, or was refused there."""
        if self._writing is not None:
            await self._writing

    async def _write(self) -> None:
        try:
            while self._next is not None:
                rows, self._next = [row.hex() for row in self._next], None
                await asyncio.to_thread(write_json, self._path, rows)
        except StoreError as error:
            _log.error("the peers could not be kept", error)
        finally:
            self._writing = None
