"""Recovering on a thread of its own: answers come in order, and a descriptor tells of them."""

import contextlib
import os
import select

import pytest

from tests.kernel.build import KEYS, key_hash

OK = b"\x00"
WAIT_S = 10


@pytest.fixture
def ears():
    """What to read and what to write."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def task(number, count=1):
    digests = [bytes([number, place]) * 16 for place in range(count)]
    signatures = [KEYS[0].sign_recoverable(digest, hasher=None) for digest in digests]
    return b"".join(digests), b"".join(signatures)


def fill(writing):
    """Write until nothing more fits."""
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, bytes(4_096))


def wait_for(queue, reading, count):
    """Take answers until there are so many."""
    answers: list[tuple[int, bytes, bytes]] = []
    while len(answers) < count:
        ready, _, _ = select.select([reading], [], [], WAIT_S)
        assert ready, "nobody woke us"
        os.read(reading, 4_096)
        answers += queue.take()
    return answers


class TestRecoveryQueue:
    def test_answers_come_in_the_order_of_the_tasks(self, kernel, ears):
        queue = kernel.RecoveryQueue(ears[1])
        for ticket in range(50):
            queue.submit(ticket, *task(ticket, 1 + ticket % 3))
        answers = wait_for(queue, ears[0], 50)
        assert [ticket for ticket, _, _ in answers] == list(range(50))
        for ticket, key_hashes, statuses in answers:
            count = 1 + ticket % 3
            assert (key_hashes, statuses) == (key_hash(KEYS[0]) * count, OK * count)
        queue.close()

    def test_bad_signature_has_its_status(self, kernel, ears):
        queue = kernel.RecoveryQueue(ears[1])
        queue.submit(7, bytes(32), bytes(65))
        assert wait_for(queue, ears[0], 1) == [(7, bytes(20), b"\x01")]
        queue.close()

    def test_descriptor_that_takes_no_more_stops_nothing(self, kernel, ears):
        fill(ears[1])
        queue = kernel.RecoveryQueue(ears[1])
        queue.submit(1, *task(1))
        answers: list[tuple[int, bytes, bytes]] = []
        while not answers:
            answers = queue.take()
        assert answers[0][0] == 1
        queue.close()

    @pytest.mark.parametrize(("digests", "signatures"), [(31, 65), (32, 64), (64, 65)])
    def test_lengths_that_do_not_match_are_a_value_error(self, kernel, ears, digests, signatures):
        queue = kernel.RecoveryQueue(ears[1])
        with pytest.raises(ValueError, match="one signature"):
            queue.submit(1, bytes(digests), bytes(signatures))
        queue.close()

    def test_closed_queue_takes_nothing(self, kernel, ears):
        queue = kernel.RecoveryQueue(ears[1])
        for ticket in range(100):
            queue.submit(ticket, *task(1))
        queue.close()
        queue.close()
        with pytest.raises(RuntimeError, match="closed"):
            queue.submit(1, *task(1))
        with pytest.raises(RuntimeError, match="closed"):
            queue.take()
