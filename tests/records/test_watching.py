"""Whoever watches an address reads in the log what blocks do to it."""

from __future__ import annotations

import pytest

from chaindeck.records.selectors.activity import activity_page
from chaindeck.records.selectors.addresses import address_history
from chaindeck.records.services import watching
from chaindeck.records.services.chain import chain_apply
from chaindeck.records.services.labels import label_set
from tests.records.growing import OWNERS, address
from tests.records.test_chain import grown

pytestmark = pytest.mark.usefixtures("database")
COIN = 10**8


def lines() -> list[str]:
    rows = activity_page(limit=100).rows
    return [row["description"] for row in reversed(rows) if row["action"] == "address-moved"]


def moves(owner, above: int) -> dict[int, int]:
    """What each block above a height did to an owner, from its history."""
    sums: dict[int, int] = {}
    for row in address_history(owner.hex(), limit=1_000).rows:
        if row["height"] > above:
            change = row["received"] - row["spent"]
            sums[row["height"]] = sums.get(row["height"], 0) + change
    return dict(sorted(sums.items()))


def test_each_block_that_moves_a_watched_address_is_a_line_of_the_log(rng):
    grower = grown(rng)
    label_set(address=address(OWNERS[0]), label="The till", is_watched=True)
    label_set(address=address(OWNERS[1]), label="", is_watched=True)
    label_set(address=address(OWNERS[2]), label="not watched", is_watched=False)
    before = grower.height
    chain_apply(blocks=grower.grow(6, 5))
    expected = []
    for owner, name in ((OWNERS[0], "The till"), (OWNERS[1], address(OWNERS[1]))):
        for height, change in moves(owner, before).items():
            verb = "received" if change >= 0 else "paid"
            amount = f"{abs(change) / COIN:.8f}".rstrip("0").rstrip(".")
            expected.append(f"{name} {verb} {amount} coins in block {height}")
    assert len(expected) > 4
    assert sorted(lines()) == sorted(expected)


def test_blocks_of_a_catching_up_write_no_lines(rng):
    grower = grown(rng)
    label_set(address=address(OWNERS[0]), label="The till", is_watched=True)
    chain_apply(blocks=grower.grow(6, 5), is_told=False)
    assert lines() == []


def test_lines_of_one_change_are_bounded_and_an_address_of_another_network_is_passed_over(
    rng, monkeypatch
):
    monkeypatch.setattr(watching, "MAX_WATCH_LINES", 2)
    grower = grown(rng)
    label_set(address="deck1another", label="elsewhere", is_watched=True)
    for owner in OWNERS:
        label_set(address=address(owner), label="", is_watched=True)
    chain_apply(blocks=grower.grow(6, 5))
    assert len(lines()) == 2
