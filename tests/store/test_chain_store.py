"""The store as its callers see it: connect, disconnect, look up, restart, refuse."""

import random
import shutil
import threading

import msgspec
import pytest

from chaindeck.ledger.chain import BlockTree, Mark
from chaindeck.ledger.checkpoints import Checkpoint
from chaindeck.ledger.coins import coins_hash_of
from chaindeck.ledger.connect import undo_change
from chaindeck.ledger.headers import genesis_entry
from chaindeck.store import ChainStore, layer, rows
from chaindeck.store.database import Database
from chaindeck.store.errors import (
    Corrupt,
    DiskFull,
    ForeignNetwork,
    Pruned,
    StoreLocked,
    Unfinished,
    WrongVersion,
)
from chaindeck.store.limits import MAX_PAGE_ROWS, PRUNE_KEEP_BLOCKS
from chaindeck.store.packing import height_key
from chaindeck.store.recovery import FORMAT, PROGRESS, SETTLED, STATE
from chaindeck.store.reindexing import reindex
from chaindeck.store.verification import verify
from tests.ledger.forge import ALICE, BOB, DAVE, KEYS, dev_network
from tests.store.chains import (
    Chain,
    connect_raw,
    expect_equal,
    forge_block,
    grow,
    small_store,
    store_chain,
)


def blocks_of(chain, last=None):
    return [forge_block(chain, at)[1] for at in range(1, (last or len(chain.changes)) + 1)]


def exhaust(turns):
    """Go through a generator; return what it returns."""
    try:
        while True:
            next(turns)
    except StopIteration as done:
        return done.value


@pytest.fixture
def store(tmp_path, chain):
    with small_store(tmp_path, chain) as store:
        store_chain(store, chain)
        yield store


class TestNewStore:
    def test_holds_the_genesis_block(self, tmp_path, chain):
        with ChainStore.open(tmp_path / "deep" / "down", chain.network) as store:
            genesis = chain.network.block
            assert (store.tip(), store.height(), store.sequence()) == (genesis.hash, 0, 0)
            assert store.load_body(genesis.hash) == genesis.raw
            assert store.has_body(genesis.hash)
            assert store.load_entry(genesis.hash) == genesis_entry(chain.network)
            assert store.active_hash(0) == genesis.hash
            assert store.active_hash(1) is None
            assert store.active_hash(-1) is None
            expect_equal(store, [])

    def test_stays_the_same_when_opened_again(self, tmp_path, chain):
        for _ in range(2):
            with ChainStore.open(tmp_path, chain.network) as store:
                expect_equal(store, [])
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "chain.lmdb",
            "genesis.json",
            "instance.lock",
        ]


class TestConnecting:
    def test_coins_and_indexes_are_those_of_a_naive_rebuild(self, store, chain):
        expect_equal(store, blocks_of(chain))
        assert store.coins_hash() == coins_hash_of(chain.coins.held)
        assert store.sequence() == store.height() == len(chain.changes)

    def test_settling_changes_nothing_that_can_be_seen(self, store, chain):
        store.settle()
        assert not store.waiting()
        expect_equal(store, blocks_of(chain))
        store.settle()

    def test_others_read_the_same_while_rows_are_settled_in_turns(self, store, chain, monkeypatch):
        monkeypatch.setattr(layer, "SETTLE_ROWS_A_TURN", 7)
        turns = 0
        for _ in store.settle_in_turns():
            turns += 1
            expect_equal(store, blocks_of(chain))
        assert turns > 4
        assert not store.waiting()
        expect_equal(store, blocks_of(chain))

    def test_settling_that_is_broken_off_has_not_begun(self, store, chain, monkeypatch):
        monkeypatch.setattr(layer, "SETTLE_ROWS_A_TURN", 7)
        waiting = store.waiting()
        turns = store.settle_in_turns()
        next(turns)
        next(turns)
        turns.close()
        assert store.waiting() == waiting
        expect_equal(store, blocks_of(chain))
        store.settle()
        expect_equal(store, blocks_of(chain))

    def test_block_may_be_worked_out_before_it_is_connected(self, tmp_path, chain, monkeypatch):
        monkeypatch.setattr(rows, "TRANSACTIONS_A_TURN", 1)
        with small_store(tmp_path, chain) as store:
            for place, change in enumerate(chain.changes, 1):
                entry, block = forge_block(chain, place)
                ready = exhaust(store.prepare(block, change))
                assert ready == rows.connected_rows(block, change)
                with store.writing() as batch:
                    batch.connect(entry, block, change, ready)
            expect_equal(store, blocks_of(chain))

    def test_store_answers_for_the_rules_as_coins_in_memory_do(self, tmp_path, chain):
        with small_store(tmp_path, chain) as store:
            for place, change in enumerate(chain.changes, 1):
                assert connect_raw(store, chain, forge_block(chain, place)[1]) == change

    def test_coins_come_in_the_order_asked(self, store, chain):
        held = list(chain.coins.held.items())
        asked = [held[3][0], bytes(36), held[0][0], held[3][0]]
        assert store.coins(asked) == [held[3][1], None, held[0][1], held[3][1]]
        assert store.coins([]) == []

    def test_restart_finds_everything(self, tmp_path, chain):
        with small_store(tmp_path, chain) as store:
            store_chain(store, chain)
            before = store.state
        with small_store(tmp_path, chain) as store:
            assert store.state == before
            expect_equal(store, blocks_of(chain))

    def test_block_on_something_else_than_the_tip_is_misuse(self, store, chain):
        entry, block = forge_block(chain, 3)
        with pytest.raises(AssertionError, match="connected to the tip"):
            store.connect(entry, block, chain.changes[2])
        expect_equal(store, blocks_of(chain))

    def test_many_small_blocks_are_settled_too(self, tmp_path, chain, monkeypatch):
        monkeypatch.setattr("chaindeck.store.chain_store.SETTLE_BLOCKS", 4)
        with small_store(tmp_path, chain, settle_rows=10**9) as store:
            waiting = []
            for place in range(1, 7):
                store.connect(*forge_block(chain, place), chain.changes[place - 1])
                waiting.append(store.waiting())
            assert waiting[0] < waiting[3] > waiting[4]


