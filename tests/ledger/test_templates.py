"""What the next block takes: the best that fits, never more than a block may hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.ledger import templates
from chaindeck.ledger.codec import build_block
from chaindeck.ledger.coins import Coin, encode_coin
from chaindeck.ledger.limits import MAX_AMOUNT, MAX_COINBASE_BYTES, MAX_DATA_BYTES
from chaindeck.ledger.templates import (
    RESERVED_BYTES,
    Template,
    build_body,
    build_coinbase,
    build_template,
)
from chaindeck.ledger.types import Amount, BlockHash, Data, Height, Payment, Transaction, TxId
from tests.ledger.forge import ALICE
from tests.ledger.naive_pool import NaivePool
from tests.ledger.waiting import Waiting, ids

SIZE = 200


def template_of(world: Waiting, **limits: int) -> Template:
    return build_template(world.pool, world.forge.network, world.next_height, **limits)


def members_of(template: Template) -> list[TxId]:
    return [member.id for member in template.members]


def fill(world: Waiting, *fees: int, size: int = SIZE) -> list[Transaction]:
    return [world.wait(world.payment(world.grant(), fee=fee, size=size)) for fee in fees]


class TestChoice:
    def test_empty_pool_gives_an_empty_block_that_pays_the_subsidy(self) -> None:
        world = Waiting(subsidy=77)
        template = template_of(world)
        assert template == Template(Height(1), Amount(77), [], Amount(0), RESERVED_BYTES, 0)
        world.mine_template(template)

    def test_best_come_first_and_totals_are_right(self) -> None:
        world = Waiting()
        cheap, dear, middle = fill(world, 10, 900, 100)
        template = template_of(world)
        assert members_of(template) == ids(dear, middle, cheap)
        assert (template.fees, template.signature_count) == (1_010, 3)
        assert template.size == RESERVED_BYTES + 3 * SIZE

    def test_parent_comes_before_the_child_that_pays_for_it(self) -> None:
        world = Waiting()
        (lone,) = fill(world, 100)
        parent = world.wait(world.payment(world.grant(), size=SIZE))
        child = world.wait(world.payment(parent, fee=900, size=SIZE))
        template = template_of(world)
        assert members_of(template) == ids(parent, child, lone)
        world.mine_template(template)
        assert len(world.pool) == 0

    @pytest.mark.parametrize(("room", "count"), [(3 * SIZE, 3), (3 * SIZE - 1, 2)])
    def test_bytes_are_used_to_the_last(self, monkeypatch, room: int, count: int) -> None:
        monkeypatch.setattr(templates, "TEMPLATE_CLOSE_BYTES", 0)
        world = Waiting()
        fill(world, 10, 20, 30)
        template = template_of(world, max_bytes=RESERVED_BYTES + room)
        assert len(template.members) == count

    def test_network_limit_holds_whatever_is_asked_for(self) -> None:
        world = Waiting(max_block_bytes=1_000, max_block_signatures=1)
        fill(world, 10, 20)
        template = template_of(world, max_bytes=10**9, max_signatures=10**9)
        assert len(template.members) == 1
        world.mine_template(template)

    @pytest.mark.parametrize("limit", [0, 1, 2])
    def test_signatures_are_counted(self, limit: int) -> None:
        world = Waiting()
        fill(world, 10, 20, 30)
        template = template_of(world, max_signatures=limit)
        assert len(template.members) == template.signature_count == limit

    def test_chunk_that_does_not_fit_keeps_out_the_rest_of_its_cluster_alone(self) -> None:
        world = Waiting()
        large = world.wait(world.payment(world.grant(), fee=9_000, size=3_000))
        world.wait(world.payment(large, fee=500, size=SIZE))
        (small,) = fill(world, 100)
        template = template_of(world, max_bytes=2_500)
        assert members_of(template) == ids(small)
        world.mine_template(template)

    def test_fees_stay_within_the_range_of_amounts(self) -> None:
        world = Waiting(subsidy=100)
        whale = world.grant(MAX_AMOUNT)
        best = world.wait(world.spend([whale], 1))
        fill(world, 900)
        template = template_of(world)
        assert members_of(template) == ids(best)
        (payment,) = build_coinbase(template, ALICE.key_hash, 0).outputs
        assert payment == Payment(ALICE.key_hash, Amount(MAX_AMOUNT))

    def test_search_ends_when_the_block_is_as_good_as_full(self, monkeypatch) -> None:
        monkeypatch.setattr(templates, "TEMPLATE_CLOSE_BYTES", SIZE + 1)
        world = Waiting()
        fill(world, 900, 900, 900)
        tight = RESERVED_BYTES + 3 * SIZE
        assert len(template_of(world, max_bytes=tight).members) == 2
        assert len(template_of(world, max_bytes=tight + 1).members) == 3

    @pytest.mark.parametrize(("misses", "count"), [(2, 0), (3, 1)])
    def test_search_ends_after_many_misses(self, monkeypatch, misses: int, count: int) -> None:
        monkeypatch.setattr(templates, "TEMPLATE_MAX_MISSES", misses)
        world = Waiting()
        fill(world, 90_000, 90_000, size=3_000)
        fill(world, 1)
        assert len(template_of(world, max_bytes=2_500).members) == count

    @given(
        drafts=st.lists(
            st.tuples(st.integers(0, 900), st.sampled_from([200, 300, 450]), st.integers(0, 9)),
            min_size=1,
            max_size=9,
        ),
        room=st.integers(200, 3_000),
    )
    def test_pays_no_less_than_plain_greedy_but_for_one_chunk(self, drafts, room: int) -> None:
        """Plain greedy takes the best transaction with its ancestors while they fit.

        Blocks are knapsacks, so each may fill its last gap more luckily than the other; up to the
        bytes of the largest chunk, chunks collect at least as much.
        """
        world = Waiting()
        naive = NaivePool(world.pool.limits, 3)
        made: list[Transaction] = []
        for fee, size, parent in drafts:
            lone = parent >= len(made) or world.pool.spender(made[parent].outpoint(0)) is not None
            source = world.grant() if lone else made[parent]
            made.append(world.wait(world.payment(source, fee=fee, size=size)))
            naive.accept(made[-1], world.forge.coins, world.next_height, 0, 0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(templates, "TEMPLATE_CLOSE_BYTES", 0)
            template = template_of(world, max_bytes=RESERVED_BYTES + room)
        largest = max(chunk.size for chunk in world.pool.chunks())
        assert template.fees >= plain_greedy_fees(naive, room - largest)
        world.mine_template(template)


def plain_greedy_fees(naive: NaivePool, room: int) -> int:
    """The fees of the best transactions with their ancestors, until one does not fit."""
    queues = [naive.take_best(cluster) for cluster in naive.clusters()]
    fees = 0
    while queues:
        queue = max(queues, key=lambda queue: naive.rate(queue[0]))
        group = queue.pop(0)
        room -= sum(naive.waiting[tx_id].size for tx_id in group)
        if room < 0:
            break
        fees += sum(naive.waiting[tx_id].fee for tx_id in group)
        queues = [queue for queue in queues if queue]
    return fees


class TestBody:
    def test_header_commits_to_coinbase_and_members(self) -> None:
        world = Waiting(subsidy=50)
        fill(world, 7, 8)
        template = template_of(world)
        body = build_body(
            template,
            ALICE.key_hash,
            previous=BlockHash(bytes(32)),
            time_ms=5_000,
            target_bits=0x207FFFFF,
            data=b"extra",
        )
        assert body.coinbase.outputs == (Payment(ALICE.key_hash, Amount(65)), Data(b"extra"))
        assert (body.coinbase.timestamp, body.header.time_ms) == (5, 5_000)
        assert (body.header.height, body.header.tx_count) == (1, 3)
        transactions = [body.coinbase, *[member.transaction for member in template.members]]
        block = build_block(body.header, b"", transactions)
        assert block.raw == body.header.raw + b"\0" + body.raw

    def test_largest_coinbase_fits_its_reserve(self) -> None:
        template = Template(Height(2**32 - 1), Amount(MAX_AMOUNT), [], Amount(MAX_AMOUNT), 0, 0)
        coinbase = build_coinbase(template, ALICE.key_hash, 2**63, bytes(MAX_DATA_BYTES))
        assert coinbase.size == MAX_COINBASE_BYTES - 2

    def test_coinbase_without_anything_to_pay_still_has_an_output(self) -> None:
        world = Waiting(subsidy=0)
        fill(world, 0)
        template = template_of(world)
        assert build_coinbase(template, ALICE.key_hash, 0).outputs == (Data(ALICE.key_hash),)
        world.mine_template(template)

    def test_reward_of_the_template_can_be_spent_when_it_is_ripe(self) -> None:
        world = Waiting(subsidy=9, maturity=1)
        world.mine_template(template_of(world))
        ((outpoint, coin),) = world.forge.owned(ALICE)[2:]
        assert coin == Coin(ALICE.key_hash, Amount(9), Height(1), is_reward=True)
        assert world.forge.coins.held[outpoint] == encode_coin(coin)
        world.wait(world.payment(outpoint))
