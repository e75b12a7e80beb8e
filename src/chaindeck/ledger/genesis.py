"""The genesis document: every parameter of a network, and the block that commits to all of them.

    network_id = hash256(canonical JSON of the document, RFC 8785)

The genesis block's `previous` is the network id, so that every block hash of the chain commits to
every parameter, and its first four bytes start every frame on the wire.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from chaindeck.kernel import hash256, merkle_root
from chaindeck.ledger.addresses import decode_address
from chaindeck.ledger.codec import build_block, build_header, build_transaction
from chaindeck.ledger.errors import GenesisRange, GenesisRepeated
from chaindeck.ledger.limits import (
    MAX_ALLOCATIONS,
    MAX_AMOUNT,
    MAX_CHECKPOINT_SIGNERS,
    MAX_MINERS,
)
from chaindeck.ledger.strict_json import read_json
from chaindeck.ledger.targets import target_of
from chaindeck.ledger.types import (
    ZERO_HASH,
    Amount,
    Block,
    Data,
    Height,
    KeyHash,
    NetworkId,
    Output,
    Payment,
    TxId,
    TxInput,
)

DifficultyRule = Literal["step100", "lwma60", "none"]

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
PREFIX = re.compile(r"[a-z]{1,16}")
_MAGIC_BYTES = 4
_MAX_SAFE_INTEGER = 2**53 - 1


class Allocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Coins that exist from the first block on."""

    address: str
    amount: int


