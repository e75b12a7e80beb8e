"""What views need around them: an event loop in a thread, and on it a coordinator from memory."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from django.test import Client

from chaindeck.control import wiring
from chaindeck.records.models import Person
from chaindeck.records.services.people import person_create, token_create
from chaindeck.rpc.channel import RpcChannel
from chaindeck.rpc.client import CoordinatorClient
from tests.rpc.desks import INSTANCE, Desk, serving

PASSWORD = "a good long password"
LIMIT_S = 10


class House:
    """Counts what views ask of the process."""

    def __init__(self) -> None:
        self.desk: Desk
        self.channel: RpcChannel
        self.loop: asyncio.AbstractEventLoop
        self.ended: list[tuple[int, str]] = []
        self.rings = 0
        self.place = ("e1", 7)
        self.is_away = False
        self.heard_ms: int | None = None

    def end_lines(self, *, person_id: int, session_key: str = "") -> None:
        self.ended.append((person_id, session_key))

    def ring(self) -> None:
        self.rings += 1

    def settle(self) -> None:
        """Let the loop do what it was given."""
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self.loop).result(LIMIT_S)


@contextlib.contextmanager
def wired_to(home: Path) -> Iterator[House]:
    """Run a coordinator in a thread, and have views ask it."""
    house, is_up, is_over = House(), threading.Event(), threading.Event()

    async def live() -> None:
        house.loop = asyncio.get_running_loop()
        house.desk = Desk()
        async with serving(home, house.desk) as (_, house.channel):
            client = CoordinatorClient(house.channel)
            wiring.wire(wiring.Wiring(INSTANCE, house.loop, client, house, house.ring))
            is_up.set()
            await asyncio.to_thread(is_over.wait)

    thread = threading.Thread(target=asyncio.run, args=(live(),))
    thread.start()
    try:
        assert is_up.wait(LIMIT_S)
        yield house
    finally:
        is_over.set()
        thread.join(LIMIT_S)
        wiring._current.clear()


class Visitor:
    """Somebody with a browser, signed in unless said otherwise."""

    def __init__(self, role: str | None, name: str = "", *, must_change: bool = False) -> None:
        self.client = Client(enforce_csrf_checks=False)
        self.person: Person | None = None
        if role is not None:
            self.name = name or role
            self.person, _ = person_create(
                username=self.name, password=PASSWORD, role=role, must_change_password=must_change
            )
            answer = self.sign_in()
            assert answer.status_code == 302, answer.content.decode()

    def sign_in(self, password: str = PASSWORD, **extra: str):
        given = {"username": self.name, "password": password}
        return self.client.post("/sign-in", given, **extra)

    @property
    def session_key(self) -> str:
        key = self.client.session.session_key
        assert key
        return key


def token_for(role: str, scope: str, name: str = "owner") -> str:
    """A token with one scope, of a new owner."""
    owner, _ = person_create(username=f"{name}-{role}-{scope}", password=PASSWORD, role=role)
    return token_create(owner=owner, name="test", scopes=(scope,))[1]


def bearer(token: str) -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": f"Bearer {token}"}
