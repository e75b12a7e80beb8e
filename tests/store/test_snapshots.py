"""A new node starts from a snapshot as if it had followed the chain; a bad one changes nothing."""

import hashlib
import json
import random

import pytest

from chaindeck.ledger.coins import coins_hash_of
from chaindeck.ledger.errors import RuleError
from chaindeck.store import snapshots
from chaindeck.store.errors import (
    FileMissing,
    Pruned,
    SnapshotCoins,
    SnapshotFormat,
    SnapshotNetwork,
    SnapshotNotFresh,
    SnapshotTorn,
)
from chaindeck.store.snapshots import export_snapshot, import_snapshot, read_snapshot_head
from tests.ledger.forge import BOB, DAVE, KEYS, address, dev_network
from tests.store.chains import (
    Chain,
    connect_raw,
    forge_block,
    random_payments,
    small_store,
    store_chain,
)

AT = 20


@pytest.fixture(scope="module")
def whole(tmp_path_factory, chain):
    """The bytes of a snapshot at height 20."""
    folder = tmp_path_factory.mktemp("snapshot")
    with small_store(folder / "store", chain) as store:
        for at in range(1, AT + 1):
            store.connect(*forge_block(chain, at), chain.changes[at - 1])
        export_snapshot(store, folder / "snapshot")
    return (folder / "snapshot").read_bytes()


@pytest.fixture
def path(tmp_path, whole):
    (tmp_path / "snapshot").write_bytes(whole)
    return tmp_path / "snapshot"


@pytest.fixture
def empty(tmp_path, chain):
    with small_store(tmp_path / "new", chain) as store:
        yield store


def expect_empty(store):
    assert (store.height(), store.sequence()) == (0, 0)
    genesis = coins_hash_of(Chain(store.network).coins.held)
    assert store.coins_hash() == genesis


def test_node_goes_on_from_a_snapshot(tmp_path, path, chain, monkeypatch):
    seen = []
    with small_store(tmp_path / "new", chain) as store:
        head = import_snapshot(store, path, progress=lambda *at: seen.append(at))
        assert head == read_snapshot_head(path)
        assert seen == [(AT, AT)]
        assert store.tip().hex() == head.hash
        assert store.coins_hash().hex() == head.coins_hash
        assert store.state.coin_count == head.coin_count
    with small_store(tmp_path / "new", chain) as store:
        assert (store.height(), store.sequence(), store.state.base) == (AT, AT, AT)
        assert store.load_marks(AT)[0].entry.header.hash == store.tip()
        for at in range(AT + 1, 25):
            change = connect_raw(store, chain, forge_block(chain, at)[1])
            assert change == chain.changes[at - 1]
        assert store.coins_hash() == coins_hash_of(chain.coins.held)
        for key in KEYS:
            assert {row.height for row in store.history_of(key.key_hash).rows} <= {21, 22, 23, 24}
        with pytest.raises(Pruned, match="kept from height 21"):
            store.load_body(store.active_hash(AT))
        while store.height() > AT:
            store.disconnect(store.tip())
        with pytest.raises(Pruned):
            store.disconnect(store.tip())


def test_expected_hash_decides(path, empty):
    actual = bytes.fromhex(read_snapshot_head(path).coins_hash)
    with pytest.raises(SnapshotCoins) as caught:
        import_snapshot(empty, path, expected_coins_hash=bytes(32))
    assert caught.value.code == "snapshot-coins"
    expect_empty(empty)
    import_snapshot(empty, path, expected_coins_hash=actual)


def test_snapshot_of_sealed_blocks_carries_the_seals(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshots, "SNAPSHOT_CHUNK_HEADERS", 2)
    monkeypatch.setattr(snapshots, "SNAPSHOT_CHUNK_COINS", 1)
    network = dev_network(miners=(address(DAVE), address(BOB)), mining_diversity_permille=500)
    chain = Chain(network)
    for miner in (DAVE, BOB, DAVE, BOB, DAVE):
        chain.extend(random_payments(chain, random.Random(1), 1), miner=miner)
    with small_store(tmp_path / "a", chain) as store:
        store_chain(store, chain)
        with store.writing() as batch:
            batch.prune(1)
        export_snapshot(store, tmp_path / "snapshot", lambda *_: None)
    with small_store(tmp_path / "b", chain) as store:
        import_snapshot(store, tmp_path / "snapshot")
        assert store.load_marks(2)[0].entry.sealer == BOB.key_hash
        assert store.load_seal(store.tip()) == forge_block(chain, 5)[1].seal
        export_snapshot(store, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "snapshot").read_bytes()


def test_snapshot_at_genesis_is_one_too(tmp_path, chain):
    for name in "ab":
        with small_store(tmp_path / name, chain) as store:
            if name == "a":
                export_snapshot(store, tmp_path / "snapshot")
            else:
                import_snapshot(store, tmp_path / "snapshot")
                expect_empty(store)