class Genesis(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The parameters of one network. Made by `load_genesis` or a profile, so always checked."""

    name: str
    address_prefix: str
    time_ms: int
    easiest_bits: int
    """Compact form of the easiest target, at which the chain starts."""

    block_interval_ms: int
    difficulty: DifficultyRule
    subsidy: int
    halving_interval: int
    maturity: int
    """Blocks after which a mining reward may be spent."""

    max_block_bytes: int
    max_block_signatures: int
    allocations: tuple[Allocation, ...] = ()
    miners: tuple[str, ...] = ()
    """Addresses that may seal blocks; none means that anybody may mine and nobody seals."""

    mining_diversity_permille: int = 0
    """Of the listed miners, how many (in thousandths, rounded down) must seal before one may again.
    An integer, because canonical JSON of fractions is where implementations differ."""

    checkpoint_signers: tuple[str, ...] = ()
    checkpoint_quorum: int = 0


_DECODER = msgspec.json.Decoder(Genesis)


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """A genesis document with all that follows from it, computed once."""

    genesis: Genesis
    id: NetworkId
    magic: bytes
    easiest_target: int
    miners: frozenset[KeyHash]
    seal_window: int
    """A miner must not have sealed any of so many blocks before."""

    checkpoint_signers: frozenset[KeyHash]
    block: Block
    """The genesis block."""


def decode_genesis(raw: bytes) -> Genesis:
    """Read and check a genesis document; raise a `RuleError` that names the field."""
    genesis = read_json(raw, _DECODER)
    check_genesis(genesis)
    return genesis


def encode_genesis(genesis: Genesis) -> bytes:
    """Write the canonical JSON: sorted names, no space. All values are integers and plain text."""
    return msgspec.json.encode(genesis, order="sorted")


def check_genesis(genesis: Genesis) -> None:
    """Raise the first reason why no network can run on this document."""
    _check_text(genesis)
    _check_ranges(genesis)
    _check_signers(genesis)
    if genesis.checkpoint_quorum > len(genesis.checkpoint_signers) or (
        genesis.checkpoint_signers
        and 2 * genesis.checkpoint_quorum <= len(genesis.checkpoint_signers)
    ):
        raise GenesisRange(
            field="checkpoint_quorum", reason="more than half of the signers, and no more than all"
        )
    total = sum(allocation.amount for allocation in genesis.allocations)
    if total > MAX_AMOUNT:
        raise GenesisRange(field="allocations", reason=f"together at most {MAX_AMOUNT}")


def build_network(genesis: Genesis) -> Network:
    """Derive the network of a checked document."""
    check_genesis(genesis)
    easiest_target = target_of(genesis.easiest_bits)
    assert easiest_target is not None, "check_genesis refuses other forms"
    network_id = NetworkId(hash256(encode_genesis(genesis)))
    prefix = genesis.address_prefix
    return Network(
        genesis=genesis,
        id=network_id,
        magic=network_id[:_MAGIC_BYTES],
        easiest_target=easiest_target,
        miners=frozenset(decode_address(miner, prefix) for miner in genesis.miners),
        seal_window=len(genesis.miners) * genesis.mining_diversity_permille // 1000,
        checkpoint_signers=frozenset(
            decode_address(signer, prefix) for signer in genesis.checkpoint_signers
        ),
        block=_genesis_block(genesis, network_id),
    )


def _genesis_block(genesis: Genesis, network_id: NetworkId) -> Block:
    outputs: list[Output] = [
        Payment(
            decode_address(allocation.address, genesis.address_prefix), Amount(allocation.amount)
        )
        for allocation in genesis.allocations
    ]
    coinbase = build_transaction(
        [TxInput(TxId(ZERO_HASH), 0)],
        outputs or [Data(genesis.name.encode())],
        genesis.time_ms // 1000,
    )
    header = build_header(
        height=Height(0),
        previous=network_id,
        merkle_root=merkle_root([coinbase.raw]),
        time_ms=genesis.time_ms,
        target_bits=genesis.easiest_bits,
        tx_count=1,
    )
    return build_block(header, b"", [coinbase])


def _check_text(genesis: Genesis) -> None:
    if not _NAME.fullmatch(genesis.name):
        raise GenesisRange(
            field="name", reason="1 to 32 small letters, digits and inner hyphens, like 'plant-7'"
        )
    if not PREFIX.fullmatch(genesis.address_prefix):
        raise GenesisRange(field="address_prefix", reason="1 to 16 small letters, like 'deck'")
    if target_of(genesis.easiest_bits) is None:
        raise GenesisRange(field="easiest_bits", reason="a canonical compact target")


_RANGES: tuple[tuple[str, int, int], ...] = (
    ("time_ms", 1, _MAX_SAFE_INTEGER),
    ("block_interval_ms", 10, 3_600_000),
    ("subsidy", 0, MAX_AMOUNT),
    ("halving_interval", 1, _MAX_SAFE_INTEGER),
    ("maturity", 0, 1_000_000),
    ("max_block_bytes", 1_000, 32_000_000),
    ("max_block_signatures", 1, 1_000_000),
    ("mining_diversity_permille", 0, 999),
    ("checkpoint_quorum", 0, MAX_CHECKPOINT_SIGNERS),
)


def _check_ranges(genesis: Genesis) -> None:
    for name, least, most in _RANGES:
        if not least <= getattr(genesis, name) <= most:
            raise GenesisRange(field=name, reason=f"from {least} to {most}")
    for position, allocation in enumerate(genesis.allocations):
        if not 1 <= allocation.amount <= MAX_AMOUNT:
            raise GenesisRange(
                field=f"allocations[{position}].amount", reason=f"from 1 to {MAX_AMOUNT}"
            )


def _check_signers(genesis: Genesis) -> None:
    listed = {
        "miners": (genesis.miners, MAX_MINERS),
        "checkpoint_signers": (genesis.checkpoint_signers, MAX_CHECKPOINT_SIGNERS),
        "allocations": (tuple(entry.address for entry in genesis.allocations), MAX_ALLOCATIONS),
    }
    for name, (addresses, most) in listed.items():
        if len(addresses) > most:
            raise GenesisRange(field=name, reason=f"at most {most}")
        known = set()
        for position, address in enumerate(addresses):
            field = f"{name}[{position}]"
            key_hash = decode_address(address, genesis.address_prefix, field=field)
            if key_hash in known and name != "allocations":
                raise GenesisRepeated(field=field, address=address)
            known.add(key_hash)
