"""LMDB behind one door: its errors, its map, its transactions."""

import errno

import lmdb
import pytest

from chaindeck.store import database as database_module
from chaindeck.store.database import Database, _store_error
from chaindeck.store.errors import Corrupt, DiskFull, InputOutput, MapFull
from chaindeck.store.limits import LEAST_MAP_BYTES, MAP_BYTES


def raised(kind, number):
    """An error as LMDB raises it; made by hand it would have no number."""
    error = kind("mdb_call")
    vars(error)["code"] = number
    return error


def test_rows_are_there_after_the_commit_and_not_without(tmp_path):
    database = Database(tmp_path)
    meta = database.tables["meta"]
    with database.writing() as transaction:
        transaction.put(b"a", b"1", db=meta)

    def abandon():
        with database.writing() as transaction:
            transaction.put(b"b", b"2", db=meta)
            raise KeyError

    with pytest.raises(KeyError):
        abandon()
    with database.reading() as transaction:
        assert (transaction.get(b"a", None, meta), transaction.get(b"b", None, meta)) == (
            b"1",
            None,
        )
    assert database.count("meta") == 1
    with database.writing() as transaction:
        database.clear(transaction, "meta")
    assert database.count("meta") == 0
    database.close()


@pytest.mark.parametrize(
    ("number", "expected", "code"),
    [
        (errno.ENOSPC, DiskFull, "store-disk-full"),
        (errno.EFBIG, DiskFull, "store-disk-full"),
        (errno.EDQUOT, DiskFull, "store-disk-full"),
        (errno.EIO, InputOutput, "store-io"),
        (0, InputOutput, "store-io"),
    ],
)
def test_error_numbers_become_errors_of_the_store(tmp_path, number, expected, code):
    error = _store_error(raised(lmdb.Error, number), tmp_path)
    assert type(error) is expected
    assert error.code == code


@pytest.mark.parametrize(
    ("kind", "expected", "code"),
    [
        (lmdb.MapFullError, MapFull, "store-map-full"),
        (lmdb.CorruptedError, Corrupt, "store-corrupt"),
        (lmdb.PageNotFoundError, Corrupt, "store-corrupt"),
        (lmdb.DiskError, DiskFull, "store-disk-full"),
        (lmdb.PanicError, InputOutput, "store-io"),
    ],
)
def test_lmdb_errors_become_errors_of_the_store(tmp_path, kind, expected, code):
    error = _store_error(raised(kind, -30000), tmp_path)
    assert type(error) is expected
    assert error.code == code


@pytest.mark.parametrize(
    ("raised_inside", "expected"),
    [(lmdb.CorruptedError("torn"), Corrupt), (OSError(errno.EIO, "gone"), InputOutput)],
)
def test_what_goes_wrong_while_reading_is_an_error_of_the_store(tmp_path, raised_inside, expected):
    database = Database(tmp_path)
    with pytest.raises(expected), database.reading():
        raise raised_inside
    database.close()


def test_reading_that_cannot_begin_is_an_error_of_the_store(tmp_path):
    database = Database(tmp_path)
    database.close()
    with pytest.raises(InputOutput), database.reading():
        raise AssertionError("there is nothing to read")


def test_file_that_is_no_database_is_corrupt(tmp_path):
    Database(tmp_path).close()
    (tmp_path / "chain.lmdb" / "data.mdb").write_bytes(b"\1" * 8192)
    with pytest.raises(Corrupt):
        Database(tmp_path)


def test_full_map_is_an_error_and_damages_nothing(tmp_path):
    database = Database(tmp_path, map_bytes=1 << 20)
    bodies = database.tables["bodies"]
    with pytest.raises(MapFull, match="restart"), database.writing() as transaction:
        transaction.put(b"big", bytes(2 << 20), db=bodies)
    with database.writing() as transaction:
        transaction.put(b"small", b"1", db=bodies)
    assert database.count("bodies") == 1
    database.close()


class TestMap:
    def test_file_stays_small_under_a_large_map(self, tmp_path):
        database = Database(tmp_path)
        assert database._environment.info()["map_size"] == MAP_BYTES
        assert (tmp_path / "chain.lmdb" / "data.mdb").stat().st_size < 1 << 20
        database.close()

    def test_map_has_headroom_over_the_file(self, tmp_path, monkeypatch):
        monkeypatch.setattr(database_module, "MAP_BYTES", 1 << 20)
        database = Database(tmp_path, map_bytes=1 << 20)
        with database.writing() as transaction:
            transaction.put(b"big", bytes(600_000), db=database.tables["bodies"])
        database.close()
        database = Database(tmp_path, map_bytes=1 << 20)
        assert database._environment.info()["map_size"] == 4 << 20
        database.close()

    def test_less_is_taken_where_address_space_is_rationed(self, tmp_path, monkeypatch):
        wanted = []
        real = lmdb.open

        def ration(*arguments, **options):
            if "map_size" in options:
                wanted.append(options["map_size"])
                if wanted[-1] > 2 * LEAST_MAP_BYTES:
                    raise raised(lmdb.MemoryError, errno.ENOMEM)
            return real(*arguments, **options)

        monkeypatch.setattr(lmdb, "open", ration)
        Database(tmp_path, map_bytes=8 * LEAST_MAP_BYTES).close()
        assert wanted == [8 * LEAST_MAP_BYTES, 4 * LEAST_MAP_BYTES, 2 * LEAST_MAP_BYTES]

    def test_too_little_address_space_is_an_error(self, tmp_path, monkeypatch):
        real = lmdb.open

        def refuse(*arguments, **options):
            if "map_size" not in options:
                return real(*arguments, **options)
            raise raised(lmdb.MemoryError, errno.ENOMEM)

        monkeypatch.setattr(lmdb, "open", refuse)
        with pytest.raises(InputOutput):
            Database(tmp_path)