class TestDisconnecting:
    def test_returns_what_connecting_changed_down_to_genesis(self, store, chain):
        held = dict(chain.coins.held)
        for place in range(len(chain.changes), 0, -1):
            change = store.disconnect(store.tip())
            assert change == chain.changes[place - 1]
            undo_change(held, change)
            assert store.coins_hash() == coins_hash_of(held)
        expect_equal(store, [])
        with pytest.raises(AssertionError, match="genesis"):
            store.disconnect(store.tip())

    def test_only_the_tip_can_be_taken_back(self, store):
        with pytest.raises(AssertionError, match="only the tip"):
            store.disconnect(store.active_hash(2))

    def test_body_and_mark_stay_beside_the_chain(self, store, chain):
        entry, block = forge_block(chain, store.height())
        store.disconnect(block.hash)
        assert store.load_body(block.hash) == block.raw
        assert store.load_entry(block.hash) is None
        assert store.load_marks(store.height() + 1) == [Mark(entry, arrival=0, is_ready=True)]
        assert store.recall(block.hash)[1] == chain.changes[-1]

    def test_reorganisation_is_one_change(self, tmp_path, chain):
        rival = Chain(chain.network)
        grow(rival, random.Random(5), 3)
        with small_store(tmp_path, chain) as store:
            store_chain(store, rival)
            seen = []
            with store.writing() as batch:
                for place in (3, 2, 1):
                    batch.disconnect(forge_block(rival, place)[1].hash)
                    seen.append(store.height())
                for place in range(1, 6):
                    batch.connect(*forge_block(chain, place), chain.changes[place - 1])
                    assert batch.active_hash(place) == batch.tip()
                outpoint, packed = chain.changes[4].created[0]
                assert batch.coins([outpoint]) == [packed]
                assert store.coins([outpoint]) == [None]
            assert seen == [3, 3, 3]
            assert (store.height(), store.sequence()) == (5, 11)
            expect_equal(store, blocks_of(chain, 5))

    def test_abandoned_batch_leaves_nothing(self, store, chain):
        before = store.state

        def abandon():
            with store.writing() as batch:
                batch.disconnect(batch.tip())
                raise KeyError

        with pytest.raises(KeyError):
            abandon()
        assert store.state == before
        expect_equal(store, blocks_of(chain))