def test_store_that_has_blocks_is_left_alone(path, empty, chain):
    store_chain(empty, chain)
    with pytest.raises(SnapshotNotFresh, match="24 blocks") as caught:
        import_snapshot(empty, path)
    assert caught.value.code == "snapshot-not-fresh"


def test_missing_file_is_named(tmp_path, empty):
    with pytest.raises(FileMissing):
        import_snapshot(empty, tmp_path / "none")


def test_other_network_is_refused(tmp_path, path):
    chain = Chain(dev_network(name="other"))
    with small_store(tmp_path / "new", chain) as store:
        with pytest.raises(SnapshotNetwork) as caught:
            import_snapshot(store, path)
        assert caught.value.code == "snapshot-network"
        expect_empty(store)


def test_file_cut_anywhere_is_refused(path, empty, whole):
    for end in (*range(0, 60, 7), *range(60, len(whole), 131), len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises((SnapshotTorn, SnapshotFormat)):
            import_snapshot(empty, path)
    path.write_bytes(whole + b"x")
    with pytest.raises(SnapshotTorn) as caught:
        import_snapshot(empty, path)
    assert caught.value.code == "snapshot-torn"
    expect_empty(empty)


def test_file_with_any_changed_byte_is_refused(path, empty, whole, rng):
    for place in rng.sample(range(len(whole)), 60):
        changed = bytearray(whole)
        changed[place] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        with pytest.raises(
            (SnapshotTorn, SnapshotFormat, SnapshotNetwork, SnapshotCoins, RuleError)
        ):
            import_snapshot(empty, path)
    expect_empty(empty)


def split(whole):
    """Head and chunks of a snapshot."""
    offset = len(snapshots._MAGIC)
    size = int.from_bytes(whole[offset : offset + 4], "little")
    head, offset = json.loads(whole[offset + 4 : offset + 4 + size]), offset + 4 + size
    chunks = []
    while whole[offset : offset + 1] != b"E":
        size = int.from_bytes(whole[offset + 1 : offset + 5], "little")
        chunks.append([whole[offset : offset + 1], whole[offset + 5 : offset + 5 + size]])
        offset += 5 + size
    return head, chunks


def join(head, chunks):
    """A snapshot whose final hash is right, whatever else is not."""
    pieces = [(b"", json.dumps(head).encode()), *chunks]
    parts = [kind + len(data).to_bytes(4, "little") + data for kind, data in pieces]
    body = b"".join([snapshots._MAGIC, *parts, b"E"])
    return body + hashlib.sha256(body).digest()


def swap_coins(chunks):
    coins = chunks[-1][1]
    chunks[-1][1] = coins[69:138] + coins[:69] + coins[138:]


def drop_header(chunks):
    chunks[0][1] = chunks[0][1][:-97]


@pytest.mark.parametrize(
    ("spoil", "error", "reason"),
    [
        (lambda head, chunks: head.update(height=19), SnapshotFormat, "do not lead"),
        (lambda head, chunks: head.update(hash="00"), SnapshotFormat, "do not lead"),
        (lambda head, chunks: head.update(coins_hash="00"), SnapshotCoins, "expected 00"),
        (lambda head, chunks: head.update(coin_count=1), SnapshotFormat, "number or value"),
        (lambda head, chunks: head.update(coin_total=1), SnapshotFormat, "number or value"),
        (lambda head, chunks: head.update(more=1), SnapshotFormat, "more"),
        (lambda head, chunks: head.update(more="x" * 5_000), SnapshotFormat, "bytes in one piece"),
        (lambda head, chunks: drop_header(chunks), SnapshotFormat, "do not lead"),
        (lambda head, chunks: swap_coins(chunks), SnapshotFormat, "out of order"),
        (lambda head, chunks: chunks.append([b"C", b"x"]), SnapshotFormat, "a coin is cut"),
        (lambda head, chunks: chunks.append([b"H", b"x"]), SnapshotFormat, "kind b'H'"),
        (lambda head, chunks: chunks.insert(1, [b"H", b"x"]), SnapshotFormat, "a header"),
    ],
)
def test_file_that_contradicts_itself_is_refused(path, empty, whole, spoil, error, reason):
    head, chunks = split(whole)
    path.write_bytes(join(head, chunks))
    spoil(head, chunks)
    path.write_bytes(join(head, chunks))
    with pytest.raises(error, match=reason):
        import_snapshot(empty, path)
    expect_empty(empty)


def test_header_that_breaks_a_rule_is_the_ledgers_error(path, empty, whole):
    head, chunks = split(whole)
    chunks[0][1] = chunks[0][1][97:]
    path.write_bytes(join(head, chunks))
    with pytest.raises(RuleError):
        import_snapshot(empty, path)
    expect_empty(empty)
