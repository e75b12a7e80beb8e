"""Verifying notices whatever does not follow from the blocks."""

import shutil

import pytest
from msgspec.structs import replace

from chaindeck.ledger.coins import Coin, coins_hash_of, encode_coin
from chaindeck.ledger.connect import undo_change
from chaindeck.ledger.errors import NotOwner
from chaindeck.store.packing import encode_state, height_key
from chaindeck.store.rows import connected_rows
from chaindeck.store.snapshots import export_snapshot, import_snapshot
from chaindeck.store.verification import verify
from tests.ledger.forge import BOB, DAVE, KEYS, address, dev_network
from tests.store.chains import Chain, forge_block, small_store, store_chain


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


@pytest.fixture
def pruned(store):
    """The store without the bodies of the blocks 1 to 9."""
    with store.writing() as batch:
        for height in range(1, 10):
            batch.prune(height)
    return store


def coins_at(chain, height):
    coins = dict(chain.coins.held)
    for change_of_block in reversed(chain.changes[height:]):
        undo_change(coins, change_of_block)
    return coins_hash_of(coins)


def test_pruned_store_is_verified_from_what_it_keeps(pruned, chain):
    seen = []
    found = verify(pruned, lambda done, total: seen.append((done, total)))
    assert found.disagreement is None
    assert (found.first_body, found.blocks, found.coins) == (10, 15, len(chain.coins.held))
    assert found.coins_hash == coins_hash_of(chain.coins.held)
    assert found.coins_hash_before == coins_at(chain, 9)
    assert seen == [(at, 24) for at in range(25)]
    assert [text.split()[0] for text in found.unchecked] == ["payments", "which", "index"]


def test_whole_store_leaves_nothing_unchecked(store):
    found = verify(store)
    assert (found.first_body, found.coins_hash_before, found.unchecked) == (1, None, ())


def test_store_that_began_with_a_snapshot_is_verified(tmp_path, store, chain):
    with small_store(tmp_path / "first", chain) as first:
        for height in range(1, 21):
            first.connect(*forge_block(chain, height), chain.changes[height - 1])
        head = export_snapshot(first, tmp_path / "snapshot")
    with small_store(tmp_path / "second", chain) as second:
        import_snapshot(second, tmp_path / "snapshot")
        assert verify(second).disagreement is None
        for height in range(21, 25):
            second.connect(*forge_block(chain, height), chain.changes[height - 1])
        found = verify(second)
        assert (found.disagreement, found.blocks) == (None, 4)
        assert found.coins_hash_before.hex() == head.coins_hash
        assert len(found.unchecked) == 2
        key, value = any_row(second, "history")
        change(second, "history", b"\xff" * len(key), value)
        assert disagreement(second).startswith("rows of history is")
        with second.writing() as batch:
            batch.prune(21)
        assert len(verify(second).unchecked) == 3


def test_sealed_headers_without_bodies_are_checked(tmp_path):
    network = dev_network(miners=(address(DAVE), address(BOB)), mining_diversity_permille=500)
    sealed = Chain(network)
    for miner in (DAVE, BOB, DAVE, BOB):
        sealed.extend((), miner=miner)
    with small_store(tmp_path, sealed) as store:
        store_chain(store, sealed)
        with store.writing() as batch:
            batch.prune(1)
            batch.prune(2)
        assert verify(store).disagreement is None
        change(store, "seals", store.active_hash(2), store.load_seal(store.active_hash(1)))
        assert disagreement(store).startswith("block 2: seal-")


@pytest.mark.parametrize(
    ("height", "table", "value", "what"),
    [
        (5, "entries", b"x", "the entry of block 5: not a packed mark"),
        (5, "active", bytes(32), "the entry of block 5: not a packed mark"),
        (12, "bodies", b"x", "block 12: store-corrupt"),
        (12, "undo", b"x", "block 12: store-corrupt"),
    ],
)
def test_damage_of_a_pruned_store_is_named(pruned, height, table, value, what):
    key = height_key(height) if table == "active" else pruned.active_hash(height)
    change(pruned, table, key, value)
    assert disagreement(pruned).startswith(what)


def test_entry_of_another_block_is_named_without_bodies(pruned):
    with pruned.database.reading() as transaction:
        table = pruned.database.tables["entries"]
        other = transaction.get(pruned.active_hash(3), None, table)
    change(pruned, "entries", pruned.active_hash(4), other)
    assert disagreement(pruned).startswith("block 4: header-")


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ("coins", "coin "),
        ("owned", "the owner of coin"),
        ("transactions", "transactions row"),
        ("history", "history row"),
    ],
)
def test_row_that_is_gone_is_named_on_a_pruned_store(pruned, chain, table, what):
    entry, block = forge_block(chain, 24)
    rows = getattr(connected_rows(block, chain.changes[23]), table)
    key = next(key for key, value in rows.items() if value)
    with pruned.database.writing() as transaction:
        transaction.delete(key, db=pruned.database.tables[table])
    assert disagreement(pruned).startswith(what)
    assert entry.header.height == 24


@pytest.mark.parametrize("table", ["owned", "transactions"])
def test_row_too_many_is_named_on_a_pruned_store(pruned, table):
    key, value = any_row(pruned, table)
    change(pruned, table, b"\xff" * len(key), value)
    assert disagreement(pruned).startswith(f"rows of {table} is")


def test_coins_out_of_nothing_are_more_than_were_issued(pruned):
    owner, amount = KEYS[0].key_hash, 10**15
    packed = encode_coin(Coin(owner, amount, 1, is_reward=False))
    change(pruned, "coins", b"\xee" * 36, packed)
    change(pruned, "owned", owner + b"\xee" * 36, b"\1")
    assert disagreement(pruned).startswith("the number of coins is")
    state = pruned.state
    forged = replace(state, coin_count=state.coin_count + 1, coin_total=state.coin_total + amount)
    change(pruned, "meta", b"state", encode_state(forged))
    pruned.load()
    assert disagreement(pruned).startswith("all coins are ")