class TestMarks:
    def test_tree_is_restored_with_branches_and_verdicts(self, tmp_path, chain):
        rival = Chain(chain.network)
        grow(rival, random.Random(5), 3)
        with small_store(tmp_path, chain) as store:
            store_chain(store, chain)
            marks = [Mark(forge_block(rival, at)[0], is_failed=at == 3) for at in (1, 2, 3)]
            marks[0].arrival, marks[0].is_ready, marks[1].is_parked = -7, True, True
            marks[2].is_shut_out = True
            store.save_marks([*marks, Mark(chain.tip, arrival=99, is_ready=True)])
        with small_store(tmp_path, chain) as store:
            tree = BlockTree(genesis_entry(chain.network), store)
            for mark in store.load_marks(1):
                tree.restore(mark)
            for mark in marks:
                assert tree.mark(mark.entry.header.hash) == mark
            assert tree.mark(chain.tip.header.hash).arrival == 99
            assert tree.choose(store.tip()).tip == chain.tip
            heights = [mark.entry.header.height for mark in store.load_marks(20)]
            assert heights == [1, 2, 3, 20, 21, 22, 23, 24]

    def test_branch_is_forgotten_with_its_bodies(self, tmp_path, chain):
        rival = Chain(chain.network)
        (block,) = grow(rival, random.Random(5), 1)
        with small_store(tmp_path, chain) as store:
            store_chain(store, chain)
            before = store.state
            store.save_marks([Mark(rival.tip)])
            store.save_body(block)
            store.save_body(block)
            assert store.state.body_bytes == before.body_bytes + len(block.raw)
            assert store.has_body(block.hash)
            store.forget([block.hash, bytes(32)])
            assert not store.has_body(block.hash)
            assert store.load_body(block.hash) is None
            assert store.load_marks(100) == []
            assert store.state == before

    def test_tables_that_stood_at_a_forgotten_block_are_brought_to_the_tip_first(
        self, tmp_path, chain
    ):
        """A crash right after must find all that it has to compute again."""
        folder, crashed = tmp_path / "store", tmp_path / "crashed"
        with small_store(folder, chain) as store:
            store_chain(store, chain)
            store.settle()
            gone = store.tip()
            store.disconnect(gone)
            store.forget([gone])
            coins = store.coins_hash()
            shutil.copytree(folder, crashed, ignore=shutil.ignore_patterns("*.lock"))
        with small_store(crashed, chain) as again:
            assert again.coins_hash() == coins
            assert verify(again).disagreement is None

    def test_block_of_the_chain_is_not_forgotten(self, store):
        with pytest.raises(AssertionError, match="beside the chain"):
            store.forget([store.tip()])

    def test_entry_of_another_branch_is_not_in_the_archive(self, store, chain):
        rival = Chain(chain.network)
        grow(rival, random.Random(5), 1)
        store.save_marks([Mark(rival.tip)])
        assert store.load_entry(rival.tip.header.hash) is None
        assert store.load_entry(chain.tip.header.hash) == chain.tip
        assert store.load_body(rival.tip.header.hash) is None


class TestCheckpoints:
    def test_what_is_held_of_a_height_is_replaced_and_outlives_a_restart(self, tmp_path, chain):
        def signed(height, number):
            return Checkpoint(height, bytes([number]) * 32, (bytes([number]) * 65,))

        with small_store(tmp_path, chain) as store:
            assert store.load_checkpoints() == []
            with store.writing() as batch:
                batch.save_checkpoints(300, [signed(300, 1)])
                batch.save_checkpoints(5, [signed(5, 2), signed(5, 3)])
            with store.writing() as batch:
                batch.save_checkpoints(5, [signed(5, 4), signed(5, 2)])
        with small_store(tmp_path, chain) as again:
            assert again.load_checkpoints() == [signed(5, 2), signed(5, 4), signed(300, 1)]

    def test_damaged_one_is_noticed_and_goes_with_a_reindex(self, tmp_path, chain):
        kept = Checkpoint(2, bytes(32), (bytes(65),))
        with small_store(tmp_path, chain) as store:
            store_chain(store, chain)
            with store.writing() as batch:
                batch.save_checkpoints(2, [kept])
            with store.database.writing() as transaction:
                transaction.put(bytes(36), b"x", db=store.database.tables["checkpoints"])
            with pytest.raises(Corrupt, match="the bytes end"):
                store.load_checkpoints()
        reindex(tmp_path, chain.network, map_bytes=1 << 30)
        with small_store(tmp_path, chain) as again:
            assert again.load_checkpoints() == [kept]


class TestPages:
    def test_pages_joined_are_the_whole(self, store):
        for key in KEYS:
            for limit in (1, 3, MAX_PAGE_ROWS):
                coins, rows, cursor = [], [], None
                while True:
                    page = store.coins_of(key.key_hash, cursor=cursor, limit=limit)
                    assert len(page.coins) <= limit
                    coins += page.coins
                    cursor = page.cursor
                    if cursor is None:
                        break
                while True:
                    page = store.history_of(key.key_hash, cursor=cursor, limit=limit)
                    rows += page.rows
                    cursor = page.cursor
                    if cursor is None:
                        break
                    last = rows[-1]
                    assert cursor < last.cursor
                assert coins == store.coins_of(key.key_hash).coins
                assert rows == store.history_of(key.key_hash).rows

    @pytest.mark.parametrize("limit", [0, MAX_PAGE_ROWS + 1])
    def test_page_beyond_the_limits_is_misuse(self, store, limit):
        with pytest.raises(AssertionError):
            store.coins_of(ALICE.key_hash, limit=limit)

    def test_unknown_key_and_transaction_have_nothing(self, store):
        assert store.coins_of(bytes(20)).coins == []
        assert store.history_of(b"\xff" * 20).rows == []
        assert store.find_transaction(bytes(32)) is None


