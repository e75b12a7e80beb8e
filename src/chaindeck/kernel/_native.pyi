"""The compiled module. Each function does what its namesake in `twin` does."""

from collections.abc import Sequence
from typing import TypeAlias, final

_Inputs: TypeAlias = tuple[tuple[bytes, int], ...]
_Outputs: TypeAlias = tuple[tuple[bytes, int | None], ...]

def hash256(data: bytes) -> bytes: ...
def hash256_many(items: list[bytes]) -> list[bytes]: ...
def merkle_root(leaves: list[bytes]) -> bytes: ...
def merkle_branch(leaves: list[bytes], index: int) -> list[bytes]: ...
def sha256_implementations() -> list[str]:
    """Return the names of the implementations this processor can run, fastest first."""

def use_sha256_implementation(name: str) -> None:
    """Make every call from now on hash with the named implementation. For tests alone."""

@final
class StopFlag:
    """Tells a running search, from any thread, to give up within about 10 ms."""

    def __init__(self) -> None: ...
    def set(self) -> None: ...
    def clear(self) -> None: ...
    def is_set(self) -> bool: ...

def search_nonce(
    header: bytes,
    target: bytes,
    first_nonce: int,
    count: int,
    threads: int = 1,
    stop: StopFlag | None = None,
) -> tuple[int | None, int]:
    """Return a nonce that meets the target, or None, and how many were tried.

    One thread finds the first such nonce, several find any. Up to three nonces after the one
    found may be counted as tried, and with several threads whatever the others tried meanwhile.
    """

def connect_signature_library(
    context: int, parse_compact: int, recover: int, serialize: int
) -> None: ...
def recover_many(digests: bytes, signatures: bytes, threads: int = 2) -> tuple[bytes, bytes]: ...

@final
class RecoveryQueue:
    """A thread that recovers while its owner goes on, and then makes a descriptor readable.

    The descriptor is an eventfd or a pipe's end, must not block, and stays the caller's, to be
    closed after the queue. `take` returns ticket, key hashes and statuses of all that is done, in
    the order of submission.
    """

    def __init__(self, wake_descriptor: int) -> None: ...
    def submit(self, ticket: int, digests: bytes, signatures: bytes) -> None: ...
    def take(self) -> list[tuple[int, bytes, bytes]]: ...
    def close(self) -> None:
        """Finish the signatures under way and forget the others."""

def short_ids(key: bytes, ids: bytes) -> bytes: ...
def match_short_ids(key: bytes, pool_ids: bytes, wanted: bytes) -> list[int]: ...
def parse_transaction(
    data: bytes, offset: int = 0
) -> tuple[int, bytes, bytes, int, _Inputs, _Outputs, bytes, tuple[bytes, ...]]: ...

@final
class BlockIndex:
    """An immutable index of one block's transactions. Each access builds a new list."""

    @property
    def txids(self) -> list[bytes]: ...
    @property
    def full_ids(self) -> list[bytes]: ...
    @property
    def merkle_root(self) -> bytes: ...
    @property
    def spent_outpoints(self) -> list[bytes]: ...
    @property
    def signature_count(self) -> int: ...
    @property
    def offsets(self) -> list[int]: ...

def index_block(data: bytes, offset: int, count: int) -> BlockIndex: ...

@final
class BlockVerdict:
    """Whether a block keeps the rules that check_block knows, and what it leaves behind."""

    @property
    def is_valid(self) -> bool: ...
    @property
    def suspect(self) -> int:
        """The first transaction that breaks a rule, or -1."""
    @property
    def fees(self) -> int: ...
    @property
    def created(self) -> list[tuple[bytes, bytes]]:
        """Outpoint and packed coin of each output left unspent; empty unless the block is valid."""
    @property
    def recovered(self) -> int:
        """How many signatures were recovered; after a wrong one the rest are left alone."""

def check_block(
    index: BlockIndex,
    coins: Sequence[bytes | None],
    known: bytes,
    network_id: bytes,
    height: int,
    subsidy: int,
    maturity: int,
    max_amount: int,
    max_transaction_size: int,
    threads: int = 2,
) -> BlockVerdict:
    """Hold a block's transactions against the rules; says yes, or which one is suspect.

    `coins` has one packed coin (key hash 20, amount u64, height u32, coinbase u8, little-endian),
    or None for a missing one, per entry of `index.spent_outpoints`; `known` one byte per
    transaction, 1 where its signatures have been verified before.
    """
