"""Test vectors of the protocol: what another implementation must agree with, as JSON files.

`python -m tools.vectors` writes docs/vectors/*.json; `--check` only says whether they are current.
Hashes, trees and blocks come from the slow twins, never from the native code that they judge.
Everything is made from fixed keys and texts, so that every run gives the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from chaindeck.kernel import twin
from chaindeck.ledger import errors, profiles
from chaindeck.ledger.addresses import decode_address, encode_address
from chaindeck.ledger.chain import BlockTree
from chaindeck.ledger.checkpoints import encode_checkpoint, sign_checkpoint
from chaindeck.ledger.codec import (
    build_block,
    build_header,
    build_transaction,
    decode_block,
    decode_header,
    decode_transaction,
    encode_body,
    encode_varint,
)
from chaindeck.ledger.coins import Coin, coins_hash_of, decode_coin, encode_coin
from chaindeck.ledger.connect import Change, CoinsInMemory, apply_change, genesis_coins
from chaindeck.ledger.difficulty import required_bits
from chaindeck.ledger.genesis import Allocation, Genesis, Network, build_network, encode_genesis
from chaindeck.ledger.headers import check_header, genesis_entry
from chaindeck.ledger.json_form import transaction_to_json
from chaindeck.ledger.money import subsidy_at
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.seals import sign_seal
from chaindeck.ledger.signatures import (
    SigningKey,
    checkpoint_digest,
    seal_digest,
    transaction_digest,
)
from chaindeck.ledger.slow_connect import connect_block_slowly
from chaindeck.ledger.targets import target_of, work_of
from chaindeck.ledger.transactions import check_transaction
from chaindeck.ledger.types import (
    ZERO_HASH,
    Amount,
    Block,
    BlockHash,
    Data,
    Header,
    Height,
    OutPoint,
    Output,
    PackedCoin,
    Payment,
    Transaction,
    TxId,
    TxInput,
)
from tools import wire_vectors

FOLDER = Path("docs/vectors")
KEYS = [SigningKey(bytes([number]) * 32) for number in range(1, 6)]
ALICE, BOB, CAROL, DAVE, ERIN = KEYS

Rows = list[dict[str, Any]]


def hashes() -> Rows:
    texts = [b"", b"abc", bytes(64), bytes(range(256))]
    return [
        {
            "data": text.hex(),
            "hash256": twin.hash256(text).hex(),
            "tagged": {
                tag: hashlib.sha256(hashlib.sha256(tag.encode()).digest() * 2 + text).hexdigest()
                for tag in ("chaindeck/tx", "chaindeck/seal", "chaindeck/checkpoint")
            },
        }
        for text in texts
    ]


def varints() -> Rows:
    values = [0, 1, 127, 128, 16_383, 16_384, (1 << 32) - 1, 1 << 53, (1 << 64) - 1]
    good = [{"value": str(value), "encoding": encode_varint(value).hex()} for value in values]
    bad = ["8000", "ff00", "80808000", "ff" * 9 + "02", "ff" * 10 + "01", "80"]
    return [*good, *({"value": None, "encoding": encoding} for encoding in bad)]


def trees() -> Rows:
    rows = []
    for size in (0, 1, 2, 3, 4, 5, 7, 8, 9, 13):
        leaves = [bytes([number]) * number for number in range(size)]
        rows.append(
            {
                "leaves": [leaf.hex() for leaf in leaves],
                "root": twin.merkle_root(leaves).hex(),
                "branches": [
                    [node.hex() for node in twin.merkle_branch(leaves, index)]
                    for index in range(size)
                ],
            }
        )
    return rows


def addresses() -> Rows:
    good = [
        {"secret": (bytes([number]) * 32).hex(), "key_hash": key.key_hash.hex(), "prefix": prefix,
         "address": encode_address(key.key_hash, prefix)}
        for number, key in enumerate(KEYS, 1)
        for prefix in ("deck", "tdeck")
    ]  # fmt: skip
    right = encode_address(ALICE.key_hash, "deck")
    texts = [
        "",
        right[:-1],
        right[:-1] + "q",
        right[:-1] + "b",
        "D" + right[1:],
        "tdeck" + right[4:],
        encode_address(ALICE.key_hash, "tdeck"),
        "deck1" + "q" * 100,
    ]
    bad = [
        {
            "prefix": "deck",
            "address": text,
            "error": _error(partial(decode_address, text, "deck")),
        }
        for text in texts
    ]
    return [*good, *bad]


def targets() -> Rows:
    forms = [0x207FFFFF, 0x1E0FFFFF, 0x1D00FFFF, 0x2100FFFF, 0x03123456, 0x02008000, 0x01010000,
             0, 0x1D800000, 0x04000001, 0x02000080, 0x22000100, 0xFF7FFFFF]  # fmt: skip
    rows = []
    for bits in forms:
        target = target_of(bits)
        rows.append(
            {
                "bits": bits,
                "target": None if target is None else f"{target:064x}",
                "work": None if target is None else str(work_of(target)),
            }
        )
    return rows


def subsidies() -> Rows:
    genesis = profiles.local()
    heights = [1, 2, 1_576_799, 1_576_800, 3_153_600, 31 * 1_576_800, 32 * 1_576_800]
    return [
        {"height": height, "subsidy": subsidy_at(genesis, Height(height))} for height in heights
    ]


def documents() -> Rows:
    rows = []
    for genesis in (profiles.dev(), profiles.local(), _consortium()):
        network = build_network(genesis)
        rows.append(
            {
                "canonical_json": encode_genesis(genesis).decode(),
                "network_id": network.id.hex(),
                "magic": network.magic.hex(),
                "seal_window": network.seal_window,
                "genesis_block": network.block.raw.hex(),
                "genesis_hash": network.block.hash.hex(),
            }
        )
    return rows


def transactions() -> Rows:
    network = build_network(profiles.dev())
    mine = [Coin(ALICE.key_hash, Amount(700), Height(1), is_reward=False),
            Coin(ALICE.key_hash, Amount(300), Height(2), is_reward=True)]  # fmt: skip
    mixed = [mine[0], Coin(BOB.key_hash, Amount(5), Height(3), is_reward=False)]
    outputs: list[Output] = [Payment(BOB.key_hash, Amount(900)), Data(b"a note")]
    rows = [
        _signed_row("one owner, one signature", network, mine, outputs, ALICE, [None, None]),
        _signed_row("two owners, own signatures", network, mixed, outputs[:1], None, [ALICE, BOB]),
        _signed_row("whole and own signature", network, mixed, outputs[:1], ALICE, [None, BOB]),
    ]
    raw = bytes.fromhex(rows[0]["raw"])
    broken = {
        "cut": raw[:-1],
        "tail": raw + b"\x00",
        "version": b"\x02" + raw[1:],
        "long varint": raw[:9] + b"\x82\x00" + raw[10:],
        "no inputs": build_transaction([], outputs, 0).raw,
        "no outputs": build_transaction([TxInput(TxId(bytes([1]) * 32), 0)], [], 0, bytes(65)).raw,
        "zero amount": _loose([Payment(BOB.key_hash, Amount(0))]),
        "amount over the range": _loose([Payment(BOB.key_hash, Amount(9_000_000_000_000_001))]),
        "repeated input": _loose(outputs, inputs=2),
        "unsigned": _loose(outputs, signature=b""),
        "zero transaction": build_transaction(
            [TxInput(TxId(ZERO_HASH), 0)], outputs, 0, bytes(65)
        ).raw,
    }
    for name, broken_raw in broken.items():
        error = _error(partial(_judge, broken_raw))
        rows.append({"name": name, "raw": broken_raw.hex(), "error": error})
    return rows


def difficulties() -> Rows:
    rows = []
    for rule in ("step100", "lwma60", "none"):
        network = build_network(_document(difficulty=rule, easiest_bits=0x1F00FFFF))
        times = [5_000] * 98 + [9_000] * 60 + [200_000] + [3_000] * 60 + [61_000, 10_000]
        tree = BlockTree(genesis_entry(network))
        tip, bits = tree.genesis, []
        for took_ms in times:
            time_ms = tip.header.time_ms + took_ms
            required = required_bits(network, tree, tip, time_ms)
            header = build_header(height=tip.header.height + 1, previous=tip.header.hash,
                                  merkle_root=bytes(32), time_ms=time_ms,
                                  target_bits=required.target_bits, tx_count=1)  # fmt: skip
            tip = Entry(header, 0, required.base_bits, None)
            tree.add_header(tip)
            bits.append(required.target_bits)
        rows.append(
            {
                "difficulty": rule,
                "easiest_bits": network.genesis.easiest_bits,
                "block_interval_ms": network.genesis.block_interval_ms,
                "took_ms": times,
                "target_bits": bits,
            }
        )
    return rows


def chains() -> Rows:
    """A sealed chain with payments; every block with the hash of all coins after it."""
    network = build_network(_consortium())
    tree = BlockTree(genesis_entry(network))
    coins: dict[OutPoint, PackedCoin] = genesis_coins(network)
    view = CoinsInMemory(coins)
    tip, rows = tree.genesis, [_block_row(network.block, coins)]
    for miner in (ALICE, BOB, CAROL, ALICE, BOB):
        payments = [_payment(network, coins)] if miner is BOB else []
        block = _mined(network, tree, tip, miner, payments)
        tip = check_header(network, tree, tip, block.header, block.seal)
        apply_change(coins, Change(*connect_block_slowly(network, tip, block, view)))
        tree.add_header(tip)
        rows.append(_block_row(block, coins))
    return [{"canonical_json": encode_genesis(network.genesis).decode(), "blocks": rows}]


def seals() -> Rows:
    block_hash = BlockHash(twin.hash256(b"a block"))
    network = build_network(_consortium())
    checkpoint = sign_checkpoint(network, Height(7), block_hash, [ALICE, CAROL])
    return [
        {
            "block_hash": block_hash.hex(),
            "seal_digest": seal_digest(block_hash).hex(),
            "seal_by_alice": ALICE.sign(seal_digest(block_hash)).hex(),
        },
        {
            "network_id": network.id.hex(),
            "height": 7,
            "checkpoint_digest": checkpoint_digest(network.id, 7, block_hash).hex(),
            "checkpoint": encode_checkpoint(checkpoint).hex(),
            "signers": [key_hash.hex() for key_hash in sorted([ALICE.key_hash, CAROL.key_hash])],
        },
    ]


VECTORS: dict[str, Callable[[], Rows]] = {
    "addresses": addresses,
    "announcements": wire_vectors.announcements,
    "chains": chains,
    "difficulty": difficulties,
    "frames": wire_vectors.frames,
    "genesis": documents,
    "hashes": hashes,
    "merkle": trees,
    "proofs": wire_vectors.proofs,
    "seals": seals,
    "short_ids": wire_vectors.short_ids,
    "subsidies": subsidies,
    "targets": targets,
    "transactions": transactions,
    "varints": varints,
}


def render(name: str) -> str:
    """Return the text of one file."""
    return json.dumps(VECTORS[name](), indent=1) + "\n"


def stale() -> Iterator[str]:
    """Yield the names whose file is missing or says something else."""
    for name in VECTORS:
        path = FOLDER / f"{name}.json"
        if not path.exists() or path.read_text() != render(name):
            yield name


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.vectors", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if not current")
    if parser.parse_args().check:
        names = list(stale())
        print("\n".join(f"not current: {name}" for name in names) or "vectors are current")
        return bool(names)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in VECTORS:
        (FOLDER / f"{name}.json").write_text(render(name))
    return 0


def _error(call: Callable[[], object]) -> str:
    try:
        call()
    except errors.RuleError as error:
        return error.code
    message = "a vector that should be refused is not"
    raise AssertionError(message)


def _judge(raw: bytes) -> None:
    check_transaction(decode_transaction(raw))


def _document(**changes: object) -> Genesis:
    genesis = profiles.dev()
    fields = {name: getattr(genesis, name) for name in genesis.__struct_fields__}
    return Genesis(**{**fields, **changes})


def _consortium() -> Genesis:
    listed = [encode_address(key.key_hash, "deck") for key in (ALICE, BOB, CAROL)]
    genesis = profiles.consortium(
        name="vectors", time_ms=profiles.DEFAULT_TIME_MS, miners=listed, checkpoint_signers=listed,
        mining_diversity_permille=700, difficulty="none",
        allocations=[Allocation(encode_address(DAVE.key_hash, "deck"), 1_000_000)],
    )  # fmt: skip
    fields = {name: getattr(genesis, name) for name in genesis.__struct_fields__}
    return Genesis(**{**fields, "easiest_bits": 0x207FFFFF})


def _signed_row(
    name: str,
    network: Network,
    coins: list[Coin],
    outputs: Sequence[Output],
    signer: SigningKey | None,
    own: list[SigningKey | None],
) -> dict[str, Any]:
    bare = [TxInput(TxId(twin.hash256(b"source")), number) for number in range(len(coins))]
    body = encode_body(bare, outputs, 1_800_000_000)
    digest = transaction_digest(network.id, body, coins)
    inputs = [
        TxInput(item.tx_id, item.output_index, key.sign(digest) if key else b"")
        for item, key in zip(bare, own, strict=True)
    ]
    signature = signer.sign(digest) if signer else b""
    transaction = build_transaction(inputs, outputs, 1_800_000_000, signature)
    return {
        "name": name,
        "network_id": network.id.hex(),
        "coins": [
            {
                "key_hash": coin.key_hash.hex(),
                "amount": coin.amount,
                "packed": encode_coin(coin).hex(),
            }
            for coin in coins
        ],
        "raw": transaction.raw.hex(),
        "body": body.hex(),
        "id": transaction.id.hex(),
        "full_id": transaction.full_id.hex(),
        "sighash": digest.hex(),
        "json": transaction_to_json(transaction, network.genesis.address_prefix),
    }


def _loose(outputs: Sequence[Output], inputs: int = 1, signature: bytes = bytes(65)) -> bytes:
    item = TxInput(TxId(bytes([1]) * 32), 0)
    return build_transaction([item] * inputs, outputs, 0, signature).raw


def _payment(network: Network, coins: dict[OutPoint, PackedCoin]) -> Transaction:
    """Dave pays Erin 1,000 and a fee of 10 out of his largest coin."""
    owned = [(key, decode_coin(packed)) for key, packed in sorted(coins.items())]
    outpoint, coin = max(
        ((key, coin) for key, coin in owned if coin.key_hash == DAVE.key_hash),
        key=lambda pair: pair[1].amount,
    )
    bare = TxInput(TxId(outpoint[:32]), int.from_bytes(outpoint[32:], "big"))
    change = Amount(coin.amount - 1_010)
    outputs = [Payment(ERIN.key_hash, Amount(1_000)), Payment(DAVE.key_hash, change)]
    digest = transaction_digest(network.id, encode_body([bare], outputs, 1_800_000_000), [coin])
    return build_transaction([bare], outputs, 1_800_000_000, DAVE.sign(digest))


def _mined(
    network: Network, tree: BlockTree, tip: Entry, miner: SigningKey, payments: list[Transaction]
) -> Block:
    height = Height(tip.header.height + 1)
    due = Amount(subsidy_at(network.genesis, height) + 10 * len(payments))
    reward = build_transaction(
        [TxInput(TxId(ZERO_HASH), height)], [Payment(miner.key_hash, due)], 1_800_000_000
    )
    time_ms = tip.header.time_ms + network.genesis.block_interval_ms
    header = build_header(
        height=height, previous=tip.header.hash,
        merkle_root=twin.merkle_root([item.raw for item in (reward, *payments)]), time_ms=time_ms,
        target_bits=required_bits(network, tree, tip, time_ms).target_bits,
        tx_count=1 + len(payments),
    )  # fmt: skip
    worked = _worked(header)
    return build_block(worked, sign_seal(worked, miner), [reward, *payments])


def _worked(header: Header) -> Header:
    target = target_of(header.target_bits) or 0
    nonce, _ = twin.search_nonce(header.raw, target.to_bytes(32, "big"), 0, 1 << 20)
    assert nonce is not None
    return decode_header(header.raw[:-8] + nonce.to_bytes(8, "little"))


def _block_row(block: Block, coins: dict[OutPoint, PackedCoin]) -> dict[str, Any]:
    assert decode_block(block.raw).hash == block.hash
    return {
        "raw": block.raw.hex(),
        "hash": block.hash.hex(),
        "coins_hash": coins_hash_of(coins).hex(),
        "coin_count": len(coins),
    }


if __name__ == "__main__":
    sys.exit(main())
