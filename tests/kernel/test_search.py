"""The proof-of-work search: what it finds, what it counts, and how it stops."""

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.kernel import _native, twin

HEADER = bytes(range(96))
IMPOSSIBLE = bytes(32)
ANYTHING = bytes([255]) * 32
EASY = bytes([3]) + bytes([255]) * 31  # one nonce in 64
LAST = 2**64 - 1


def seal(nonce):
    return twin.hash256(HEADER[:88] + nonce.to_bytes(8, "little"))


class TestSearch:
    def test_one_thread_finds_the_first_nonce_of_the_range(self, kernel):
        first = next(nonce for nonce in range(10_000) if seal(nonce) <= EASY)
        assert kernel.search_nonce(HEADER, EASY, 0, 10_000)[0] == first
        assert kernel.search_nonce(HEADER, EASY, first, 1)[0] == first
        assert kernel.search_nonce(HEADER, EASY, 0, first)[0] is None

    def test_nonce_already_in_the_header_is_ignored(self, kernel):
        other = HEADER[:88] + bytes(8)
        assert kernel.search_nonce(HEADER, EASY, 5, 1000) == kernel.search_nonce(
            other, EASY, 5, 1000
        )

    def test_hash_equal_to_the_target_is_enough_and_one_more_is_not(self, kernel):
        digest = seal(7)
        below = (int.from_bytes(digest, "big") - 1).to_bytes(32, "big")
        assert kernel.search_nonce(HEADER, digest, 7, 1)[0] == 7
        assert kernel.search_nonce(HEADER, below, 7, 1)[0] is None

    def test_range_wraps_around_after_the_largest_nonce(self, kernel):
        assert kernel.search_nonce(HEADER, seal(2), LAST - 1, 5)[0] in {LAST - 1, LAST, 0, 1, 2}
        assert kernel.search_nonce(HEADER, ANYTHING, LAST, 1)[0] == LAST
        nonce, _ = kernel.search_nonce(HEADER, EASY, LAST, 3000)
        assert nonce == next(n % 2**64 for n in range(LAST, LAST + 3000) if seal(n % 2**64) <= EASY)

    @pytest.mark.parametrize("threads", [1, 2, 5])
    @pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 4095, 4096, 4097, 9001])
    def test_fruitless_search_tries_every_nonce_once(self, kernel, threads, count):
        assert kernel.search_nonce(HEADER, IMPOSSIBLE, 11, count, threads) == (None, count)

    @pytest.mark.parametrize("threads", [1, 2, 4])
    def test_any_number_of_threads_finds_a_nonce_that_meets_the_target(self, kernel, threads):
        hard = bytes([0, 15]) + bytes([255]) * 30
        nonce, hashes = kernel.search_nonce(HEADER, hard, 1000, 1_000_000, threads)
        assert nonce is not None
        assert seal(nonce) <= hard
        assert 1 <= hashes <= 1_000_000

    def test_flag_set_before_the_search_stops_it_at_once(self, kernel):
        stop = kernel.StopFlag()
        assert not stop.is_set()
        stop.set()
        assert stop.is_set()
        assert kernel.search_nonce(HEADER, ANYTHING, 0, 100, 1, stop) == (None, 0)
        stop.clear()
        assert kernel.search_nonce(HEADER, ANYTHING, 0, 100, 1, stop)[0] == 0

    @pytest.mark.parametrize(
        ("header", "target", "threads"),
        [
            (HEADER[1:], EASY, 1),
            (HEADER + b"x", EASY, 1),
            (HEADER, EASY[1:], 1),
            (HEADER, EASY + b"x", 1),
            (HEADER, EASY, 0),
            (HEADER, EASY, 257),
        ],
    )
    def test_misuse_is_a_value_error(self, kernel, header, target, threads):
        with pytest.raises(ValueError, match="must be"):
            kernel.search_nonce(header, target, 0, 1, threads)

    @given(
        header=st.binary(min_size=96, max_size=96),
        top=st.integers(0, 255),
        first=st.integers(0, LAST),
        count=st.integers(0, 40),
    )
    def test_random_searches_agree_with_twin(self, kernel, header, top, first, count):
        target = bytes([top]) + bytes(31)
        nonce, hashes = kernel.search_nonce(header, target, first, count)
        expected, needed = twin.search_nonce(header, target, first, count)
        assert nonce == expected
        assert needed <= hashes <= min(count, needed + 3)


class TestNativeStopFlag:
    @pytest.mark.parametrize("threads", [1, 2])
    def test_running_search_ends_soon_after_the_flag_is_set(self, native, threads):
        stop = _native.StopFlag()
        results = []
        search = threading.Thread(
            target=lambda: results.append(
                native.search_nonce(HEADER, IMPOSSIBLE, 0, 2**63, threads, stop)
            )
        )
        search.start()
        time.sleep(0.02)
        began = time.perf_counter()
        stop.set()
        search.join()
        # Ten milliseconds on an idle machine; this one may be busy.
        assert time.perf_counter() - began < 0.5
        assert results[0][0] is None
        assert results[0][1] > 0
