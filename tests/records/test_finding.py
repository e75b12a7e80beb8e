"""What pages ask beyond lists: beginnings, days, labels, and what waits."""

import pytest

from chaindeck.records.selectors.addresses import address_labels
from chaindeck.records.selectors.chain import transactions_page
from chaindeck.records.selectors.finding import (
    blocks_beginning,
    height_before,
    labels_containing,
    transactions_beginning,
)
from chaindeck.records.selectors.pool import pool_newest
from chaindeck.records.services.labels import MAX_LABEL_CHARACTERS, label_set
from chaindeck.records.services.pool import pool_tell
from tests.records.test_chain import grown

pytestmark = pytest.mark.usefixtures("database")


def test_beginning_of_a_hash_finds_what_begins_so(rng):
    grower = grown(rng)
    assert blocks_beginning(grower.tip[:10]) == [(grower.tip, 12)]
    tx_id = transactions_page().rows[0]["id"]
    assert transactions_beginning(tx_id[:10]) == [tx_id]
    assert blocks_beginning("f" * 64) == []


def test_height_before_a_moment_is_that_of_the_last_block_until_then(rng):
    grower = grown(rng)
    made = [new.block.header.time_ms for new in grower.blocks]
    assert height_before(made[5]) == 4
    assert height_before(made[5] + 1) == 5
    assert height_before(made[0]) is None


def test_label_is_kept_changed_and_taken_away():
    label_set(address="deck1a", label=" The till ", is_watched=True)
    assert address_labels(watched=True) == {"deck1a": "The till"}
    assert labels_containing("TILL") == [("deck1a", "The till")]
    label_set(address="deck1a", label="x" * MAX_LABEL_CHARACTERS, is_watched=False)
    assert address_labels(watched=False) == {"deck1a": "x" * MAX_LABEL_CHARACTERS}
    label_set(address="deck1a", label=" ", is_watched=False)
    assert address_labels() == {}


def test_newest_figures_of_what_waits_are_returned():
    assert pool_newest() is None
    pool_tell(data={"count": 1})
    pool_tell(data={"count": 2})
    newest = pool_newest()
    assert newest is not None
    assert newest["count"] == 2
