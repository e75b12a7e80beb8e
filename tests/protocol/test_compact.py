"""A compact block names its payments under a key of its header and its salt."""

from __future__ import annotations

import hashlib

from chaindeck.kernel import match_short_ids, short_ids
from chaindeck.ledger.codec import block_transactions
from chaindeck.ledger.types import Block
from chaindeck.protocol.codec import decode_message, encode_message
from chaindeck.protocol.compact import compact_key, make_compact
from chaindeck.protocol.messages import Type
from tests.ledger.forge import ALICE, BOB, Forge, pay, spend

SALT = bytes(range(8))


def mine_payments(count: int) -> Block:
    forge = Forge()
    payments = [
        spend(forge.network.id, [coin], [pay(BOB.key_hash, coin[1].amount)], ALICE)
        for coin in forge.owned(ALICE)[:count]
    ]
    return forge.assemble(payments)


def test_key_is_the_tagged_hash_of_header_and_salt() -> None:
    header = Forge().network.block.header
    tag = hashlib.sha256(b"chaindeck/compact").digest()
    assert compact_key(header, SALT) == hashlib.sha256(tag + tag + header.raw + SALT).digest()[:16]


def test_compact_block_carries_the_coinbase_and_names_the_rest() -> None:
    block = mine_payments(2)
    compact = make_compact(block, SALT)
    coinbase, first, second = block_transactions(block)
    assert (compact.header, compact.seal, compact.salt) == (block.header, block.seal, SALT)
    assert compact.coinbase == coinbase.raw
    key = compact_key(block.header, SALT)
    assert compact.short_ids == short_ids(key, first.full_id + second.full_id)
    pool = bytes(32) + second.full_id + first.full_id
    assert match_short_ids(key, pool, compact.short_ids) == [2, 1]


def test_compact_block_of_nothing_but_a_coinbase_names_nothing() -> None:
    block = mine_payments(0)
    compact = make_compact(block, SALT)
    assert compact.short_ids == b""
    assert block.header.raw + b"\x00" + compact.coinbase == block.raw


def test_compact_block_survives_the_wire() -> None:
    compact = make_compact(mine_payments(1), SALT)
    frame = encode_message(bytes(4), compact)
    assert decode_message(Type(frame[4]), frame[13:]) == compact


def test_other_salt_gives_other_names() -> None:
    block = mine_payments(1)
    assert make_compact(block, SALT).short_ids != make_compact(block, bytes(8)).short_ids
