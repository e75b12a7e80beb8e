"""Asking a part whether it is well: it has to tell its instance, within a deadline."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import msgspec
import psutil

from chaindeck.rpc.access import coordinator_access
from chaindeck.rpc.channel import RpcChannel
from chaindeck.rpc.errors import RpcError
from chaindeck.supervisor.errors import PartHindered, PartUnwell
from chaindeck.supervisor.identity import Running, find_process
from chaindeck.supervisor.limits import HEALTH_BYTES, HEALTH_DEADLINE_S

_OK = b"200"


class Probe(Protocol):
    """One way to ask."""

    async def find_instance(self, running: Running, /) -> str:
        """Return the instance that answers; raise `PartUnwell`."""


class HttpProbe(msgspec.Struct, frozen=True):
    """`GET` of a page that answers 200 and JSON with the instance."""

    path: str = "/health"

    async def find_instance(self, running: Running) -> str:
        parts = urlsplit(running.address)
        if parts.scheme != "http" or not parts.hostname or not parts.port:
            raise PartUnwell(reason=f"{running.address!r} is no address to ask at")
        try:
            return _read_instance(await _fetch(parts.hostname, parts.port, self.path))
        except OSError as error:
            reason = f"nobody answers at {running.address}: {error.strerror or error}"
            raise PartUnwell(reason=reason) from None


class GrpcProbe(msgspec.Struct, frozen=True):
    """The standard health service, on a socket or where `address` says.

    One that answers and does not serve is hindered: its database may be away.
    """

    home: Path
    address: str = ""

    async def find_instance(self, running: Running) -> str:
        try:
            access = coordinator_access(self.home, self.address)
        except (RpcError, OSError) as error:
            # Our own files are at fault, and not the part.
            raise PartHindered(reason=f"it cannot be asked: {error}") from None
        async with RpcChannel(access) as channel:
            try:
                health = await channel.check_health(deadline_s=HEALTH_DEADLINE_S)
            except RpcError as error:
                raise PartUnwell(reason=str(error)) from None
        if not health.is_serving and health.instance == running.instance:
            raise PartHindered(reason="it answers, and says that it cannot serve now")
        return health.instance


class AliveProbe(msgspec.Struct, frozen=True):
    """For parts that nobody can ask: the process of the note lives."""

    async def find_instance(self, running: Running) -> str:
        process = find_process(running)
        if process is None:
            raise PartUnwell(reason=f"process {running.pid} has ended")
        with contextlib.suppress(psutil.Error):
            if process.status() == psutil.STATUS_STOPPED:
                raise PartUnwell(reason=f"process {running.pid} is stopped")
        return running.instance


async def check_health(probe: Probe, running: Running, deadline_s: float) -> None:
    """Return if the part is well; raise `PartUnwell` with what it is not."""
    try:
        async with asyncio.timeout(deadline_s):
            instance = await probe.find_instance(running)
    except TimeoutError:
        raise PartUnwell(reason=f"no answer within {deadline_s:g} s") from None
    if instance != running.instance:
        raise PartUnwell(reason=f"instance {instance} answers in the place of {running.instance}")


class _Health(msgspec.Struct, frozen=True):
    """A health page, of the web or of a node."""

    instance: str = ""
    instance_id: str = ""


_HEALTH = msgspec.json.Decoder(_Health)


async def _fetch(host: str, port: int, path: str) -> bytes:
    """Return the whole answer to one request; the caller has the deadline."""
    reader, writer = await asyncio.open_connection(host, port, limit=HEALTH_BYTES)
    try:
        request = f"GET {path} HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n\r\n"
        writer.write(request.encode())
        answer = b""
        while len(answer) <= HEALTH_BYTES and (piece := await reader.read(HEALTH_BYTES)):
            answer += piece
        return answer
    finally:
        writer.close()


def _read_instance(answer: bytes) -> str:
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    if status != [_OK]:
        shown = status[0].decode("latin-1") if status else "nothing"
        raise PartUnwell(reason=f"its health page answers {shown[:40]}")
    start, end = body.find(b"{"), body.rfind(b"}")
    try:
        health = _HEALTH.decode(body[start : end + 1])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise PartUnwell(reason="its health page is not what we expect") from None
    return health.instance or health.instance_id
