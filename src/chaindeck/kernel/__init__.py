"""The functions that a profile proved hot, in C++17, each with a Python twin.

Knows bytes, hashes and the encoding of transactions; knows no chain, no policy and no Python
object but bytes, lists and numbers. Read `twin` first: it says in plain Python what each function
does. `kernel/` at the top of the tree holds the C++; docs/kernel.md says how it is built, tested
and measured. At import, libsecp256k1 is taken from coincurve and native is compared with twin.
"""

from chaindeck.kernel._native import (
    BlockIndex,
    BlockVerdict,
    RecoveryQueue,
    StopFlag,
    check_block,
    hash256,
    hash256_many,
    index_block,
    match_short_ids,
    merkle_branch,
    merkle_root,
    parse_transaction,
    recover_many,
    search_nonce,
    sha256_implementations,
    short_ids,
    use_sha256_implementation,
)
from chaindeck.kernel.errors import MALFORMED_CODES, KernelMismatchError, MalformedError
from chaindeck.kernel.secp256k1 import connect_signature_library
from chaindeck.kernel.selftest import run_selftest

__all__ = [
    "MALFORMED_CODES",
    "BlockIndex",
    "BlockVerdict",
    "KernelMismatchError",
    "MalformedError",
    "RecoveryQueue",
    "StopFlag",
    "check_block",
    "hash256",
    "hash256_many",
    "index_block",
    "match_short_ids",
    "merkle_branch",
    "merkle_root",
    "parse_transaction",
    "recover_many",
    "search_nonce",
    "sha256_implementations",
    "short_ids",
    "use_sha256_implementation",
]

connect_signature_library()
run_selftest()
