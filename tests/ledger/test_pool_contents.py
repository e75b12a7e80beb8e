"""What can be read from a pool: orders in pages, positions, fee levels, blocks to come."""

from __future__ import annotations

import pytest

from chaindeck.kernel import hash256
from chaindeck.ledger.codec import decode_transaction
from chaindeck.ledger.limits import (
    POOL_HISTOGRAM_PER_KB,
)
from chaindeck.ledger.pool import Pool
from chaindeck.ledger.pool_types import Position
from chaindeck.ledger.types import TxId
from tests.ledger.waiting import Waiting, ids

SIZE = 200


class TestReading:
    def setup_method(self) -> None:
        self.world = Waiting(max_block_bytes=1_000)
        self.pool = self.world.pool
        sizes = {300: 0, 200: 150, 250: 900}
        self.lone = [
            self.world.wait(self.world.payment(self.world.grant(), fee=fee, size=size))
            for size, fee in sizes.items()
        ]
        parent = self.world.wait(self.world.payment(self.world.grant(), fee=0, size=220))
        child = self.world.wait(self.world.payment(parent, fee=880, size=180))
        self.pair = [parent, child]

    @pytest.mark.parametrize("order", ["by_age", "by_size", "by_fee"])
    def test_pages_join_into_the_whole_while_transactions_come_and_go(self, order: str) -> None:
        read = getattr(self.pool, order)
        whole = list(read())
        assert len(whole) == 5
        for cut in range(5):
            assert [*whole[: cut + 1], *read(whole[cut][0])] == whole
        gone = whole[1][1]
        self.pool.remove([gone])
        self.pool.restore([gone])
        assert list(read()) == whole
        if gone.id not in ids(self.pair[0]):
            self.pool.remove([gone])
            assert list(read(whole[1][0])) == whole[2:]

    def test_coin_is_a_payment_of_what_waits_spent_or_not(self) -> None:
        parent, child = self.pair
        assert self.pool.coin(parent.outpoint(0)) == parent.outputs[0]
        assert self.pool.coin(child.outpoint(len(child.outputs))) is None
        assert self.pool.coin(self.world.grant()) is None

    @pytest.mark.parametrize("taken", [[0], [1], [2], [0, 1], [0, 2], [1, 2]])
    def test_order_by_fee_closes_where_payments_are_taken_from_it(self, taken: list[int]) -> None:
        """From its front, as a block does; from within; and from both at once."""
        waiting = [entry for _, entry in self.pool.by_fee()]
        lone = [entry for entry in waiting if entry.id not in ids(*self.pair)]
        gone = [lone[place] for place in taken]
        self.pool.remove(gone)
        assert [entry for _, entry in self.pool.by_fee()] == [
            entry for entry in waiting if entry not in gone
        ]

    def test_child_of_several_outputs_joins_their_makers_once(self) -> None:
        world = Waiting()
        twin = world.wait(world.payment(world.grant(), parts=2, size=SIZE))
        other = world.wait(world.payment(world.grant(), size=SIZE))
        halves = [twin.outpoint(0), twin.outpoint(1)]
        child = world.wait(world.payment(*halves, other, fee=900, size=3 * SIZE))
        assert [entry.id for entry in world.pool.ancestors([child.id])] == ids(twin, other, child)

    def test_orders_are_as_named(self) -> None:
        zero, cheap, dear = self.lone
        parent, child = self.pair

        def order(listing) -> list[TxId]:
            return [entry.id for _, entry in listing]

        assert order(self.pool.by_age()) == ids(zero, cheap, dear, parent, child)
        assert order(self.pool.by_size()) == ids(zero, dear, parent, cheap, child)
        assert order(self.pool.by_fee()) == ids(dear, parent, child, cheap, zero)
        late = self.world.wait(self.world.payment(self.world.grant(), size=260))
        assert order(self.pool.by_size())[1] == late.id

    def test_position_counts_the_bytes_that_go_first(self) -> None:
        zero, cheap, dear = self.lone
        parent, child = self.pair
        assert self.pool.position(dear.id) == Position(0, 1)
        assert self.pool.position(parent.id) == Position(250, 1)
        assert self.pool.position(child.id) == Position(470, 1)
        assert self.pool.position(cheap.id) == Position(650, 1)
        assert self.pool.position(zero.id) == Position(850, 2)
        assert self.pool.position(TxId(bytes(32))) is None

    def test_histogram_counts_everything_once_at_its_level(self) -> None:
        filled = {
            bucket.least_per_kb: (bucket.count, bucket.bytes)
            for bucket in self.pool.fee_histogram()
            if bucket.count
        }
        assert filled == {2_000: (3, 650), 500: (1, 200), 0: (1, 300)}
        assert [bucket.least_per_kb for bucket in self.pool.fee_histogram()] == list(
            POOL_HISTOGRAM_PER_KB
        )

    @pytest.mark.parametrize(("fee", "level"), [(199, 500), (200, 1_000), (0, 0), (1, 1)])
    def test_level_of_a_bucket_belongs_to_it(self, fee: int, level: int) -> None:
        world = Waiting()
        world.wait(world.payment(world.grant(), fee=fee, size=SIZE))
        (filled,) = [bucket for bucket in world.pool.fee_histogram() if bucket.count]
        assert filled.least_per_kb == level

    def test_projected_blocks_follow_the_order(self) -> None:
        blocks = self.pool.projected_blocks(700, 10, 9)
        assert [(block.count, block.bytes, block.fees) for block in blocks] == [
            (3, 650, 1_780),
            (2, 500, 150),
        ]
        assert (blocks[0].highest_per_kb, blocks[0].lowest_per_kb) == (3_600, 2_200)
        assert self.pool.projected_blocks(700, 10, 1) == blocks[:1]
        assert [block.count for block in self.pool.projected_blocks(9_999, 2, 9)] == [1, 2, 2]
        assert Waiting().pool.projected_blocks(700, 10, 3) == []

    def test_chunk_larger_than_a_block_is_projected_alone(self) -> None:
        assert [block.count for block in self.pool.projected_blocks(100, 10, 9)] == [1, 2, 1, 1]

    def test_equal_pools_have_equal_digests(self) -> None:
        world = Waiting()
        assert world.pool.digest() == hash256(b"")
        one, two = world.payment(world.grant()), world.payment(world.grant())
        world.wait(one, two)
        other = Pool(world.forge.network, world.forge.cache)
        other.accept([two, one], world.forge.coins, world.next_height, 5)
        assert world.pool.digest() == other.digest() != hash256(b"")

    def test_dump_is_read_back_by_the_ordinary_way(self) -> None:
        self.world.mine(self.lone[1])
        self.world.now_ms += 5
        self.world.unmine()
        dumped = list(self.pool.dump())
        assert [arrived - self.world.now_ms for _, arrived in dumped] == [0, -5, -5, -5, -5]
        other = Pool(self.world.forge.network, self.world.forge.cache)
        plan = other.prepare(
            [decode_transaction(raw) for raw, _ in dumped],
            self.world.forge.coins,
            self.world.next_height,
        )
        other.admit(plan, b"", b"", 0, arrived_ms=[arrived for _, arrived in dumped])
        assert list(other.dump()) == dumped
        assert other.digest() == self.pool.digest()
