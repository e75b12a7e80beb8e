"""Verifying notices whatever does not follow from the blocks."""

import shutil

import pytest

from chaindeck.ledger.coins import coins_hash_of
from chaindeck.ledger.errors import NotOwner
from chaindeck.store.errors import Pruned
from chaindeck.store.packing import height_key
from chaindeck.store.verification import verify
from tests.store.chains import small_store, store_chain


@pytest.fixture(scope="module")
def stored(tmp_path_factory, chain):
    folder = tmp_path_factory.mktemp("stored")
    with small_store(folder, chain) as store:
        store_chain(store, chain)
    return folder


def disagreement(store):
    return verify(store).disagreement or "none"


@pytest.fixture
def store(tmp_path, stored, chain):
    shutil.copytree(stored, tmp_path / "copy")
    with small_store(tmp_path / "copy", chain) as store:
        yield store


def change(store, table, key, value):
    with store.database.writing() as transaction:
        transaction.put(key, value, db=store.database.tables[table])


def any_row(store, table):
    with (
        store.database.reading() as transaction,
        transaction.cursor(store.database.tables[table]) as cursor,
    ):
        assert cursor.last()
        return cursor.item()


def test_sound_store_agrees(store, chain):
    seen = []
    found = verify(store, lambda done, total: seen.append((done, total)))
    assert found.disagreement is None
    assert (found.blocks, found.coins) == (len(chain.changes) + 1, len(chain.coins.held))
    assert found.coins_hash == coins_hash_of(chain.coins.held)
    assert seen == [(at, 24) for at in range(25)]


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ("coins", "the set of coins"),
        ("owned", "the owner of coin"),
        ("transactions", "transactions row"),
        ("history", "history row"),
    ],
)
def test_changed_row_is_named(store, table, what):
    key, value = any_row(store, table)
    change(store, table, key, value[:-1] + bytes([value[-1] ^ 1]) if len(value) > 1 else b"\2")
    assert disagreement(store).startswith(what)


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ("owned", "rows of owned is"),
        ("transactions", "rows of transactions is"),
        ("history", "rows of history is"),
        ("coins", "the set of coins is"),
    ],
)
def test_row_too_many_is_named(store, table, what):
    sizes = {"coins": 33, "owned": 1, "transactions": 8, "history": 48}
    keys = {"coins": 36, "owned": 56, "transactions": 32, "history": 28}
    change(store, table, b"\xff" * keys[table], b"\1" * sizes[table])
    assert disagreement(store).startswith(what)


def test_damaged_body_undo_and_entry_are_named(store):
    for height, table, value, what in (
        (20, "undo", b"\1\0\0\0\0", "the undo data of block 20"),
        (15, "entries", b"x", "the entry of block 15: not a packed mark"),
        (10, "bodies", b"x", "block 10: encoding-length"),
        (5, "active", bytes(32), "block 5: encoding-length"),
    ):
        key = height_key(height) if table == "active" else store.active_hash(height)
        change(store, table, key, value)
        assert disagreement(store).startswith(what)


def test_entry_of_another_block_is_named(store):
    with store.database.reading() as transaction:
        table = store.database.tables["entries"]
        other = transaction.get(store.active_hash(3), None, table)
    change(store, "entries", store.active_hash(4), other)
    assert disagreement(store).startswith("the entry of block 4 is Entry(")


def test_swapped_bodies_are_named(store):
    change(store, "bodies", store.active_hash(4), store.load_body(store.active_hash(5)))
    assert disagreement(store).startswith("block 4: ")


def test_wrong_signature_is_found_though_all_rows_agree(store, chain, monkeypatch):
    def refuse(*_arguments):
        raise NotOwner(field="signature", input=0, signer="", owner="")

    monkeypatch.setattr("chaindeck.store.verification.connect_block", refuse)
    assert disagreement(store).startswith("block 1: tx-not-owner")


def test_pruned_store_cannot_be_verified(store):
    with store.writing() as batch:
        batch.prune(1)
    with pytest.raises(Pruned):
        verify(store)
