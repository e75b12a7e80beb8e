"""Waiting rows above a table read as one table would, in both directions."""

from hypothesis import given
from hypothesis import strategies as st

from chaindeck.store.database import Database
from chaindeck.store.layer import Layer, overlay, scan, scan_waiting
from chaindeck.store.rows import GONE, PRESENT, BlockRows

KEYS = st.binary(min_size=1, max_size=3).map(lambda key: bytes(byte % 3 for byte in key))


@given(
    st.dictionaries(KEYS, st.just(b"below")),
    st.lists(st.dictionaries(KEYS, st.sampled_from([GONE, PRESENT]))),
    st.binary(max_size=1).map(lambda key: bytes(byte % 3 for byte in key)),
    KEYS,
    st.booleans(),
)
def test_walks_agree_with_a_dictionary(tmp_path_factory, below, changes, prefix, start, down):
    layer = Layer()
    expected = dict(below)
    for change in changes:
        layer.add(BlockRows({}, change, {}, {}))
        layer.keys("owned")
        for key, value in change.items():
            expected[key] = value
            if value == GONE:
                del expected[key]
    first = prefix + start
    wanted = sorted((item for item in expected.items() if item[0].startswith(prefix)), reverse=down)
    wanted = [item for item in wanted if (item[0] <= first if down else item[0] >= first)]
    database = shared_database(tmp_path_factory)
    with database.writing() as transaction:
        database.clear(transaction, "owned")
        for key, value in below.items():
            transaction.put(key, value, db=database.tables["owned"])
    with database.reading() as transaction:
        low = scan(database, transaction, "owned", prefix, first, down=down)
        high = scan_waiting(layer, "owned", prefix, first, down=down)
        assert list(overlay(low, high, down=down)) == wanted
    assert len(layer) == len({key for change in changes for key in change})
    assert layer.blocks == len(changes)


@given(
    st.dictionaries(KEYS, st.just(b"below")),
    st.dictionaries(KEYS, st.sampled_from([GONE, PRESENT])),
)
def test_settled_table_holds_what_the_layer_said(tmp_path_factory, below, change):
    layer, above = Layer(), Layer()
    above.add(BlockRows({}, change, {}, {}))
    layer.merge(above)
    database = shared_database(tmp_path_factory)
    table = database.tables["owned"]
    with database.writing() as transaction:
        database.clear(transaction, "owned")
        for key, value in below.items():
            transaction.put(key, value, db=table)
        layer.settle(database, transaction)
    expected = {key: value for key, value in {**below, **change}.items() if value}
    with database.reading() as transaction, transaction.cursor(table) as cursor:
        assert dict(cursor) == expected


DATABASES: list[Database] = []


def shared_database(tmp_path_factory):
    if not DATABASES:
        DATABASES.append(Database(tmp_path_factory.mktemp("layers")))
        # Only what the walks read matters here, so the disk need not be waited for.
        DATABASES[0]._environment.close()
        DATABASES[0]._environment = fast_environment(DATABASES[0])
    return DATABASES[0]


def fast_environment(database):
    import lmdb

    environment = lmdb.open(str(database.path), map_size=1 << 26, max_dbs=16, sync=False)
    for name in database.tables:
        database.tables[name] = environment.open_db(name.encode())
    return environment
