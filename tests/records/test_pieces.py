"""The chain put on, taken back and forgotten in pieces: nobody sees half of anything.

Between any two pieces a process may be killed, so each test looks at what is there then.
"""

import itertools

import pytest
from django.core.management import call_command

from chaindeck.records.bulk import fetch
from chaindeck.records.errors import BlockDetached, OutputMissing
from chaindeck.records.models import FollowerCursor
from chaindeck.records.selectors import addresses, chain, events
from chaindeck.records.selectors.finding import transactions_beginning
from chaindeck.records.services import pieces
from chaindeck.records.services.chain import chain_apply, chain_begin, chain_rewind
from chaindeck.records.services.pieces import (
    chain_forget,
    chain_reset,
    chain_stage,
    chain_sweep,
    chain_take_back,
)
from chaindeck.records.services.pool import Waiting, pool_add, pool_drop
from tests.records.growing import NETWORK, OWNERS
from tests.records.test_chain import begin, dump, grown, there

pytestmark = pytest.mark.usefixtures("database")
PAYMENTS = 40


def seen(ids=()):
    """All that somebody who reads can see of the chain, and of some transactions."""
    return (
        chain.chain_place(),
        chain.blocks_page(limit=50).rows,
        chain.transactions_page(limit=200).rows,
        [chain.block_transactions(height=height).rows for height in range(20)],
        [addresses.address_summary(owner.hex()) for owner in OWNERS],
        [addresses.address_history(owner.hex(), limit=200).rows for owner in OWNERS],
        [addresses.address_balance_at(owner.hex(), time_ms=1 << 40) for owner in OWNERS],
        [chain.transaction_find(row["id"]) for row in chain.transactions_page(limit=200).rows],
        [chain.find_kind(tx_id) for tx_id in ids],
        [transactions_beginning(tx_id[:12]) for tx_id in ids],
        [chain.transaction_find(tx_id) for tx_id in ids],
    )


def ids_of(new):
    return [tx_id.hex() for tx_id in new.block.index.txids]


def staged(new, limit):
    while chain_stage(new=new, limit=limit):
        yield


@pytest.mark.parametrize("limit", [7, 40, 41, 100])
def test_block_that_is_written_in_pieces_is_there_at_once(rng, limit):
    grower = grown(rng, blocks=4)
    (new,) = grower.grow(1, PAYMENTS)
    before, told = seen(ids_of(new)), events.events_bounds().last
    for _ in staged(new, limit):
        assert seen(ids_of(new)) == before
    assert seen(ids_of(new)) == before
    assert events.events_bounds().last == told
    place = chain_apply(blocks=[new])
    assert (place.height, place.hash) == (grower.height, grower.tip)
    in_pieces = dump()
    chain_rewind(to_height=grower.height - 1)
    chain_apply(blocks=[new])
    assert dump() == in_pieces


def test_payment_of_a_staged_block_waits_until_the_block_is_put_on(rng):
    grower = grown(rng, blocks=4)
    (new,) = grower.grow(1, PAYMENTS)
    waited = ids_of(new)[5]
    pool_add(transactions=[Waiting(waited, ("00" * 32, 0), [], 1, 100, 1, 1)])
    for _ in staged(new, 8):
        pass
    found = there(chain.transaction_find(waited))
    assert (found.row["status"], found.row["height"], found.row["number"]) == (
        "pending",
        None,
        None,
    )
    assert (found.inputs, found.outputs) == ([], [])
    # A node that says now that it is gone speaks of what was before the block.
    assert pool_drop(reasons={waited: "late"}) == 0
    mark = events.events_bounds().last
    chain_apply(blocks=[new])
    assert there(chain.transaction_find(waited)).row["status"] == "confirmed"
    told = events.events_after(since=mark)
    assert [(event.topic, event.kind) for event in told] == [
        ("block", "connected"),
        ("transaction", "confirmed"),
        ("chain", "tip"),
    ]
    assert told[1].data["height"] == grower.height
    assert fetch("SELECT COUNT(*) FROM transactions WHERE status <> 'confirmed'") == [(0,)]


def test_block_that_was_staged_gives_way_to_another(rng):
    grower = grown(rng, blocks=4)
    other = grower.fork(4)
    (new,) = grower.grow(1, PAYMENTS)
    (instead,) = other.grow(1, PAYMENTS)
    for count, _ in enumerate(staged(new, 8), start=1):
        if count == 3:
            break
    before = seen(ids_of(instead))
    for _ in staged(instead, 8):
        assert seen(ids_of(instead))[:8] == before[:8]
    chain_apply(blocks=[instead])
    in_pieces = dump()
    chain_reset()
    begin()
    chain_apply(blocks=other.blocks)
    assert dump() == in_pieces


def test_block_that_was_staged_in_part_is_put_on_whole_by_who_knows_nothing_of_it(rng):
    grower = grown(rng, blocks=4)
    first, second = grower.grow(2, PAYMENTS)
    next(staged(first, 8))
    assert not chain_sweep(keep=first.block.hash.hex())
    assert chain_sweep(limit=3)
    chain_apply(blocks=[first, second])
    assert chain.chain_place().hash == grower.tip


def test_block_that_cannot_be_staged_changes_nothing(rng):
    grower = grown(rng, blocks=4)
    _, detached = grower.grow(2, 2)
    before = seen()
    with pytest.raises(BlockDetached):
        chain_stage(new=detached, limit=5)
    chain_begin_partial = grower.fork(4)
    chain_begin_partial.coins[-1] = [(b"\7" * 32, 0, 5_000, OWNERS[0])]
    (missing,) = chain_begin_partial.grow(1, 1)
    with pytest.raises(OutputMissing):
        chain_stage(new=missing, limit=5)
    assert seen() == before