class TestReadersBesideAWriter:
    def test_they_see_whole_blocks_only(self, tmp_path, chain):
        hashes = {}
        held = {}
        problems = []
        with small_store(tmp_path, chain) as store:
            hashes[store.coins_hash()] = 0
            for place, change in enumerate(chain.changes, 1):
                for outpoint, _ in change.created:
                    held[outpoint] = place
            done = threading.Event()

            def read():
                while not done.is_set():
                    coins = store.coins(list(held))
                    made = {held[key] for key, coin in zip(held, coins, strict=True) if coin}
                    if made and max(made) > store.height():
                        problems.append(max(made))

            reader = threading.Thread(target=read)
            reader.start()
            store_chain(store, chain)
            done.set()
            reader.join()
        assert not problems


class TestPruning:
    @pytest.fixture
    def long_chain(self):
        chain = Chain(dev_network(maturity=1))
        for _ in range(PRUNE_KEEP_BLOCKS + 5):
            chain.extend()
        return chain

    def test_oldest_bodies_go_and_the_newest_stay(self, tmp_path, long_chain, monkeypatch):
        chain = long_chain
        with small_store(tmp_path, chain) as store:
            store_chain(store, chain)
            whole = store.state.body_bytes
            assert store.prune(whole) == 0
            assert store.prune(whole - 1) == 1
            assert whole > store.state.body_bytes > 0
            monkeypatch.setattr("chaindeck.store.chain_store.PRUNE_BATCH_BLOCKS", 3)
            assert store.prune(0) == 4
            assert store.prune(0) == 0
            assert store.state.first_body == 6
            for at, is_here in ((0, True), (1, False), (5, False), (6, True)):
                assert store.has_body(store.active_hash(at)) is is_here
            with pytest.raises(Pruned, match="block 5 was pruned; bodies are kept from height 6"):
                store.load_body(store.active_hash(5))
            assert store.load_body(store.active_hash(6))
            assert store.coins_hash() == coins_hash_of(chain.coins.held)
        with small_store(tmp_path, chain) as store:
            while store.height() > 5:
                store.disconnect(store.tip())
            with pytest.raises(Pruned):
                store.disconnect(store.tip())
            assert store.height() == 5

    def test_chain_at_the_limit_keeps_all(self, tmp_path, chain):
        with small_store(tmp_path, chain) as store:
            store_chain(store, chain)
            assert store.prune(0) == 0


