"""A chain goes back to what it was, and remembers nothing of what came since."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chaindeck.ledger import errors, state
from chaindeck.ledger.checkpoints import sign_checkpoint
from chaindeck.ledger.coins import coins_hash_of
from chaindeck.ledger.rewinding import KeptPayments, rewind, start_over
from chaindeck.ledger.state import Reorganised, run_here
from chaindeck.ledger.types import Block, BlockHash, Transaction
from tests.ledger.forge import ALICE, BOB, address, dev_network, pay, spend
from tests.ledger.keeping import DiskRefusedError, Standing


class Past:
    """How a standing was when this was made."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self.tip = standing.state.tip.header.hash
        self._arrival = standing.state.tree.last_arrival
        self.kept: KeptPayments = list(standing.state.pool.dump())
        self.coins = coins_hash_of(standing.keeper.held)

    def return_to(self, tip: BlockHash | None = None) -> None:
        standing = self._standing
        tip = self.tip if tip is None else tip
        run_here(rewind(standing.state, tip, self._arrival, self.kept, standing.now_ms))


def payment(standing: Standing, coin: int = 0, amount: int = 1) -> Transaction:
    coins = standing.forge.owned(ALICE)[coin : coin + 1]
    return spend(standing.network.id, coins, [pay(BOB.key_hash, amount)], ALICE)


def tips(standing: Standing) -> set[BlockHash]:
    tree = standing.state.tree
    return {tip.entry.header.hash for tip in tree.tips(standing.state.tip.header.hash)}


def submit_all(standing: Standing, blocks: Sequence[Block]) -> list[Block]:
    for block in blocks:
        assert standing.submit(block)
    return list(blocks)


def expect_forgotten(standing: Standing, blocks: Sequence[Block]) -> None:
    for block in blocks:
        assert standing.state.tree.find(block.hash) is None
        assert block.hash not in standing.keeper.bodies
        assert block.hash not in standing.keeper.marks
        with pytest.raises(errors.UnknownBlock):
            run_here(standing.state.reconsider(block.hash, standing.now_ms))


