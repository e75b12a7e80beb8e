"""Killed at any moment, torn in any write, refused by the disk: what was acknowledged is there.

`CHAINDECK_TEST_PROFILE=prove` kills 300 times instead of 12.
"""

import json
import os
import random
import resource
import subprocess
import sys
import time

import pytest

from chaindeck.ledger.coins import coins_hash_of
from chaindeck.store import ChainStore
from chaindeck.store.block_files import export_blocks
from chaindeck.store.errors import DiskFull, InputOutput
from chaindeck.store.pool_file import Waiting, load_pool
from chaindeck.store.verification import verify
from tests.ledger.forge import dev_network
from tests.meta.tree import ROOT
from tests.store.chains import Chain, Rebuilt, forge_block, grow, small_store, store_chain
from tests.store.worker import Work

KILLS = 300 if os.environ.get("CHAINDECK_TEST_PROFILE") == "prove" else 12
LENGTH = 40
INPUT_OUTPUT, NO_ROOM, TEAR = 1, 2, 3


@pytest.fixture(scope="module")
def chain_file(tmp_path_factory):
    """A chain for the workers, and the coins hash that belongs to each of its blocks."""
    chain = Chain(dev_network(maturity=1))
    grow(chain, random.Random(3), LENGTH)
    folder = tmp_path_factory.mktemp("chain")
    with small_store(folder / "store", chain) as store:
        store_chain(store, chain)
        export_blocks(store, folder / "blocks.ndjson")
        (folder / "store" / "genesis.json").rename(folder / "blocks.json")
    hashes = {}
    blocks = [chain.network.block]
    for at in range(LENGTH + 1):
        if at:
            blocks.append(forge_block(chain, at)[1])
        hashes[blocks[-1].hash] = coins_hash_of(Rebuilt(blocks).coins)
    return folder / "blocks.ndjson", chain, hashes


def start_worker(kind, folder, path, **variables):
    command = [sys.executable, "-m", "tests.store.worker", kind, str(folder), str(path)]
    return subprocess.Popen(
        command, cwd=ROOT, stdin=-1, stdout=-1, text=True, env={**os.environ, **variables}
    )


def expect_sound(folder, chain, hashes, sequence, tip):
    """Return the store's sequence; it holds what was acknowledged, or one change more."""
    with small_store(folder, chain) as store:
        assert store.coins_hash() == hashes[store.tip()]
        if store.sequence() == sequence:
            assert store.tip().hex() == tip
        else:
            assert store.sequence() > sequence
        assert verify(store).disagreement is None
        return store.sequence()


