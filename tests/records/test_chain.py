"""The index of the chain: what is read back is what the blocks say, whichever way they came."""

from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chaindeck.ledger.codec import block_transactions
from chaindeck.ledger.types import Payment
from chaindeck.records.bulk import fetch, run
from chaindeck.records.errors import BlockDetached, CursorInvalid, OtherNetwork, OutputMissing
from chaindeck.records.selectors import addresses, chain, events
from chaindeck.records.services.chain import (
    chain_apply,
    chain_begin,
    chain_rewind,
    chain_tell_indexing,
)
from chaindeck.records.services.pieces import chain_reset
from tests.records.growing import NETWORK, OWNERS, PREFIX, Grower, address

pytestmark = pytest.mark.usefixtures("database")
TABLES = ("transactions", "outputs", "spends", "address_entries")


def there(value):
    assert value is not None
    return value


def begin(start_height=0):
    return chain_begin(
        network_id=NETWORK.id.hex(),
        genesis_hash=NETWORK.block.hash.hex(),
        address_prefix=PREFIX,
        start_height=start_height,
    )


def grown(rng, blocks=12, payments=4):
    begin()
    grower = Grower(rng)
    grower.grow(blocks, payments)
    chain_apply(blocks=grower.blocks)
    return grower


def dump():
    """Everything that the chain's tables say, addresses by their text."""
    names = dict(fetch("SELECT id, address FROM addresses"))
    blocks = fetch(
        "SELECT block_index, hash, previous_hash, fees, reward, amount, miner, lowest_per_kb,"
        " highest_per_kb FROM blocks WHERE is_on_chain = %s ORDER BY block_index",
        [True],
    )
    rows = [
        fetch("SELECT * FROM transactions WHERE id >= 0 ORDER BY id"),
        [
            (key, names.get(owner), *rest)
            for key, owner, *rest in fetch(
                "SELECT id, address_id, amount, spent_by, data FROM outputs ORDER BY id"
            )
        ],
        fetch("SELECT id, output_id, outpoint FROM spends ORDER BY id"),
        [
            (key, names[owner], *rest)
            for key, owner, *rest in fetch(
                "SELECT id, address_id, received, spent, total_received, total_spent, number"
                " FROM address_entries ORDER BY id"
            )
        ],
    ]
    return blocks, *rows


def naive_coins(grower):
    """What is there to spend, worked out with a dictionary."""
    coins: dict[tuple[bytes, int], Payment] = {}
    for new in grower.blocks:
        for number, transaction in enumerate(block_transactions(new.block)):
            for item in transaction.inputs if number else ():
                del coins[item.tx_id, item.output_index]
            for place, output in enumerate(transaction.outputs):
                if isinstance(output, Payment):
                    coins[transaction.id, place] = output
    return coins


def naive_balances(grower):
    sums: Counter[bytes] = Counter()
    for output in naive_coins(grower).values():
        sums[output.key_hash] += output.amount
    return sums


def test_balances_are_those_of_a_naive_replay(rng):
    grower = grown(rng)
    expected = naive_balances(grower)
    assert expected
    for owner, amount in expected.items():
        summary = there(addresses.address_summary(owner.hex()))
        assert summary["balance"] == amount


def test_blocks_one_by_one_and_all_at_once_make_the_same_tables(rng):
    grower = grown(rng)
    at_once = dump()
    chain_reset()
    begin()
    for new in grower.blocks:
        chain_apply(blocks=[new])
    assert dump() == at_once


def test_chain_that_went_back_and_forth_is_as_one_that_did_not(rng):
    begin()
    grower = Grower(rng)
    grower.grow(5)
    chain_apply(blocks=grower.blocks)
    for _ in range(12):
        height = rng.randrange(grower.height + 1)
        grower = grower.fork(height)
        new = grower.grow(rng.randrange(1, 6), rng.randrange(5))
        place = chain_apply(blocks=new, rewind_to=height)
        assert (place.height, place.hash) == (grower.height, grower.tip)
    wandered = dump()
    chain_reset()
    begin()
    chain_apply(blocks=grower.blocks)
    assert dump() == wandered


def test_block_that_was_taken_back_is_stale_and_may_come_again(rng):
    grower = grown(rng, blocks=3)
    last = grower.blocks[-1]
    chain_rewind(to_height=2)
    stale = there(chain.block_find(last.block.hash.hex()))
    assert not stale["is_on_chain"]
    assert stale["details"]["transactions"] == [tx.hex() for tx in last.block.index.txids]
    assert chain.block_find(3) is None
    chain_apply(blocks=[last])
    assert there(chain.block_find(3))["hash"] == last.block.hash.hex()


