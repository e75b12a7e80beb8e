"""Links are encrypted, and tied to the keys of both nodes: a middleman gets nowhere."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chaindeck.node.errors import CertificateInvalid
from chaindeck.node.network.tls import CERTIFICATE_NAME, KEY_NAME, TlsIdentity, load_tls_identity
from tests.node.network.street import House, house, run, until


class Proxy:
    """In the middle of a link, with a certificate of its own, reading everything."""

    def __init__(self, own: TlsIdentity, port: int) -> None:
        self.own = own
        self.target = port
        self.port = 0
        self.seen = b""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        beyond = await asyncio.open_connection(
            "127.0.0.1", self.target, ssl=self.own.client, server_hostname=""
        )
        await asyncio.gather(self.pass_on(reader, beyond[1]), self.pass_on(beyond[0], writer))

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while part := await reader.read(65_536):
                self.seen += part
                writer.write(part)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def proxy(folder: Path, port: int) -> AsyncIterator[Proxy]:
    folder.mkdir()
    made = Proxy(load_tls_identity(folder), port)
    server = await asyncio.start_server(made.take, "127.0.0.1", 0, ssl=made.own.server)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()


@contextlib.asynccontextmanager
async def encrypted(folder: Path, **options: object) -> AsyncIterator[House]:
    folder.mkdir()
    async with house(folder, tls=load_tls_identity(folder), **options) as made:
        yield made


async def reasons(of: House, *, event: str) -> list[str]:
    """What the feed says next of one kind."""
    reader = of.service.feed.subscribe(["peer"], since=0)
    async with asyncio.timeout(20):
        while True:
            events, _ = await reader.take()
            found = [item.data for item in events if item.data["event"] == event]
            if found:
                return [item.get("code") or item["reason"] for item in found]


def test_certificate_is_made_once_and_kept_for_its_owner(tmp_path: Path) -> None:
    made = load_tls_identity(tmp_path)
    for name in (CERTIFICATE_NAME, KEY_NAME):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert load_tls_identity(tmp_path).certificate == made.certificate
    assert made.server.minimum_version == ssl.TLSVersion.TLSv1_3
    assert made.client.minimum_version == ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize("name", [CERTIFICATE_NAME, KEY_NAME])
@pytest.mark.parametrize("text", ["", "nonsense", None])
def test_damaged_files_are_told(tmp_path: Path, name: str, text: str | None) -> None:
    first = load_tls_identity(tmp_path)
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    else:
        path.unlink()
    if (name, text) == (CERTIFICATE_NAME, None):
        # As a crash between the two leaves them: both are made anew.
        assert load_tls_identity(tmp_path).certificate != first.certificate
        return
    with pytest.raises(CertificateInvalid, match="move it") as raised:
        load_tls_identity(tmp_path)
    assert raised.value.code == "config-certificate"


def test_nodes_talk_encrypted_and_bound_to_the_certificate(tmp_path: Path) -> None:
    async def live() -> None:
        async with encrypted(tmp_path / "one") as one, encrypted(tmp_path / "two") as two:
            await one.meet(two)
            (here,), (there,) = one.network.machine.peers, two.network.machine.peers
            assert here.binding == there.binding != bytes(32)
            tip = await one.mine(3)
            await until(lambda: two.tip == tip)
            tip = await two.mine()
            await until(lambda: one.tip == tip)

    run(live())


def test_middleman_with_another_certificate_is_refused_by_both_proofs(tmp_path: Path) -> None:
    async def live() -> None:
        async with (
            encrypted(tmp_path / "one") as one,
            encrypted(tmp_path / "two") as two,
            proxy(tmp_path / "proxy", two.network.port) as between,
        ):
            await one.desk.add(f"127.0.0.1:{between.port}")
            # The middleman reads all of the handshake, and cannot go on from it.
            assert await reasons(one, event="peer left") == ["peer-signature"]
            assert one.network.service.network.magic in between.seen
            assert one.links == two.links == 0

    run(live())


def test_plain_dialler_is_turned_away_by_an_encrypted_node(tmp_path: Path, caplog) -> None:
    caplog.set_level("INFO")

    async def live() -> None:
        async with encrypted(tmp_path / "one") as one, house(tmp_path / "two") as two:
            await two.desk.add(one.network.listens_at)
            (code, *_) = await reasons(two, event="peer left")
            assert code in ("peer-closed", "frame-magic")
            await until(lambda: "a caller does not speak TLS" in caplog.text)
            (known,) = two.network.machine.topology.book
            assert known.due_ms > two.network.driver.now_ms()
            async with encrypted(tmp_path / "three") as three:
                await three.meet(one)

    run(live())


def test_encrypted_dialler_is_told_that_a_node_is_plain(tmp_path: Path) -> None:
    async def live() -> None:
        async with encrypted(tmp_path / "one") as one, house(tmp_path / "two") as two:
            await one.desk.add(two.network.listens_at)
            (reason, *_) = await reasons(one, event="peer unanswered")
            assert reason.startswith("TLS: ") or "reset" in reason.lower()
            assert "frame-magic" in await reasons(two, event="peer left")

    run(live())


def test_caller_that_leaves_during_the_greeting_is_no_trouble(tmp_path: Path, caplog) -> None:
    caplog.set_level("INFO")

    async def live() -> None:
        async with encrypted(tmp_path / "one") as one, encrypted(tmp_path / "two") as two:
            _, writer = await asyncio.open_connection("127.0.0.1", one.network.port)
            writer.close()
            await until(lambda: "a caller does not speak TLS" in caplog.text)
            silent = await asyncio.open_connection("127.0.0.1", one.network.port)
            await one.meet(two)
            silent[1].close()

    run(live())


def test_stop_does_not_wait_for_a_silent_caller(tmp_path: Path) -> None:
    async def live() -> None:
        async with encrypted(tmp_path / "one") as one:
            reader, writer = await asyncio.open_connection("127.0.0.1", one.network.port)
            await until(lambda: bool(one.network.driver._doors._greeting))
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()

    run(live())
