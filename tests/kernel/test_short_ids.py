"""Short ids are SipHash-2-4, and each finds the one pooled id that bears it, or none."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.kernel import _native, twin

KEY = bytes(range(16))
IDS = [bytes([number]) * 32 for number in range(40)]

# The authors' own test program: the hash of the bytes 0, 1, 2, ... of a length, under KEY.
PUBLISHED = {
    0: 0x726FDB47DD0E0E31,
    1: 0x74F839C593DC67FD,
    7: 0xAB0200F58B01D137,
    8: 0x93F5F5799A932462,
    15: 0xA129CA6149BE45E5,
    63: 0x958A324CEB064572,
}

id_lists = st.lists(st.integers(0, 30), max_size=30).map(
    lambda numbers: b"".join(IDS[number] for number in numbers)
)


def test_twin_gives_the_published_values():
    for size, expected in PUBLISHED.items():
        assert twin.siphash24(KEY, bytes(range(size))) == expected


@pytest.fixture(scope="class", params=[_native, twin], ids=["native", "twin"])
def kernel(request):
    return request.param


class TestNaming:
    def test_name_is_the_low_48_bits_of_the_hash(self, kernel):
        hashed = twin.siphash24(KEY, IDS[7])
        assert kernel.short_ids(KEY, IDS[7]) == hashed.to_bytes(8, "little")[:6]

    def test_names_stand_in_the_order_of_the_ids(self, kernel):
        names = [kernel.short_ids(KEY, one) for one in IDS]
        assert kernel.short_ids(KEY, b"".join(IDS)) == b"".join(names)
        assert len(set(names)) == len(IDS)

    def test_nothing_has_no_names(self, kernel):
        assert kernel.short_ids(KEY, b"") == b""

    def test_other_key_gives_other_names(self, kernel):
        for place in range(16):
            other = KEY[:place] + b"\xff" + KEY[place + 1 :]
            assert kernel.short_ids(other, IDS[0]) != kernel.short_ids(KEY, IDS[0])

    @pytest.mark.parametrize("size", [0, 15, 17])
    def test_key_of_another_length_is_a_value_error(self, kernel, size):
        with pytest.raises(ValueError, match="16 bytes"):
            kernel.short_ids(bytes(size), b"")

    @pytest.mark.parametrize("size", [1, 31, 33])
    def test_ids_of_another_length_are_a_value_error(self, kernel, size):
        with pytest.raises(ValueError, match="32 bytes each"):
            kernel.short_ids(KEY, bytes(size))

    @given(key=st.binary(min_size=16, max_size=16), ids=id_lists)
    def test_random_keys_and_ids_agree_with_twin(self, kernel, key, ids):
        assert kernel.short_ids(key, ids) == twin.short_ids(key, ids)


class TestMatching:
    def match(self, kernel, pool, wanted):
        names = twin.short_ids(KEY, b"".join(wanted))
        return kernel.match_short_ids(KEY, b"".join(pool), names)

    def test_each_name_finds_its_place_in_the_pool(self, kernel):
        assert self.match(kernel, IDS, [IDS[9], IDS[0], IDS[39]]) == [9, 0, 39]

    def test_name_that_nobody_bears_finds_nothing(self, kernel):
        assert self.match(kernel, IDS[:5], [IDS[4], IDS[5]]) == [4, -1]

    def test_empty_pool_and_no_names_are_fine(self, kernel):
        assert self.match(kernel, [], IDS[:2]) == [-1, -1]
        assert self.match(kernel, IDS, []) == []

    @pytest.mark.parametrize("bearers", [2, 3])
    def test_name_that_several_bear_finds_nothing(self, kernel, bearers):
        pool = [*IDS[:3], *IDS[:1] * (bearers - 1)]
        assert self.match(kernel, pool, IDS[:2]) == [-1, 1]

    @pytest.mark.parametrize("times", [2, 3])
    def test_name_that_stands_there_more_than_once_finds_nothing(self, kernel, times):
        assert self.match(kernel, IDS, [*IDS[:2], *IDS[:1] * (times - 1)]) == [
            *(-1, 1),
            *[-1] * (times - 1),
        ]

    def test_names_at_the_ends_of_their_range_are_found_by_nobody(self, kernel):
        names = bytes(6) + b"\xff" * 6 + bytes(5) + b"\x80"
        assert kernel.match_short_ids(KEY, b"".join(IDS), names) == [-1, -1, -1]

    @pytest.mark.parametrize("size", [1, 5, 7])
    def test_names_of_another_length_are_a_value_error(self, kernel, size):
        with pytest.raises(ValueError, match="6 bytes each"):
            kernel.match_short_ids(KEY, b"", bytes(size))

    def test_key_and_pool_of_another_length_are_a_value_error(self, kernel):
        with pytest.raises(ValueError, match="16 bytes"):
            kernel.match_short_ids(KEY[1:], b"", b"")
        with pytest.raises(ValueError, match="32 bytes each"):
            kernel.match_short_ids(KEY, bytes(31), b"")

    @given(pool=id_lists, wanted=id_lists, strangers=st.binary(max_size=5))
    def test_random_pools_agree_with_twin(self, kernel, pool, wanted, strangers):
        names = twin.short_ids(KEY, wanted) + strangers.ljust(6, b"\x00")
        expected = twin.match_short_ids(KEY, pool, names)
        assert kernel.match_short_ids(KEY, pool, names) == expected

    def test_names_chosen_to_share_a_prefix_cost_little_more(self):
        """A table with such names in one bucket would take minutes."""
        names = b"".join(number.to_bytes(6, "little") for number in range(174_000))
        pool = bytes(range(32)) * 100_000
        began = time.perf_counter()
        assert set(_native.match_short_ids(KEY, pool, names)) == {-1}
        assert time.perf_counter() - began < 2
