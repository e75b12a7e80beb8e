"""A follower that is killed at any moment leaves records of one moment, told exactly once."""

import os
import subprocess
import sys
import time

import pytest

from chaindeck.records.bulk import fetch
from chaindeck.records.databases import describe_database
from chaindeck.records.selectors import chain, events
from tests.coordinator.following.watching import check_equal, check_journal
from tests.functional.processes import node
from tests.ledger.forge import ALICE, BOB, address
from tests.meta.tree import ROOT
from tests.records.databases import using

KILLS = 50 if os.environ.get("CHAINDECK_TEST_PROFILE") == "prove" else 12
DISTURBED = 5
"""Blocks come three at a time, and those of the kill before may be left: fewer in all than the
follower would catch up with in silence, however slow it is."""

LARGE_BLOCKS = 25 if os.environ.get("CHAINDECK_TEST_PROFILE") == "prove" else 4
WAIT_S = 30


class Worker:
    """The follower as a process of its own."""

    def __init__(self, home, database_url, *urls, piece=0):
        home.mkdir(parents=True, exist_ok=True)
        self.log = home.parent / "worker.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.coordinator.following.worker"),
                    *(str(home), str(piece), *urls),
                ],
                cwd=ROOT,
                stderr=log,
                env={**os.environ, "DATABASE_URL": database_url},
            )

    def kill(self):
        assert self.process.poll() is None, self.log.read_text()
        self.process.kill()
        self.process.wait(WAIT_S)


def disturb(running, rng):
    """Let the chain grow, and at times go another way."""
    if rng.random() < 0.3:
        running.post("/api/dev/faucet", {"address": address(ALICE), "amount": 1})
    height = running.get("/api/status")["height"]
    if height > 3 and rng.random() < 0.4:
        bad = running.get(f"/api/block/{height - rng.randrange(3)}")["hash"]
        running.post("/api/admin/invalidate", {"hash": bad})
    to = address(rng.choice([ALICE, BOB]))
    running.post("/api/mine", {"blocks": rng.randrange(1, 4), "address": to})


def disturb_for(running, rng, seconds):
    end = time.monotonic() + seconds
    for _ in range(DISTURBED):
        if time.monotonic() >= end:
            return
        disturb(running, rng)


def wait_until_equal(worker, running):
    deadline = time.monotonic() + WAIT_S
    while True:
        place = chain.chain_place()
        if place is not None and place.hash == running.get("/api/status")["tip"]:
            return
        assert worker.process.poll() is None, worker.log.read_text()
        assert time.monotonic() < deadline, worker.log.read_text()
        time.sleep(0.02)


def test_killed_follower_loses_nothing_and_tells_nothing_twice(tmp_path, rng, database_url):
    home = tmp_path / "home"
    described = describe_database(home, {"DATABASE_URL": database_url})
    with node(tmp_path / "a") as running, using(described):
        for _ in range(KILLS):
            seen = events.events_bounds().last
            worker = Worker(home, database_url, running.url)
            deadline = time.monotonic() + WAIT_S
            for _ in range(DISTURBED):
                disturb(running, rng)
            while events.events_bounds().last == seen:
                assert time.monotonic() < deadline, worker.log.read_text()
                time.sleep(0.01)
            disturb_for(running, rng, rng.uniform(0, 0.4))
            worker.kill()
            check_journal()
        worker = Worker(home, database_url, running.url)
        wait_until_equal(worker, running)
        worker.kill()
        check_equal(running)
        check_journal()


PIECE = 2
"""Transactions of one write: a block of sixty is then written in thirty."""


def test_follower_killed_within_a_large_block_leaves_nothing_of_it_to_be_seen(
    tmp_path, rng, database_url
):
    home = tmp_path / "home"
    described = describe_database(home, {"DATABASE_URL": database_url})
    with node(tmp_path / "a") as running, using(described):
        for number in range(LARGE_BLOCKS):
            mine_large(running, rng, is_instead=number % 2 == 1)
            before = staged()
            worker = Worker(home, database_url, running.url, piece=PIECE)
            wait_until_staged(worker, running, before)
            worker.kill()
            check_unseen()
            check_journal()
        worker = Worker(home, database_url, running.url, piece=PIECE)
        wait_until_equal(worker, running)
        worker.kill()
        check_equal(running)
        check_journal()
        assert fetch("SELECT COUNT(*) FROM transactions WHERE status <> 'confirmed'") == [(0,)]


def mine_large(running, rng, *, is_instead):
    """Mine a block of sixty payments, or one with the same payments instead of the last."""
    if is_instead:
        tip = running.get("/api/status")["tip"]
        running.post("/api/admin/invalidate", {"hash": tip})
    for _ in range(0 if is_instead else 60):
        to = address(rng.choice([ALICE, BOB]))
        running.post("/api/dev/faucet", {"address": to, "amount": rng.randrange(1, 1_000)})
    owner = BOB if is_instead else ALICE
    running.post("/api/mine", {"blocks": 1, "address": address(owner)})


def staged():
    """Return which block is half written."""
    return "".join(found for (found,) in fetch("SELECT staged_hash FROM follower_cursors"))


def wait_until_staged(worker, running, before):
    """Wait until another block is half written, or, where that was missed, until it is there."""
    deadline = time.monotonic() + WAIT_S
    while staged() in ("", before):
        place = chain.chain_place()
        if place is not None and place.hash == running.get("/api/status")["tip"]:
            return
        assert worker.process.poll() is None, worker.log.read_text()
        assert time.monotonic() < deadline, worker.log.read_text()


def check_unseen():
    """The newest transaction that can be seen is of the tip's block, which is whole."""
    height = chain.chain_place().height
    assert chain.block_find(height + 1) is None
    assert chain.block_transactions(height=height + 1).rows == []
    assert chain.transactions_page(limit=1).rows[0]["height"] == height
    listed = chain.block_transactions(height=height, limit=100).rows
    found = chain.block_find(height)
    assert found is not None
    assert len(listed) == found["tx_count"]


@pytest.mark.usefixtures("database")
def test_comparison_notices_records_that_are_not_the_chain_of_the_node(tmp_path):
    with node(tmp_path / "a") as running:
        running.post("/api/mine", {"blocks": 1})
        with pytest.raises(AssertionError):
            check_equal(running)