def test_killed_worker_leaves_what_it_acknowledged(tmp_path, chain_file, rng):
    path, chain, hashes = chain_file
    sequence, tip = 0, chain.network.block.hash.hex()
    for _ in range(KILLS):
        with start_worker("loop", tmp_path, path) as worker:
            first = worker.stdout.readline()
            time.sleep(rng.random() * 0.15)
            worker.kill()
            lines = (first + worker.stdout.read()).splitlines(keepends=True)
        acknowledged = [line.split() for line in lines if line.endswith("\n")]
        last, tip = acknowledged[-1]
        assert int(last) > sequence
        sequence = expect_sound(tmp_path, chain, hashes, int(last), tip)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The compiled shim."""
    path = tmp_path_factory.mktemp("faults") / "faults.so"
    source = ROOT / "tests" / "store" / "faults.c"
    command = [
        "c++",
        "-x",
        "c",
        "-shared",
        "-fPIC",
        "-O1",
        "-Wall",
        "-Werror",
        "-o",
        str(path),
        str(source),
    ]
    subprocess.run([*command, "-ldl"], check=True)
    return path


class Faults:
    """Runs the scenario again and again, with the next write going wrong each time."""

    def __init__(self, worker, folder, chain, hashes):
        self.worker = worker
        self.folder = folder
        self.chain = chain
        self.hashes = hashes

    def run(self, kind):
        """Loop until the scenario runs through without a fault; return how it ended each time."""
        ends: list[tuple[int, dict]] = []
        while True:
            name = f"{kind}-{len(ends)}"
            self.worker.stdin.write(f"{len(ends) + 1} {kind} {name}\n")
            self.worker.stdin.flush()
            lines: list[str] = []
            while not lines or not lines[-1].startswith("exit "):
                lines.append(self.worker.stdout.readline())
            report = json.loads(lines[0]) if len(lines) > 1 else {}
            end = int(lines[-1].split()[1]), report
            ends.append(end)
            self.expect_sound(self.folder.with_name(name), report)
            if report.get("count", 10**9) < len(ends):
                return ends

    def expect_sound(self, folder, report):
        sequence, tip = report.get("sequence", 0), report.get("tip")
        expect_sound(folder, self.chain, self.hashes, sequence, tip or self.start_tip())
        pool = load_pool(folder / "pool.bin")
        assert pool in ([], [Waiting(b"transaction", 1)])
        assert pool or not report.get("done")

    def start_tip(self):
        return self.chain.network.block.hash.hex()


@pytest.fixture(params=["new", "old"])
def faults(request, tmp_path, chain_file, library):
    """Faults in a store from its founding on, or in one that has blocks and waiting rows."""
    path, chain, hashes = chain_file
    folder = tmp_path / "store"
    if request.param == "old":
        work = Work(path)
        with small_store(folder, chain) as store:
            for _ in range(12):
                work.up(store)
    with start_worker("faults", folder, path, LD_PRELOAD=str(library)) as worker:
        yield Faults(worker, folder, chain, hashes)
        worker.stdin.close()


@pytest.mark.needs("c++")
class TestFailingWrites:
    def test_input_output_error_stops_all_writing_and_loses_nothing(self, faults):
        ends = faults.run(INPUT_OUTPUT)
        assert len(ends) > 20
        for status, report in ends[:-1]:
            assert status == 0
            assert report.get("failed") or report.get("done")
        assert any(report.get("failed") for _, report in ends)

    def test_full_disk_is_told_and_the_store_goes_on_when_there_is_room(self, faults):
        ends = faults.run(NO_ROOM)
        assert len(ends) > 20
        for status, report in ends[:-1]:
            assert (status, report.get("done")) == (0, True), report
        assert sum(bool(report.get("full")) for _, report in ends) > 20

    def test_torn_write_is_as_if_it_had_never_begun(self, faults):
        ends = faults.run(TEAR)
        assert len(ends) > 20
        assert {status for status, _ in ends[:-1]} == {9}


def test_file_that_may_not_grow_is_a_full_disk(tmp_path, chain_file):
    """In a child process, because the limit holds for all its files."""
    path, chain, hashes = chain_file
    child = os.fork()
    if not child:
        try:
            os._exit(0 if fill_up(tmp_path / "store", Work(path)) else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    with small_store(tmp_path / "store", chain) as store:
        assert store.height() == LENGTH
        assert store.coins_hash() == hashes[store.tip()]
        assert verify(store).disagreement is None


def fill_up(folder, work):
    """Connect until the limit is hit, twice; raise it and go on to the end."""
    with work.open(folder) as store:
        size = (folder / "chain.lmdb" / "data.mdb").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + (64 << 10), resource.RLIM_INFINITY))
        codes: list[tuple] = []
        while len(codes) < 2:
            try:
                work.up(store)
            except DiskFull as error:
                codes.append((error.code, store.height(), store.sequence()))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        while store.height() < LENGTH:
            work.up(store)
    (_, height, sequence), again = codes
    return again == ("store-disk-full", height, sequence) and 0 < height == sequence


def test_failed_disk_is_not_written_to_again(tmp_path, chain_file, monkeypatch):
    path, chain, _ = chain_file
    work = Work(path)
    with work.open(tmp_path) as store:
        work.up(store)

        def refuse():
            raise InputOutput(path="disk", reason="broken")

        with pytest.raises(InputOutput), store.writing():
            refuse()
        for action in (lambda: work.up(store), store.settle):
            with pytest.raises(InputOutput, match="until the store is opened again") as caught:
                action()
            assert caught.value.code == "store-io"
        assert store.height() == 1
        assert store.coins_hash()
    with ChainStore.open(tmp_path, chain.network) as store:
        assert store.height() == 1
