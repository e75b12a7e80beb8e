"""The vectors in docs/vectors are current, and the fast ways agree with every one of them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from chaindeck import kernel
from chaindeck.ledger import errors
from chaindeck.ledger.addresses import decode_address, encode_address
from chaindeck.ledger.chain import BlockTree
from chaindeck.ledger.checkpoints import check_checkpoint, decode_checkpoint
from chaindeck.ledger.codec import decode_block, decode_transaction, encode_varint
from chaindeck.ledger.coins import coins_hash_of, decode_coin
from chaindeck.ledger.connect import apply_change, connect_block
from chaindeck.ledger.genesis import build_network, decode_genesis
from chaindeck.ledger.headers import check_header, genesis_entry
from chaindeck.ledger.json_form import transaction_from_json, transaction_to_json
from chaindeck.ledger.merkle import check_branch
from chaindeck.ledger.signatures import SignatureCache, SigningKey, transaction_digest
from chaindeck.ledger.targets import bits_of, target_of, work_of
from chaindeck.ledger.transactions import check_signatures, check_transaction
from tests.ledger.forge import Coins, Forge
from tools import vectors


def rows(name: str) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = json.loads((vectors.FOLDER / f"{name}.json").read_text())
    return content


@pytest.mark.parametrize("name", sorted(vectors.VECTORS))
def test_file_is_what_the_command_writes(name: str) -> None:
    assert (vectors.FOLDER / f"{name}.json").read_text() == vectors.render(name)


def test_stale_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "FOLDER", tmp_path)
    monkeypatch.setattr(vectors, "VECTORS", {"hashes": vectors.hashes, "varints": vectors.varints})
    (tmp_path / "hashes.json").write_text(vectors.render("hashes"))
    (tmp_path / "varints.json").write_text("[]")
    assert list(vectors.stale()) == ["varints"]


def test_hashes() -> None:
    for row in rows("hashes"):
        data = bytes.fromhex(row["data"])
        assert kernel.hash256(data).hex() == row["hash256"]
        for tag, expected in row["tagged"].items():
            start = hashlib.sha256(tag.encode()).digest()
            assert hashlib.sha256(start + start + data).hexdigest() == expected


def test_varints() -> None:
    """Read as the count of inputs: a good one is too large, a bad one malformed."""
    for row in rows("varints"):
        if row["value"] is not None:
            assert encode_varint(int(row["value"])).hex() == row["encoding"]
        with pytest.raises(errors.EncodingError) as raised:
            decode_transaction(b"\x01" + bytes(8) + bytes.fromhex(row["encoding"]))
        assert (raised.type is errors.VarintForm) == (
            row["value"] is None and row["encoding"] != "80"
        )


def test_merkle() -> None:
    for row in rows("merkle"):
        leaves = [bytes.fromhex(leaf) for leaf in row["leaves"]]
        root = kernel.merkle_root(leaves)
        assert root.hex() == row["root"]
        for index, branch in enumerate(row["branches"]):
            nodes = [bytes.fromhex(node) for node in branch]
            assert kernel.merkle_branch(leaves, index) == nodes
            check_branch(leaves[index], index, len(leaves), nodes, root)


def test_addresses() -> None:
    for row in rows("addresses"):
        if "error" in row:
            with pytest.raises(errors.AddressError) as raised:
                decode_address(row["address"], row["prefix"])
            assert raised.value.code == row["error"]
        else:
            key_hash = SigningKey(bytes.fromhex(row["secret"])).key_hash
            assert key_hash.hex() == row["key_hash"]
            assert encode_address(key_hash, row["prefix"]) == row["address"]


def test_targets() -> None:
    for row in rows("targets"):
        target = target_of(row["bits"])
        if row["target"] is None:
            assert target is None
        else:
            assert f"{target:064x}" == row["target"]
            assert bits_of(target) == row["bits"]
            assert str(work_of(target)) == row["work"]


def test_genesis() -> None:
    for row in rows("genesis"):
        network = build_network(decode_genesis(row["canonical_json"].encode()))
        assert network.id.hex() == row["network_id"]
        assert network.magic.hex() == row["magic"]
        assert network.seal_window == row["seal_window"]
        assert network.block.raw.hex() == row["genesis_block"]
        assert network.block.hash.hex() == row["genesis_hash"]


def test_transactions() -> None:
    for row in rows("transactions"):
        raw = bytes.fromhex(row["raw"])
        if "error" in row:
            with pytest.raises(errors.RuleError) as raised:
                check_transaction(decode_transaction(raw))
            assert raised.value.code == row["error"]
            continue
        transaction = decode_transaction(raw)
        coins = [decode_coin(bytes.fromhex(coin["packed"])) for coin in row["coins"]]
        network_id = bytes.fromhex(row["network_id"])
        assert (transaction.id.hex(), transaction.full_id.hex()) == (row["id"], row["full_id"])
        body = bytes.fromhex(row["body"])
        assert transaction_digest(network_id, body, coins).hex() == row["sighash"]
        check_signatures(transaction, coins, network_id)
        assert transaction_to_json(transaction, "tdeck") == row["json"]
        assert transaction_from_json(json.dumps(row["json"]).encode(), "tdeck") == transaction


def test_chains() -> None:
    for row in rows("chains"):
        network = build_network(decode_genesis(row["canonical_json"].encode()))
        forge = Forge(network)
        tree, coins, tip = BlockTree(genesis_entry(network)), forge.coins, forge.tip
        first, *others = row["blocks"]
        assert first["raw"] == network.block.raw.hex()
        assert coins_hash_of(coins.held).hex() == first["coins_hash"]
        for expected in others:
            block = decode_block(bytes.fromhex(expected["raw"]))
            tip = check_header(network, tree, tip, block.header, block.seal)
            apply_change(
                coins.held,
                connect_block(network, tip, block, Coins(coins.held), SignatureCache()),
            )
            tree.add_header(tip)
            assert block.hash.hex() == expected["hash"]
            assert coins_hash_of(coins.held).hex() == expected["coins_hash"]
            assert len(coins.held) == expected["coin_count"]


def test_seals_and_checkpoints() -> None:
    seal, fixed = rows("seals")
    digest = bytes.fromhex(seal["seal_digest"])
    assert SigningKey(b"\x01" * 32).sign(digest).hex() == seal["seal_by_alice"]
    network = build_network(decode_genesis(rows("chains")[0]["canonical_json"].encode()))
    assert network.id.hex() == fixed["network_id"]
    checkpoint = decode_checkpoint(bytes.fromhex(fixed["checkpoint"]))
    assert checkpoint.height == fixed["height"]
    signers = check_checkpoint(network, checkpoint)
    assert [signer.hex() for signer in signers] == fixed["signers"]