def test_block_says_between_which_fee_rates_its_payments_lie(rng):
    grower = grown(rng, blocks=2)
    chain_apply(blocks=grower.grow(payments=0))
    row = there(chain.block_find(2))
    payments = chain.block_transactions(height=2).rows[1:]
    rates = [1_000 * payment["fee"] // payment["size"] for payment in payments]
    assert (row["lowest_per_kb"], row["highest_per_kb"]) == (min(rates), max(rates))
    empty = there(chain.block_find(3))
    assert (empty["lowest_per_kb"], empty["highest_per_kb"]) == (None, None)


def test_payments_of_a_stale_block_wait_again_and_are_confirmed_again(rng):
    grower = grown(rng, blocks=3)
    ids = [tx.hex() for tx in grower.blocks[-1].block.index.txids]
    chain_rewind(to_height=2)
    assert chain.transaction_find(ids[0]) is None
    assert {row["id"] for row in chain.transactions_waiting()} == set(ids[1:])
    seen = events.events_bounds().last
    chain_apply(blocks=[grower.blocks[-1]])
    assert chain.transactions_waiting() == []
    told = events.events_after(since=seen, topics=["transaction"])
    assert {event.key for event in told} == set(ids[1:])
    assert {event.kind for event in told} == {"confirmed"}


def test_events_tell_of_a_reorganisation_in_order(rng):
    grower = grown(rng, blocks=4)
    seen = events.events_bounds().last
    other = grower.fork(2)
    new = other.grow(3)
    chain_apply(blocks=new, rewind_to=2, target_height=9)
    told = events.events_after(since=seen, topics=["block", "chain"])
    heights = [(event.kind, event.data.get("height")) for event in told]
    assert heights == [
        *(("disconnected", 4), ("disconnected", 3)),
        *(("connected", 3), ("connected", 4), ("connected", 5)),
        *(("reorganised", None), ("tip", 5)),
    ]
    assert told[5].data["disconnected"] == 2
    assert told[5].data["fork_height"] == 2
    assert told[6].data["behind"] == 4


def test_quiet_blocks_are_not_told_of(rng):
    begin()
    grower = Grower(rng)
    grower.grow(3)
    chain_apply(blocks=grower.blocks, is_told=False)
    assert events.events_after(since=0) == []
    chain_tell_indexing(height=3, target=10)
    (told,) = events.events_after(since=0)
    assert told.data == {"height": 3, "target": 10, "behind": 7}


@pytest.mark.parametrize("places", [[2], [0, 2], [1]])
def test_block_that_does_not_fit_changes_nothing(rng, places):
    begin()
    grower = Grower(rng)
    grower.grow(3)
    with pytest.raises(BlockDetached):
        chain_apply(blocks=[grower.blocks[place] for place in places])
    assert chain.chain_place().height == -1
    assert dump() == ([], [], [], [], [])
    assert events.events_bounds().last == 0


def test_block_that_spends_what_never_was_is_refused(rng):
    begin()
    grower = Grower(rng)
    grower.grow(2)
    chain_apply(blocks=grower.blocks[:2])
    run("DELETE FROM outputs")
    with pytest.raises(OutputMissing) as caught:
        chain_apply(blocks=grower.blocks[2:])
    assert caught.value.code == "records-output-missing"


def test_index_that_begins_above_genesis_names_unknown_coins_by_their_text(rng):
    grower = Grower(rng)
    grower.grow(6)
    begin(start_height=4)
    place = chain_apply(blocks=grower.blocks[4:])
    assert place.height == 6
    assert there(chain.block_find(4))["hash"] == grower.blocks[4].block.hash.hex()
    payment = list(block_transactions(grower.blocks[4].block))[1]
    details = chain.transaction_find(payment.id.hex())
    assert details.inputs[0]["tx_id"] == payment.inputs[0].tx_id.hex()
    chain_rewind(to_height=3)
    assert chain.chain_place().hash == ""


def test_another_network_is_refused_until_the_index_is_reset(rng):
    grown(rng, blocks=2)
    other = {"network_id": "ff" * 32, "genesis_hash": "ee" * 32, "address_prefix": "x"}
    with pytest.raises(OtherNetwork):
        chain_begin(**other)
    chain_reset()
    assert chain.chain_place() is None
    assert chain_begin(**other).height == -1


def test_transaction_has_its_inputs_and_outputs_with_owners_and_spenders(rng):
    grower = grown(rng)
    payment = list(block_transactions(grower.blocks[-2].block))[1]
    details = chain.transaction_find(payment.id.hex())
    assert details.row["status"] == "confirmed"
    assert details.row["from"] == details.inputs[0]["address"]
    assert [item["tx_id"] for item in details.inputs] == [
        item.tx_id.hex() for item in payment.inputs
    ]
    paid = [item for item in payment.outputs if isinstance(item, Payment)]
    assert [item["address"] for item in details.outputs[:2]] == [
        address(item.key_hash) for item in paid
    ]
    taken = sum(item["amount"] for item in details.inputs)
    assert details.row["fee"] == taken - sum(item.amount for item in paid)
    origin = chain.transaction_find(details.inputs[0]["tx_id"])
    spent = origin.outputs[details.inputs[0]["output_index"]]
    assert spent["spent_by"] == payment.id.hex()
    assert spent["spent_height"] == grower.height - 1


def test_pages_walk_all_blocks_and_all_transactions_once(rng):
    grower = grown(rng)

    def walk(ask):
        cursor, rows = None, []
        while True:
            page = ask(cursor)
            rows += page.rows
            cursor = page.cursor
            if cursor is None:
                return rows

    heights = [row["height"] for row in walk(lambda c: chain.blocks_page(cursor=c, limit=5))]
    assert heights == list(range(grower.height, -1, -1))
    found = [row["id"] for row in walk(lambda c: chain.transactions_page(cursor=c, limit=7))]
    ids = [tx.hex() for new in grower.blocks for tx in new.block.index.txids]
    assert found == ids[::-1]
    of_block = walk(lambda c: chain.block_transactions(height=3, cursor=c, limit=2))
    assert [row["id"] for row in of_block] == [
        tx.hex() for tx in grower.blocks[3].block.index.txids
    ]
    owner = OWNERS[0].hex()
    history = walk(lambda c: addresses.address_history(owner, cursor=c, limit=3))
    summary = there(addresses.address_summary(owner))
    assert len(history) == summary["tx_count"]
    assert history[0]["balance"] == summary["balance"]


def coins_by_pages(owner):
    rows, cursor = [], None
    while True:
        page = addresses.address_coins(owner.hex(), cursor=cursor, limit=3)
        rows += page.rows
        cursor = page.cursor
        if cursor is None:
            return rows


def test_coins_are_those_that_no_block_spends_also_after_a_reorganisation(rng):
    grower = grown(rng, blocks=20, payments=5)
    other = grower.fork(12)
    for chain_now in (grower, other):
        if chain_now is other:
            chain_apply(blocks=other.grow(9, 5), rewind_to=12)
        for owner in OWNERS:
            rows = coins_by_pages(owner)
            heights = [row["height"] for row in rows]
            assert heights == sorted(heights, reverse=True)
            found = {(row["tx_id"], row["output_index"]): row["amount"] for row in rows}
            assert len(found) == len(rows)
            assert found == {
                (tx_id.hex(), index): output.amount
                for (tx_id, index), output in naive_coins(chain_now).items()
                if output.key_hash == owner
            }


def test_balance_at_a_time_is_that_of_the_blocks_up_to_it(rng):
    grower = grown(rng)
    owner = OWNERS[2]
    for height in range(grower.height + 1):
        at = grower.blocks[height].block.header.time_ms
        expected = naive_balances(grower.fork(height))[owner]
        assert addresses.address_balance_at(owner.hex(), time_ms=at) == expected


@pytest.mark.parametrize("text", ["x", "1.2", "", "9" * 30, "1e3"])
def test_mark_that_no_page_gave_is_refused(text):
    with pytest.raises(CursorInvalid):
        chain.blocks_page(cursor=text)


def test_sixty_four_digits_are_told_apart(rng):
    grower = grown(rng, blocks=2)
    assert chain.find_kind(grower.tip) == "block"
    assert chain.find_kind(grower.blocks[1].block.index.txids[0].hex()) == "transaction"
    assert chain.find_kind("0" * 64) is None
    assert chain.find_kind("block") is None


READS = {
    "blocks": lambda: chain.blocks_page(limit=50),
    "block": lambda: chain.block_find(1),
    "its transactions": lambda: chain.block_transactions(height=1, limit=50),
    "transactions": lambda: chain.transactions_page(limit=50),
    "waiting": lambda: chain.transactions_waiting(limit=50),
    "address": lambda: addresses.address_summary(OWNERS[0].hex()),
    "history": lambda: addresses.address_history(OWNERS[0].hex(), limit=50),
    "coins": lambda: addresses.address_coins(OWNERS[0].hex(), limit=50),
    "balance": lambda: addresses.address_balance_at(OWNERS[0].hex(), time_ms=0),
}


@pytest.mark.parametrize("name", sorted(READS))
def test_a_read_takes_as_many_queries_for_many_rows_as_for_few(rng, name):
    grower = grown(rng, blocks=2, payments=1)
    with CaptureQueriesContext(connection) as few:
        READS[name]()
    chain_apply(blocks=grower.grow(20, 10))
    with CaptureQueriesContext(connection) as many:
        READS[name]()
    assert len(many) == len(few) <= 2


def test_a_write_takes_as_many_statements_for_many_rows_as_for_few(rng):
    grower = grown(rng, blocks=3, payments=1)
    with CaptureQueriesContext(connection) as few:
        chain_apply(blocks=grower.grow(1, 1))
    with CaptureQueriesContext(connection) as many:
        chain_apply(blocks=grower.grow(10, 20))
    assert len(many) == len(few)
