"""The native thread for single signatures, seen from the loop."""

import asyncio
import os

import pytest

from chaindeck.kernel import recover_many
from chaindeck.node import recovering
from chaindeck.node.recovering import Recoverer
from tests.kernel.build import KEYS


def signed(number: int) -> tuple[bytes, bytes]:
    digest = number.to_bytes(32, "big")
    return digest, KEYS[number % 3].sign_recoverable(digest, hasher=None)


def is_crowded(recoverer: Recoverer) -> bool:
    return recoverer.is_crowded


@pytest.fixture(params=["eventfd", "pipe"], autouse=True)
def ears(request, monkeypatch):
    """The one where there is one, and the other on other systems."""
    if request.param == "pipe":
        monkeypatch.delattr(os, "eventfd", raising=False)


def test_answers_are_those_of_the_kernel() -> None:
    async def live() -> None:
        recoverer = Recoverer()
        asked = [signed(number) for number in range(200)]
        answers = await asyncio.gather(*(recoverer.hand_out(*item) for item in asked))
        assert answers == [recover_many(*item) for item in asked]
        assert recoverer.is_idle
        recoverer.close()

    asyncio.run(live())


def test_cancelled_wait_leaves_the_others_alone() -> None:
    async def live() -> None:
        recoverer = Recoverer()
        first, second = (recoverer.hand_out(*signed(number)) for number in range(2))
        first.cancel()
        assert await second == recover_many(*signed(1))
        assert recoverer.is_idle
        recoverer.close()

    asyncio.run(live())


def test_waiting_is_cancelled_when_it_closes() -> None:
    async def live() -> None:
        recoverer = Recoverer()
        waiting = [recoverer.hand_out(*signed(number)) for number in range(100)]
        recoverer.close()
        assert all(answer.cancelled() for answer in waiting)

    asyncio.run(live())


def test_lonely_client_is_served_on_the_spot() -> None:
    async def live() -> None:
        recoverer = Recoverer()
        for number in range(5):
            assert await recoverer.recover(*signed(number)) == recover_many(*signed(number))
            assert not recoverer.is_crowded
            await asyncio.sleep(0)
        recoverer.close()

    asyncio.run(live())


def test_clients_that_overlap_are_served_by_the_thread_until_one_is_left() -> None:
    async def live() -> None:
        recoverer = Recoverer()
        asked = [signed(number) for number in range(10)]
        answers = await asyncio.gather(*(recoverer.recover(*item) for item in asked))
        assert answers == [recover_many(*item) for item in asked]
        assert is_crowded(recoverer)
        for number in range(recovering.LONELY_TASKS):
            assert is_crowded(recoverer), number
            await recoverer.recover(*signed(number))
            await asyncio.sleep(0)
        assert not is_crowded(recoverer)
        recoverer.close()

    asyncio.run(live())