class TestRewinding:
    def test_chain_and_pool_are_as_they_were(self) -> None:
        standing = Standing()
        standing.grow()
        standing.offer(payment(standing, amount=5))
        past = Past(standing)
        standing.grow(payment(standing, amount=6))
        standing.grow()
        standing.offer(payment(standing, coin=0, amount=7))
        past.return_to()
        assert standing.state.tip.header.hash == past.tip
        assert coins_hash_of(standing.keeper.held) == past.coins
        assert list(standing.state.pool.dump()) == past.kept

    def test_other_branches_do_not_take_over(self) -> None:
        standing = Standing()
        start = standing.forge.tip
        standing.grow()
        past = Past(standing)
        standing.grow()
        submit_all(standing, standing.branch(2, start))
        past.return_to()
        assert standing.state.tip.header.hash == past.tip

    def test_unknown_block_is_refused(self) -> None:
        with pytest.raises(errors.UnknownBlock):
            Past(Standing()).return_to(BlockHash(bytes(32)))

    def test_what_came_after_is_forgotten_and_may_come_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(state, "REWIND_BLOCKS", 2)
        standing = Standing()
        standing.grow()
        past = Past(standing)
        later = [standing.grow() for _ in range(5)]
        beside = standing.branch(2, standing.state.tree.entry(later[1].hash))
        submit_all(standing, beside)
        (promised,) = standing.branch(1, standing.state.tip, 2)
        standing.state.add_header(promised.header, b"", standing.now_ms)
        standing.state.take_events()
        past.return_to()
        assert tips(standing) == {past.tip}
        expect_forgotten(standing, [*later, *beside, promised])
        *_, told = standing.state.take_events()
        assert isinstance(told, Reorganised)
        assert (told.new_tip, told.disconnected, told.fork_height) == (past.tip, 5, 1)
        submit_all(standing, later)
        assert standing.state.tip.header.hash == later[-1].hash

    def test_what_was_known_before_stays_known(self) -> None:
        standing = Standing()
        start = standing.forge.tip
        standing.grow()
        standing.grow()
        old = submit_all(standing, standing.branch(1, start))
        past, known = Past(standing), tips(standing)
        new = submit_all(standing, standing.branch(1, standing.state.tree.entry(old[0].hash)))
        standing.grow()
        past.return_to()
        assert tips(standing) == known
        expect_forgotten(standing, new)
        assert not standing.submit(old[0])

    def test_going_back_twice_and_from_the_same_place_is_possible(self) -> None:
        standing = Standing()
        standing.grow()
        past = Past(standing)
        past.return_to()
        submit_all(standing, standing.branch(2, standing.state.tip))
        past.return_to()
        assert tips(standing) == {past.tip}
        assert coins_hash_of(standing.keeper.held) == past.coins

    def test_block_is_gone_back_to_though_it_lost_or_was_given_up(self) -> None:
        standing = Standing()
        start = standing.forge.tip
        first, _ = standing.grow(), standing.grow()
        past = Past(standing)
        run_here(standing.state.invalidate(first.hash, standing.now_ms))
        assert standing.state.tip == start
        past.return_to()
        assert standing.state.tip.header.hash == past.tip
        assert not standing.keeper.marks[first.hash].is_failed
        rivals = submit_all(standing, standing.branch(3, start))
        assert standing.state.tip.header.hash == rivals[-1].hash
        past.return_to()
        assert tips(standing) == {past.tip}
        run_here(standing.state.settle(standing.now_ms))
        assert standing.state.tip.header.hash == past.tip

    def test_branch_that_could_not_win_then_does_not_win_now(self) -> None:
        standing = Standing()
        start = standing.forge.tip
        standing.grow()
        longer = submit_all(standing, standing.branch(2, start))
        run_here(standing.state.invalidate(longer[0].hash, standing.now_ms))
        past = Past(standing)
        standing.grow()
        run_here(standing.state.reconsider(longer[0].hash, standing.now_ms))
        run_here(standing.state.invalidate(longer[1].hash, standing.now_ms))
        run_here(standing.state.reconsider(longer[1].hash, standing.now_ms))
        past.return_to()
        assert standing.state.tip.header.hash == past.tip
        expect_forgotten(standing, longer)

    def test_keeper_that_cannot_forget_leaves_all_as_it_is_known(self) -> None:
        standing = Standing()
        standing.grow()
        past = Past(standing)
        later = standing.grow()
        standing.keeper.refusals_to_forget = 1
        with pytest.raises(DiskRefusedError):
            past.return_to()
        assert standing.state.tree.entry(later.hash).header == later.header
        run_here(standing.state.settle(standing.now_ms))
        assert standing.state.tip.header.hash == later.hash
        past.return_to()
        expect_forgotten(standing, [later])


class TestStartingOver:
    def test_nothing_is_known_but_the_genesis_block(self) -> None:
        standing = Standing()
        start = standing.forge.tip
        coins = coins_hash_of(standing.keeper.held)
        blocks = [standing.grow() for _ in range(3)]
        blocks += submit_all(standing, standing.branch(1, start))
        standing.offer(payment(standing))
        for _ in range(2):
            run_here(start_over(standing.state, standing.now_ms))
            assert standing.state.tip == start
            assert tips(standing) == {start.header.hash}
            assert len(standing.state.pool) == 0
            assert coins_hash_of(standing.keeper.held) == coins
            expect_forgotten(standing, blocks)
        submit_all(standing, blocks)
        assert standing.state.tip.header.hash == blocks[2].hash

    def test_checkpoint_is_in_the_way_of_all_but_a_new_start(self) -> None:
        signers = (ALICE, BOB)
        network = dev_network(
            checkpoint_signers=tuple(address(key) for key in signers), checkpoint_quorum=2
        )
        standing = Standing(network)
        chain, start = standing.state, standing.forge.tip
        first, past, second = standing.grow(), Past(standing), standing.grow()
        assert past.tip == first.hash
        run_here(chain.fix(sign_checkpoint(network, 2, second.hash, signers), standing.now_ms))
        with pytest.raises(errors.BelowCheckpoint):
            past.return_to()
        assert chain.tip.header.hash == second.hash
        with pytest.raises(errors.CheckpointConflict):
            run_here(chain.fix(sign_checkpoint(network, 2, bytes(32), signers), standing.now_ms))
        run_here(start_over(chain, standing.now_ms))
        assert chain.tip == start
        assert (chain.checkpoints.all(), chain.checkpoints.conflict) == ([], None)
        assert standing.keeper.checkpoints == {2: []}
        rivals = submit_all(standing, standing.branch(2, start))
        assert chain.tip.header.hash == rivals[-1].hash
