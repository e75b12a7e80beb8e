"""Everything is rebuilt from the bodies, whatever was wrong and whenever it was killed."""

import random
import shutil

import pytest

from chaindeck.ledger.chain import Mark
from chaindeck.ledger.coins import coins_hash_of
from chaindeck.store import reindexing
from chaindeck.store.errors import Corrupt, NotRebuildable, Unfinished
from chaindeck.store.reindexing import reindex
from chaindeck.store.verification import verify
from tests.ledger.forge import BOB, Forge, coinbase, dev_network
from tests.store.chains import Chain, expect_equal, forge_block, grow, small_store, store_chain

MAP = 1 << 30
DERIVED = (
    "entries", "side", "active", "undo", "coins", "owned", "transactions", "history",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path, chain):
    """A store with a losing branch of three blocks beside the chain."""
    with small_store(tmp_path / "store", chain) as store:
        store_chain(store, chain)
        rival = Chain(chain.network)
        grow(rival, random.Random(5), 3)
        for at in (1, 2, 3):
            entry, block = forge_block(rival, at)
            store.save_marks([Mark(entry, arrival=at, is_ready=True)])
            store.save_body(block)
    return tmp_path / "store"


def expect_whole(folder, chain):
    with small_store(folder, chain) as store:
        assert store.tip() == chain.tip.header.hash
        assert verify(store).disagreement is None
        expect_equal(store, [forge_block(chain, at)[1] for at in range(1, store.height() + 1)])
        return [mark for mark in store.load_marks(10**6) if mark.entry.header.height < 4]


def test_sound_store_is_rebuilt_as_it_was(folder, chain):
    seen = []
    state = reindex(folder, chain.network, lambda done, total: seen.append((done, total)))
    assert state.height == len(chain.changes)
    assert seen[-1] == (27, 27)
    side = expect_whole(folder, chain)
    assert [(mark.arrival, mark.is_ready) for mark in side] == [(1, True), (2, True), (3, True)]
    assert reindex(folder, chain.network).coin_total == state.coin_total
    expect_whole(folder, chain)


@pytest.mark.parametrize("table", DERIVED)
def test_lost_table_is_rebuilt(folder, chain, table):
    with small_store(folder, chain) as store, store.database.writing() as transaction:
        store.database.clear(transaction, table)
    reindex(folder, chain.network, map_bytes=MAP)
    expect_whole(folder, chain)


def test_unreadable_state_is_rebuilt(folder, chain):
    with small_store(folder, chain) as store, store.database.writing() as transaction:
        transaction.put(b"state", b"x", db=store.database.tables["meta"])
    with pytest.raises(Corrupt):
        small_store(folder, chain)
    reindex(folder, chain.network, map_bytes=MAP)
    expect_whole(folder, chain)


def test_tie_goes_to_the_first_seen_as_before(tmp_path):
    network = dev_network()
    rivals = [Chain(network, miner=BOB), Chain(network)]
    blocks = [rival.extend() for rival in rivals]
    for first in (0, 1):
        folder = tmp_path / str(first)
        with small_store(folder, rivals[0]) as store:
            order = [first, 1 - first]
            for arrival, number in enumerate(order, 1):
                store.save_marks([Mark(rivals[number].tip, arrival=arrival, is_ready=True)])
                store.save_body(blocks[number])
        assert reindex(folder, network).tip == blocks[first].hash


def test_interrupted_reindex_goes_on_where_it_was(folder, chain, monkeypatch):
    monkeypatch.setattr(reindexing, "REINDEX_BATCH_BLOCKS", 4)

    class KilledError(Exception):
        pass

    def kill(done, _total):
        raise KilledError

    heights = []
    while True:
        try:
            reindex(folder, chain.network, kill, map_bytes=MAP)
            break
        except KilledError:
            with pytest.raises(Unfinished):
                small_store(folder, chain)
            with small_store(folder, chain, is_reindexing=True) as store:
                store.load()
                heights.append(store.height())
    assert heights == sorted(heights)
    assert len(heights) == 7
    expect_whole(folder, chain)


def test_damaged_bodies_and_what_builds_on_them_are_given_up(folder, chain):
    cases = {20: b"\1", 15: None}
    for height, body in cases.items():
        copy = folder.with_name(f"copy-{height}")
        shutil.copytree(folder, copy)
        with small_store(copy, chain) as store, store.database.writing() as transaction:
            block_hash = store.active_hash(height)
            raw = body or store.load_body(store.active_hash(2))
            transaction.put(block_hash, raw, db=store.database.tables["bodies"])
        assert reindex(copy, chain.network, map_bytes=MAP).height == height - 1
        with small_store(copy, chain) as store:
            assert not store.has_body(block_hash)
            assert verify(store).disagreement is None


def test_block_beside_the_chain_is_judged_in_full(tmp_path):
    """It was never connected, so nobody ever looked at more than its header."""
    network = dev_network()
    chain, forger = Chain(network), Forge(network)
    chain.extend()
    bad = forger.assemble(reward=coinbase(1, BOB.key_hash, 10**15))
    entry = forger.enter(bad)
    forger.tree.add_header(entry)
    child = forger.assemble(parent=entry)
    child_entry = forger.enter(child, entry)
    with small_store(tmp_path, chain) as store:
        store_chain(store, chain)
        for item, block in ((entry, bad), (child_entry, child)):
            store.save_marks([Mark(item)])
            store.save_body(block)
    state = reindex(tmp_path, network, map_bytes=MAP)
    assert state.tip == chain.tip.header.hash
    with small_store(tmp_path, chain) as store:
        failed = {mark.entry.header.hash: mark.is_failed for mark in store.load_marks(1)}
        assert failed == {chain.tip.header.hash: False, bad.hash: True, child.hash: True}


def test_pruned_store_cannot_be_rebuilt(folder, chain):
    with small_store(folder, chain) as store, store.writing() as batch:
        batch.prune(1)
    with pytest.raises(NotRebuildable, match=r"Start anew instead: move .* away"):
        reindex(folder, chain.network)
    with small_store(folder, chain) as store:
        assert store.coins_hash() == coins_hash_of(chain.coins.held)