class TestRefusing:
    def test_second_opener_is_told_who_holds_the_store(self, tmp_path, chain):
        import os

        with ChainStore.open(tmp_path, chain.network):
            with pytest.raises(StoreLocked) as caught:
                ChainStore.open(tmp_path, chain.network)
            assert caught.value.values["pid"] == str(os.getpid())
        ChainStore.open(tmp_path, chain.network).close()

    def test_foreign_network_is_refused_by_file_and_by_database(self, tmp_path, chain):
        ChainStore.open(tmp_path, chain.network).close()
        foreign = dev_network(name="other")
        with pytest.raises(ForeignNetwork):
            ChainStore.open(tmp_path, foreign)
        (tmp_path / "genesis.json").unlink()
        with pytest.raises(ForeignNetwork) as caught:
            ChainStore.open(tmp_path, foreign)
        assert caught.value.values["actual"] == chain.network.id.hex()
        ChainStore.open(tmp_path, chain.network).close()

    def damage(self, folder, table, key, value):
        database = Database(folder)
        with database.writing() as transaction:
            if value is None:
                transaction.delete(key, b"", database.tables[table])
            else:
                transaction.put(key, value, db=database.tables[table])
        database.close()

    def test_other_format_is_refused(self, tmp_path, chain):
        ChainStore.open(tmp_path, chain.network).close()
        self.damage(tmp_path, "meta", FORMAT, b"2")
        with pytest.raises(WrongVersion, match="has format 2, this program reads 1"):
            ChainStore.open(tmp_path, chain.network)

    def test_unfinished_reindex_is_refused(self, tmp_path, chain):
        ChainStore.open(tmp_path, chain.network).close()
        self.damage(tmp_path, "meta", PROGRESS, b"\0" * 4)
        with pytest.raises(Unfinished, match="--reindex"):
            ChainStore.open(tmp_path, chain.network)

    @pytest.mark.parametrize(
        ("table", "key", "value", "reason"),
        [
            ("meta", STATE, b"short", "the state"),
            ("meta", SETTLED, None, "where the tables stand"),
            ("active", height_key(24), None, "24 heights, the tip is at 24"),
            ("active", height_key(25), bytes(32), "26 heights"),
            ("active", height_key(24), bytes(32), "does not end with the tip"),
            ("entries", "tip", b"\x09", "the tip's entry"),
            ("entries", "tip", "genesis", "another block's"),
        ],
    )
    def test_tip_and_tables_that_disagree_are_refused(
        self, tmp_path, chain, table, key, value, reason
    ):
        with small_store(tmp_path, chain) as store:
            store_chain(store, chain)
            with store.database.reading() as transaction:
                genesis = transaction.get(
                    chain.network.block.hash, None, store.database.tables["entries"]
                )
        key = chain.tip.header.hash if key == "tip" else key
        self.damage(tmp_path, table, key, genesis if value == "genesis" else value)
        with pytest.raises(Corrupt, match=reason) as caught:
            ChainStore.open(tmp_path, chain.network)
        assert "chaindeck node --reindex" in str(caught.value)

    def test_undo_data_that_does_not_fit_is_refused(self, store, chain):
        tip = store.tip()
        for undo in (b"", b"\x01\0\0\0\0\0", b"\x01\x01\0\0\0" + bytes(33), b"\x01\0\0\0\0"):
            with store.database.writing() as transaction:
                transaction.put(tip, undo, db=store.database.tables["undo"])
            with pytest.raises(Corrupt, match="does not fit together"):
                store.disconnect(tip)
        assert store.tip() == tip

    def test_index_that_names_no_coin_is_noticed(self, store):
        store.settle()
        with store.database.writing() as transaction:
            transaction.put(bytes(56), b"\x01", db=store.database.tables["owned"])
        with pytest.raises(Corrupt, match="do not exist"):
            store.coins_of(bytes(20))

    def test_damaged_entry_is_noticed(self, store):
        block_hash = store.active_hash(3)
        with store.database.writing() as transaction:
            transaction.put(block_hash, b"x", db=store.database.tables["entries"])
        with pytest.raises(Corrupt, match="not a packed mark"):
            store.load_entry(block_hash)


def test_seals_are_kept_apart(tmp_path):
    from tests.ledger.forge import address

    network = dev_network(miners=(address(DAVE), address(BOB)), mining_diversity_permille=500)
    chain = Chain(network)
    blocks = [chain.extend(miner=miner) for miner in (DAVE, BOB, DAVE)]
    with small_store(tmp_path, chain) as store:
        store_chain(store, chain)
        assert [store.load_seal(block.hash) for block in blocks] == [item.seal for item in blocks]
        assert store.load_seal(network.block.hash) == b""
        assert store.load_marks(2)[0].entry.sealer == BOB.key_hash
        assert msgspec.structs.asdict(store.state)["height"] == 3


class TestFullDisk:
    def test_store_stands_where_it_stood_and_goes_on(self, store, chain, monkeypatch):
        before = store.state
        tip = store.tip()

        def fill(*_arguments, **_options):
            raise DiskFull(path="disk")

        monkeypatch.setattr("chaindeck.store.chain_store.save_state", fill)
        for action in (lambda: store.disconnect(tip), store.settle):
            with pytest.raises(DiskFull):
                action()
            assert store.state == before
            expect_equal(store, blocks_of(chain))
        monkeypatch.undo()
        store.disconnect(tip)
        expect_equal(store, blocks_of(chain, 23))

    def test_closing_without_room_loses_nothing(self, tmp_path, chain, monkeypatch):
        def fill(*_arguments, **_options):
            raise DiskFull(path="disk")

        with small_store(tmp_path, chain, settle_rows=10**9) as store:
            store_chain(store, chain)
            monkeypatch.setattr("chaindeck.store.chain_store.save_state", fill)
        monkeypatch.undo()
        with small_store(tmp_path, chain) as store:
            assert store.waiting()
            expect_equal(store, blocks_of(chain))


def test_tables_that_stand_at_an_unknown_block_are_refused(tmp_path, chain):
    with small_store(tmp_path, chain) as store, store.database.writing() as transaction:
        transaction.put(SETTLED, bytes(32), db=store.database.tables["meta"])
    with pytest.raises(Corrupt, match="where the tables stand"):
        small_store(tmp_path, chain)
