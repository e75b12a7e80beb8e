"""hash256 and its batches against FIPS 180-4, native and twin alike."""

import threading
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.kernel import _native, sha256_implementations, twin, use_sha256_implementation

# FIPS 180-4 example messages, and a million times "a".
FIPS = {
    b"": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    b"abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq": (
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    b"a" * 1_000_000: "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
}


class TestHash256:
    def test_published_messages_have_their_digests(self, kernel):
        for message, digest in FIPS.items():
            assert kernel.hash256(message) == sha256(bytes.fromhex(digest)).digest()

    def test_every_length_around_block_borders_agrees_with_hashlib(self, kernel):
        for size in range(300):
            message = bytes(number % 251 for number in range(size))
            assert kernel.hash256(message) == sha256(sha256(message).digest()).digest()

    def test_message_over_the_lock_border_is_hashed_alike(self, kernel):
        for size in (64 * 1024, 64 * 1024 + 1):
            assert kernel.hash256(bytes(size)) == sha256(sha256(bytes(size)).digest()).digest()

    @pytest.mark.parametrize("count", range(10))
    def test_batch_of_unequal_lengths_agrees_with_single_calls(self, kernel, count):
        items = [bytes([number]) * (number * 41 % 203) for number in range(count)]
        assert kernel.hash256_many(items) == [kernel.hash256(item) for item in items]

    @given(items=st.lists(st.binary(max_size=200), max_size=30))
    def test_random_batches_agree_with_twin(self, kernel, items):
        assert kernel.hash256_many(items) == twin.hash256_many(items)


class TestNativeHashing:
    def test_item_that_is_no_bytes_is_a_type_error(self):
        with pytest.raises(TypeError):
            _native.hash256_many([b"", "text"])

    def test_portable_implementation_is_always_there(self):
        assert sha256_implementations()[-1] == "portable"

    def test_unknown_implementation_is_refused(self):
        with pytest.raises(ValueError, match="no such"):
            use_sha256_implementation("abacus")

    def test_list_emptied_by_another_thread_while_hashing_does_no_harm(self):
        items = [bytes([number % 256]) * 200 for number in range(50_000)]
        expected = _native.merkle_root(list(items))
        other = threading.Timer(0.001, items.clear)
        other.start()
        root = _native.merkle_root(items)
        other.join()
        assert root in {expected, _native.merkle_root([])}
