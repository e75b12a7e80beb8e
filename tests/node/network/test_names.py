"""What people write for a peer is read one way, or refused."""

from __future__ import annotations

import asyncio
import socket

import pytest

from chaindeck.node.errors import PeerNameInvalid
from chaindeck.node.network.names import PeerName, parse_peer, resolve
from chaindeck.protocol.types import make_address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("10.0.0.7:9000", "10.0.0.7", 9_000),
        ("10.0.0.7", "10.0.0.7", 8_333),
        (" 10.0.0.7:1 ", "10.0.0.7", 1),
        ("10.0.0.7:65535", "10.0.0.7", 65_535),
        ("[fd00::7]:9000", "fd00::7", 9_000),
        ("[fd00::7]", "fd00::7", 8_333),
        ("fd00::7", "fd00::7", 8_333),
        ("::1", "::1", 8_333),
        ("node7.example.org", "node7.example.org", 8_333),
        ("node7.example.org:9000", "node7.example.org", 9_000),
        ("node-7", "node-7", 8_333),
        ("node7.example.org.", "node7.example.org.", 8_333),
        (f"{'a' * 63}.org", f"{'a' * 63}.org", 8_333),
    ],
)
def test_address_or_name_is_read(text: str, host: str, port: int) -> None:
    assert parse_peer(text) == PeerName(host, port)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", ":8333", "10.0.0.7:0", "10.0.0.7:65536", "10.0.0.7:-1", "10.0.0.7:http",
        "10.0.0", "10.0.0.256", "10.0.0.7.8", "1:2:3", "[fd00::7", "[]:8333", "[10.0.0.7",
        "[fd00::7]x", "[fd00::7]9000", "10.0.0.7:+1", "10.0.0.7:1_0", "[node7]:1",
        "no such host!", "a..b", "-", f"{'a' * 64}.org", ".".join(["a" * 49] * 6),
        "ünder.example", "a_b", "http://node7", "node7/x",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(PeerNameInvalid, match="examples are") as raised:
        parse_peer(text)
    assert raised.value.code == "config-peer"


def test_number_is_an_address_and_a_name_is_none_yet() -> None:
    assert parse_peer("10.0.0.7").address == make_address("10.0.0.7", 8_333)
    assert parse_peer("[fd00::7]:1").address == make_address("fd00::7", 1)
    assert parse_peer("node7").address is None


def test_number_is_not_looked_up_and_a_name_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    async def answer(host: str, port: int, **_: object) -> list[object]:
        asked.append((host, port))
        kinds = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [
            (*kinds, ("10.0.0.7", port)),
            (*kinds, ("10.0.0.7", port)),
            (*kinds, ("fd00::7", port, 0, 0)),
        ]

    async def live() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answer)
        assert await resolve(PeerName("10.0.0.9", 5)) == [make_address("10.0.0.9", 5)]
        assert asked == []
        found = await resolve(PeerName("node7.example.org", 9_000))
        assert found == [make_address("10.0.0.7", 9_000), make_address("fd00::7", 9_000)]
        assert asked == [("node7.example.org", 9_000)]

    asyncio.run(live())


def test_name_without_an_address_is_an_error_of_the_system() -> None:
    with pytest.raises(OSError, match=r".+"):
        asyncio.run(resolve(PeerName("nowhere.invalid", 1)))