def test_many_blocks_are_taken_back_some_at_a_time_and_told_of_once(rng):
    grower = grown(rng, blocks=130, payments=2)
    (large,) = grower.grow(1, PAYMENTS)
    chain_apply(blocks=[large])
    mark = events.events_bounds().last
    heights = []
    while chain_take_back(to_height=3, limit=60, target_height=9):
        heights.append(chain.chain_place().height)
        assert chain.blocks_page(limit=1).rows[0]["height"] == heights[-1]
        assert chain.transactions_page(limit=1).rows[0]["height"] == heights[-1]
    assert heights[0] == 124
    assert all(before - after <= 50 for before, after in itertools.pairwise(heights))
    before = seen()
    while chain_sweep(limit=25):
        assert seen() == before
    other = grower.fork(3)
    chain_apply(blocks=other.grow(2, 1), rewind_to=3)
    told = events.events_after(since=mark, topics=["block", "chain"])
    gone = [event.data["height"] for event in told if event.kind == "disconnected"]
    assert gone == list(range(131, 3, -1))
    (reorganised,) = [event.data for event in told if event.kind == "reorganised"]
    assert reorganised["from"] == {"height": 131, "hash": grower.tip}
    assert (reorganised["fork_height"], reorganised["disconnected"]) == (3, 128)
    assert told[-1].data["height"] == 5
    in_pieces = dump()
    chain_reset()
    begin()
    chain_apply(blocks=other.blocks)
    assert dump() == in_pieces


def test_few_blocks_are_left_for_one_write(rng):
    grown(rng, blocks=12, payments=4)
    assert not chain_take_back(to_height=11, limit=4 + 1)
    assert chain_take_back(to_height=11, limit=4)
    assert chain.chain_place().height == 11
    assert not chain_take_back(to_height=11, limit=0)
    chain_apply(blocks=[], rewind_to=11)
    (told,) = events.events_after(since=0, topics=["chain"])[-2:-1]
    assert (told.kind, told.data["disconnected"], told.data["connected"]) == ("reorganised", 1, 0)


def test_payments_of_blocks_that_were_taken_back_in_pieces_wait_again_in_their_order(rng):
    grower = grown(rng, blocks=6, payments=4)
    ids = [tx_id for new in grower.blocks[3:] for tx_id in ids_of(new)[1:]]
    while chain_take_back(to_height=2, limit=4):
        pass
    while chain_sweep(limit=3):
        pass
    chain_apply(blocks=[], rewind_to=2)
    assert [row["id"] for row in chain.transactions_waiting(limit=50)] == ids[::-1]


def test_any_order_of_pieces_leaves_the_chain_that_was_put_on_last(rng):
    """As if killed at random: whoever comes next goes on from what is there."""
    grower = grown(rng, blocks=8, payments=6)
    for _ in range(25):
        height = rng.randrange(max(0, grower.height - 4), grower.height + 1)
        other = grower.fork(height)
        new = other.grow(rng.randrange(1, 3), rng.randrange(12))
        for _ in range(rng.randrange(4)):
            chain_take_back(to_height=height, limit=rng.randrange(8))
        for _ in range(rng.randrange(4)):
            chain_sweep(limit=5, keep=rng.choice(["", new[0].block.hash.hex()]))
        if chain.chain_place().height == height:
            for _ in range(rng.randrange(5)):
                chain_stage(new=new[0], limit=3)
            while rng.random() < 0.5 and chain_stage(new=new[0], limit=3):
                pass
            while is_staged_in_part(new[0]) and chain_stage(new=new[0], limit=3):
                pass
            chain_apply(blocks=new[:1], rewind_to=height)
            chain_apply(blocks=new[1:], rewind_to=height + 1)
        else:
            chain_apply(blocks=new, rewind_to=height)
        grower = other
        assert chain.chain_place().hash == grower.tip
    wandered = dump()
    chain_reset()
    begin()
    chain_apply(blocks=grower.blocks)
    assert dump() == wandered


def is_staged_in_part(new):
    return fetch("SELECT staged_hash FROM follower_cursors") == [(new.block.hash.hex(),)]


def test_command_forgets_the_index_and_says_what_comes_next(rng, capsys):
    grown(rng, blocks=3)
    call_command("reset_index")
    assert chain.chain_place() is None
    assert "reads the chain again" in capsys.readouterr().out


def test_index_is_forgotten_piece_by_piece_and_never_half_a_block(rng, monkeypatch):
    monkeypatch.setattr(pieces, "MAX_FORGOTTEN_BLOCKS", 3)
    grower = grown(rng, blocks=9, payments=3)
    chain_rewind(to_height=8)
    assert not chain_forget()
    FollowerCursor.objects.update(is_forgotten=True)
    with pytest.raises(BlockDetached):
        chain_apply(blocks=grower.blocks[9:])
    heights = []
    while chain_forget(limit=10):
        place = there(chain.chain_place())
        assert place.is_forgotten
        heights.append(place.height)
        rows = chain.transactions_page(limit=1).rows
        assert [row["height"] for row in rows] == ([place.height] if place.height >= 0 else [])
    assert heights == sorted(heights, reverse=True)
    assert chain.chain_place() is None
    for table in ("blocks", "transactions", "outputs", "spends", "address_entries", "addresses"):
        assert fetch(f"SELECT COUNT(*) FROM {table}") == [(0,)], table
    assert events.events_after(since=0)[-1].data["is_reset"]
    other = {"network_id": "ff" * 32, "genesis_hash": "ee" * 32, "address_prefix": "x"}
    assert chain_begin(**other).network_id != NETWORK.id.hex()
