"""The comparison at import: quick, and it notices a kernel that gives another answer."""

import time

import pytest

from chaindeck.kernel import KernelMismatchError, _native, selftest, twin
from chaindeck.kernel.secp256k1 import connect_signature_library

FUNCTIONS = [
    "hash256",
    "hash256_many",
    "merkle_root",
    "merkle_branch",
    "search_nonce",
    "recover_many",
    "parse_transaction",
    "index_block",
    "short_ids",
    "match_short_ids",
]


class Altered:
    """The native module with some names replaced."""

    def __init__(self, **replaced):
        self._replaced = replaced

    def __getattr__(self, name):
        return self._replaced.get(name) or getattr(_native, name)


class TestSelftest:
    def test_native_that_agrees_passes_within_five_milliseconds(self):
        fastest = min(self.seconds() for _ in range(5))
        assert fastest < 0.005

    @staticmethod
    def seconds():
        began = time.process_time()
        selftest.run_selftest()
        return time.process_time() - began

    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_function_that_gives_another_answer_is_noticed(self, monkeypatch, name):
        wrong = {
            "search_nonce": lambda *_: (None, 0),
            "index_block": lambda *_: twin.BlockIndex(),
        }.get(name, lambda *_: b"wrong")
        monkeypatch.setattr(selftest, "_native", Altered(**{name: wrong}))
        with pytest.raises(KernelMismatchError, match=name):
            selftest.run_selftest()

    def test_decoder_that_accepts_anything_is_noticed(self, monkeypatch):
        parsed = twin.parse_transaction(selftest._TRANSACTION)
        monkeypatch.setattr(selftest, "_native", Altered(parse_transaction=lambda _: parsed))
        with pytest.raises(KernelMismatchError, match="MalformedError"):
            selftest.run_selftest()

    def test_connecting_the_signature_library_again_changes_nothing(self):
        connect_signature_library()
        selftest.run_selftest()
