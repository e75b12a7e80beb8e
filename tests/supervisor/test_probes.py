"""A part is well if it tells its instance in time, and unwell in every other case."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chaindeck.rpc.access import coordinator_access
from chaindeck.rpc.contract import COORDINATOR
from chaindeck.rpc.server import RpcServer
from chaindeck.supervisor.errors import PartHindered, PartUnwell
from chaindeck.supervisor.identity import Running
from chaindeck.supervisor.probes import AliveProbe, GrpcProbe, HttpProbe, check_health
from tests.rpc.desks import Desk, short_home


@asynccontextmanager
async def serving(answer: bytes) -> AsyncIterator[Running]:
    """Serve these bytes to whoever connects; an empty answer keeps them waiting."""
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if not answer:
            await ended.wait()
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield Running(os.getpid(), "abc", f"http://127.0.0.1:{port}")
    finally:
        ended.set()
        server.close()


def ask(answer: bytes) -> None:
    async def run() -> None:
        async with serving(answer) as running:
            await check_health(HttpProbe(), running, 0.3)

    asyncio.run(run())


OK = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.mark.parametrize("name", [b"instance", b"instance_id"])
def test_part_that_tells_its_instance_is_well(name: bytes) -> None:
    ask(OK + b'{"ok": true, "%s": "abc"}' % name)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "no answer within 0.3 s"),
        (OK + b'{"instance": "other"}', "instance other answers in the place of abc"),
        (OK + b"{}", "instance  answers in the place of abc"),
        (OK + b"<html>", "is not what we expect"),
        (b"HTTP/1.1 503 Busy\r\n\r\n", "its health page answers 503"),
        (b"nonsense", "its health page answers nothing"),
        (OK + b"x" * 200_000, "is not what we expect"),
    ],
)
def test_part_that_answers_otherwise_is_unwell(answer: bytes, reason: str) -> None:
    with pytest.raises(PartUnwell, match=reason):
        ask(answer)


@pytest.mark.parametrize("address", ["", "unix:/x", "http://127.0.0.1:1", "ftp://127.0.0.1:80"])
def test_address_where_nobody_answers_is_unwell(address: str) -> None:
    with pytest.raises(PartUnwell):
        asyncio.run(check_health(HttpProbe(), Running(1, "x", address), 1.0))


def test_process_without_a_page_is_well_while_it_lives() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        running = Running(process.pid, "x", "", time.time())
        asyncio.run(check_health(AliveProbe(), running, 1.0))
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        with pytest.raises(PartUnwell, match="is stopped"):
            asyncio.run(check_health(AliveProbe(), running, 1.0))
        process.kill()
    with pytest.raises(PartUnwell, match="has ended"):
        asyncio.run(check_health(AliveProbe(), running, 1.0))


def test_part_behind_grpc_is_well_while_it_serves() -> None:
    async def run(home: Path) -> None:
        access = coordinator_access(home)
        running = Running(os.getpid(), "instance-7", access.address)
        probe = GrpcProbe(home)
        with pytest.raises(PartUnwell):
            await check_health(probe, running, 5.0)
        server = await RpcServer.start(COORDINATOR, Desk(), access, instance="instance-7")
        try:
            await check_health(probe, running, 5.0)
            with pytest.raises(PartUnwell, match="in the place of instance-8"):
                await check_health(probe, Running(1, "instance-8"), 5.0)
            await server.set_health("", is_serving=False)
            with pytest.raises(PartHindered, match="cannot serve now") as hindered:
                await check_health(probe, running, 5.0)
            assert hindered.value.code == "part-hindered"
        finally:
            await server.stop()

    with short_home() as home:
        asyncio.run(run(home))


def test_part_that_cannot_be_asked_for_a_fault_of_ours_is_not_to_be_replaced() -> None:
    with short_home() as home:
        running = Running(os.getpid(), "instance-7", coordinator_access(home).address)
        (home / "secrets.json").write_text("{")
        with pytest.raises(PartHindered, match=r"it cannot be asked: .*secrets\.json"):
            asyncio.run(check_health(GrpcProbe(home), running, 5.0))
