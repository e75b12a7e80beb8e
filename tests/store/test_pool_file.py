"""Waiting transactions over a restart, and what a torn or foreign file gives."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.store import pool_file
from chaindeck.store.errors import DiskFull, FileInvalid
from chaindeck.store.limits import MAX_POOL_RECORD_BYTES
from chaindeck.store.pool_file import _MAGIC, POOL_NAME, PoolJournal, Waiting, load_pool, save_pool

RECORDS = st.lists(st.builds(Waiting, st.binary(max_size=50), st.integers(0, 2**64 - 1)))


@given(RECORDS, st.data())
def test_torn_file_gives_what_is_before_the_tear(tmp_path_factory, waiting, data):
    path = tmp_path_factory.getbasetemp() / POOL_NAME
    save_pool(path, waiting)
    assert load_pool(path) == waiting
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    kept = load_pool(path)
    assert kept == waiting[: len(kept)]
    place = data.draw(st.integers(0, len(whole) - 1))
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    if place >= len(_MAGIC):
        kept = load_pool(path)
        assert kept == waiting[: len(kept)]
        assert len(kept) < len(waiting)


def test_missing_file_holds_nothing(tmp_path):
    assert load_pool(tmp_path / POOL_NAME) == []


def test_foreign_file_is_refused(tmp_path):
    (tmp_path / POOL_NAME).write_bytes(b"something else entirely")
    with pytest.raises(FileInvalid, match=POOL_NAME):
        load_pool(tmp_path / POOL_NAME)


def test_record_beyond_the_limit_is_taken_for_damage(tmp_path):
    path = tmp_path / POOL_NAME
    for size, kept in ((MAX_POOL_RECORD_BYTES, 2), (MAX_POOL_RECORD_BYTES + 1, 1)):
        save_pool(path, [Waiting(b"a", 1), Waiting(bytes(size), 2)])
        assert len(load_pool(path)) == kept


def fail_for_room(_file):
    raise OSError(errno.ENOSPC, "full")


class TestJournal:
    def test_what_is_appended_is_there_at_once(self, tmp_path):
        path = tmp_path / POOL_NAME
        journal = PoolJournal(path, [Waiting(b"a", 1)])
        journal.append([Waiting(b"b", 2), Waiting(b"c", 3)])
        assert journal.records == 3
        assert [item.raw for item in load_pool(path)] == [b"a", b"b", b"c"]
        journal.rewrite([Waiting(b"c", 3)])
        journal.append([Waiting(b"d", 4)])
        assert journal.records == 2
        assert [item.raw for item in load_pool(path)] == [b"c", b"d"]
        journal.close()

    def test_what_comes_while_the_file_is_written_anew_stands_in_it(self, tmp_path, monkeypatch):
        monkeypatch.setattr(pool_file, "POOL_RECORDS_A_TURN", 1)
        path = tmp_path / POOL_NAME
        journal = PoolJournal(path, [Waiting(b"gone", 1)])
        turns = journal.rewrite_in_turns([Waiting(b"a", 2), Waiting(b"b", 3)])
        journal.append([Waiting(b"c", 4)])
        for letter in (b"d", b"e"):
            next(turns)
            journal.append([Waiting(letter, 5)])
        assert [item.raw for item in load_pool(path)] == [b"gone", b"c", b"d", b"e"]
        assert list(turns) == []
        assert [item.raw for item in load_pool(path)] == [b"a", b"b", b"c", b"d", b"e"]
        assert journal.records == 5
        journal.append([Waiting(b"f", 6)])
        assert load_pool(path)[-1].raw == b"f"
        journal.close()

    def test_file_that_could_not_be_written_anew_serves_on(self, tmp_path, monkeypatch):
        path = tmp_path / POOL_NAME
        journal = PoolJournal(path, [Waiting(b"a", 1)])
        turns = journal.rewrite_in_turns([Waiting(b"a", 1)])
        journal.append([Waiting(b"b", 2)])
        with monkeypatch.context() as broken:
            broken.setattr(pool_file, "sync_file", fail_for_room)
            with pytest.raises(DiskFull):
                list(turns)
        journal.append([Waiting(b"c", 3)])
        assert [item.raw for item in load_pool(path)] == [b"a", b"b", b"c"]
        assert journal.records == 3
        journal.rewrite([Waiting(b"c", 3)])
        assert [item.raw for item in load_pool(path)] == [b"c"]
        journal.close()

    def test_write_that_fails_half_way_leaves_no_half_record(self, tmp_path, monkeypatch):
        path = tmp_path / POOL_NAME
        journal = PoolJournal(path, [Waiting(b"a", 1)])
        real = journal._file

        class Filling:
            """Takes three bytes, then no more."""

            truncate = real.truncate
            calls = 0

            def write(self, data):
                self.calls += 1
                if self.calls > 1:
                    raise OSError(errno.ENOSPC, "full")
                return real.write(data[:3])

        for _ in range(2):
            monkeypatch.setattr(journal, "_file", Filling())
            with pytest.raises(DiskFull):
                journal.append([Waiting(b"b", 2)])
            monkeypatch.setattr(journal, "_file", real)
        journal.append([Waiting(b"c", 3)])
        assert [item.raw for item in load_pool(path)] == [b"a", b"c"]
        assert journal.records == 2
        journal.close()

    def test_write_in_pieces_is_finished(self, tmp_path, monkeypatch):
        path = tmp_path / POOL_NAME
        journal = PoolJournal(path, [])
        real = journal._file

        class Slow:
            def write(self, data):
                return real.write(data[:5])

        monkeypatch.setattr(journal, "_file", Slow())
        journal.append([Waiting(b"b" * 20, 2)])
        assert load_pool(path) == [Waiting(b"b" * 20, 2)]
        journal.close()
