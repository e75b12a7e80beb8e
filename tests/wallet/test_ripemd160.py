"""The hash gives the values that its authors published."""

import pytest

from chaindeck.wallet.ripemd160 import ripemd160


@pytest.mark.parametrize(
    ("message", "digest"),
    [
        (b"", "9c1185a5c5e9fc54612808977ee8f548b2258d31"),
        (b"a", "0bdc9d2d256b3ee9daae347be6f4dc835a467ffe"),
        (b"abc", "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"),
        (b"message digest", "5d0689ef49d2fae572b881b123a85ffa21595f36"),
        (b"abcdefghijklmnopqrstuvwxyz", "f71c27109c692c1b56bbdceb5b9d2865b3708dbc"),
        (b"1234567890" * 8, "9b752e45573d4b39f4dbd3323cab82bf63326bfb"),
        (b"a" * 1_000, "aa69deee9a8922e92f8105e007f76110f381e9cf"),
    ],
)
def test_published_message_has_its_digest(message, digest):
    assert ripemd160(message).hex() == digest


@pytest.mark.parametrize("length", [55, 56, 63, 64, 65])
def test_padding_never_makes_two_lengths_alike(length):
    assert ripemd160(bytes(length)) != ripemd160(bytes(length + 1))
