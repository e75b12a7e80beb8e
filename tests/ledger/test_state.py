"""A node's chain moves as its rules say, wholly or not at all, and tells what happened."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import pytest

from chaindeck.ledger import errors, state
from chaindeck.ledger.checkpoints import sign_checkpoint
from chaindeck.ledger.coins import coins_hash_of
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.pool_types import Accepted, DropCode
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.state import (
    Admitted,
    ChainState,
    Connected,
    Disconnected,
    Event,
    Fixed,
    Job,
    Lost,
    Parked,
    Reorganised,
    Steps,
    run_here,
)
from chaindeck.ledger.types import Transaction
from tests.ledger.forge import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    address,
    coinbase,
    dev_network,
    pay,
    spend,
)
from tests.ledger.keeping import DiskRefusedError, Standing

REWARD = 25 * 10**8


def kinds(events: list[Event]) -> str:
    return " ".join(type(event).__name__ for event in events)


def payment(standing: Standing, coin: int = 0, amount: int = 1) -> Transaction:
    coins = standing.forge.owned(ALICE)[coin : coin + 1]
    return spend(standing.network.id, coins, [pay(BOB.key_hash, amount)], ALICE)


def network_with_signers(*keys: SigningKey) -> Network:
    return dev_network(checkpoint_signers=tuple(address(key) for key in keys), checkpoint_quorum=2)


class TestBlocks:
    def test_block_on_the_tip_moves_it(self) -> None:
        standing = Standing()
        block = standing.grow()
        state = standing.state
        assert state.tip.header.hash == block.hash
        assert state.next_height == 2
        (event,) = state.take_events()
        assert isinstance(event, Connected)
        assert (event.entry, event.block.raw) == (state.tip, block.raw)
        assert state.take_events() == []
        assert standing.keeper.active[-1] == block.hash
        assert standing.keeper.marks[block.hash].is_ready

    def test_known_block_is_not_new(self) -> None:
        standing = Standing()
        block = standing.forge.extend()
        assert standing.submit(block)
        assert not standing.submit(block)
        assert state_has(standing, block.hash)
        assert not state_has(standing, bytes(32))

    def test_unknown_parent_is_left_to_the_caller(self) -> None:
        standing = Standing()
        standing.forge.extend()
        block = standing.forge.extend()
        with pytest.raises(errors.UnknownParent):
            standing.submit(block)
        assert not state_has(standing, block.hash)

    def test_block_from_the_future_is_held_and_may_come_again(self) -> None:
        standing = Standing()
        block = standing.forge.extend()
        standing.now_ms = block.header.time_ms - 30_001
        with pytest.raises(errors.Held):
            standing.submit(block)
        standing.now_ms += 1
        assert standing.submit(block)

    def test_body_that_breaks_a_rule_fails_its_header(self) -> None:
        standing = Standing()
        block = standing.forge.assemble(reward=coinbase(9, DAVE.key_hash, 1))
        with pytest.raises(errors.CoinbaseMissing):
            standing.submit(block)
        assert standing.keeper.marks[block.hash].is_failed
        assert block.hash not in standing.keeper.bodies
        assert not standing.submit(block)

    def test_block_that_takes_too_much_changes_nothing(self) -> None:
        standing = Standing()
        standing.grow()
        before = coins_hash_of(standing.keeper.held)
        block = standing.forge.assemble(reward=coinbase(2, DAVE.key_hash, REWARD + 1))
        with pytest.raises(errors.CoinbaseValue):
            standing.submit(block)
        assert coins_hash_of(standing.keeper.held) == before
        assert standing.state.tip.header.height == 1
        assert standing.keeper.marks[block.hash].is_failed
        child = standing.branch(1, standing.state.tree.entry(block.hash))[0]
        with pytest.raises(errors.InvalidParent):
            standing.submit(child)

    def test_others_have_their_turn_while_a_block_is_worked_out(self) -> None:
        standing = Standing()
        block = standing.forge.extend()
        steps = standing.state.submit_block(block, standing.now_ms)
        kinds_of_steps = []
        job = next(steps)
        with contextlib.suppress(StopIteration):
            while True:
                kinds_of_steps.append("job" if job else "pause")
                assert standing.state.tip.header.height == 0
                job = steps.send(job() if job else None)
        assert kinds_of_steps == ["job", "pause"]
        assert standing.state.tip.header.hash == block.hash

    def test_block_that_the_keeper_refuses_may_come_again(self) -> None:
        standing = Standing()
        block = standing.forge.extend()
        standing.keeper.refusals = 1
        with pytest.raises(DiskRefusedError):
            standing.submit(block)
        assert not state_has(standing, block.hash)
        assert block.hash not in standing.keeper.bodies
        assert standing.submit(block)
        assert standing.state.tip.header.hash == block.hash
        assert block.hash in standing.keeper.bodies
        assert not standing.submit(block)

    def test_block_on_the_tip_is_one_change_of_the_keeper_and_keeps_its_arrival(self) -> None:
        standing = Standing()
        changes = standing.keeper.changes_made
        block = standing.forge.extend()
        standing.submit(block)
        assert standing.keeper.changes_made == changes + 1
        assert standing.keeper.marks[block.hash] == standing.state.tree.mark(block.hash)

    def test_block_on_the_tip_that_breaks_a_rule_of_coins_is_kept_as_failed(self) -> None:
        standing = Standing()
        block = standing.forge.assemble(reward=coinbase(1, DAVE.key_hash, REWARD + 1))
        with pytest.raises(errors.CoinbaseValue):
            standing.submit(block)
        assert block.hash in standing.keeper.bodies
        assert standing.keeper.marks[block.hash].is_failed
        assert not standing.submit(block)

    def test_block_on_the_tip_that_a_checkpoint_shuts_out_does_not_stay(self) -> None:
        network = network_with_signers(ALICE, BOB)
        standing = Standing(network)
        (named,) = standing.branch(1, standing.forge.tip)
        run_here(
            standing.state.fix(
                sign_checkpoint(network, 1, named.hash, (ALICE, BOB)), standing.now_ms
            )
        )
        block = standing.grow()
        assert standing.state.tip.header.hash == block.hash, "the named one is not here yet"
        standing.submit(named)
        assert standing.state.tip.header.hash == named.hash
        (late,) = standing.branch(1, standing.state.tree.entry(block.hash))
        with pytest.raises(errors.CheckpointBranch):
            standing.submit(late)

    def test_large_block_that_was_kept_and_not_connected_is_connected_when_it_comes_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(state, "ONE_CHANGE_BYTES", 0)
        standing = Standing()
        block = standing.forge.extend()
        steps = standing.state.submit_block(block, standing.now_ms)
        keep = next(steps)
        assert keep is not None
        keep()
        standing.keeper.refusals = 1
        with pytest.raises(DiskRefusedError):
            run_here(_continued(steps, steps.send(None)))
        assert state_has(standing, block.hash)
        assert standing.state.tip.header.height == 0
        assert not standing.submit(block)
        assert standing.state.tip.header.hash == block.hash


def state_has(standing: Standing, block_hash: bytes) -> bool:
    return standing.state.has_body(block_hash)


class TestReorganisation:
    def test_heavier_branch_takes_over_and_payments_wait_again(self) -> None:
        standing = Standing()
        state, start = standing.state, standing.forge.tip
        paid = payment(standing)
        standing.grow(paid, fees=0)
        standing.grow()
        branch = standing.branch(3, start)
        for block in branch[:2]:
            standing.submit(block)
        state.take_events()
        standing.submit(branch[2])
        events = state.take_events()
        assert kinds(events) == (
            "Disconnected Disconnected Connected Connected Connected Reorganised"
        )
        reorganised = events[-1]
        assert isinstance(reorganised, Reorganised)
        assert (reorganised.fork_height, reorganised.disconnected, reorganised.connected) == (
            0,
            2,
            3,
        )
        assert reorganised.new_tip == branch[2].hash == state.tip.header.hash
        assert not reorganised.is_deep
        assert paid.id in state.pool

    def test_payment_in_both_branches_is_neither_lost_nor_pooled(self) -> None:
        standing = Standing()
        state, start = standing.state, standing.forge.tip
        paid = payment(standing)
        standing.grow(paid)
        first, second = standing.branch(2, start, transactions=[paid])
        standing.submit(first)
        standing.submit(second)
        assert state.tip.header.hash == second.hash
        assert not [event for event in state.take_events() if isinstance(event, Lost)]
        assert len(state.pool) == 0

    def test_payment_that_the_new_branch_contradicts_is_lost_with_its_reason(self) -> None:
        standing = Standing()
        state, start = standing.state, standing.forge.tip
        old, new = payment(standing, amount=1), payment(standing, amount=2)
        standing.grow(old)
        first, second = standing.branch(2, start, transactions=[new])
        standing.submit(first)
        standing.submit(second)
        (lost,) = [event for event in state.take_events() if isinstance(event, Lost)]
        assert (lost.dropped.tx_id, lost.dropped.code) == (old.id, DropCode.CONFLICT)
        assert new.id.hex() in lost.dropped.detail

    def test_chain_of_payments_over_several_blocks_waits_again_in_order(self) -> None:
        standing = Standing()
        state, start = standing.state, standing.forge.tip
        first = payment(standing, amount=900_000)
        standing.grow(first)
        coins = standing.forge.owned(BOB)
        second = spend(standing.network.id, coins, [pay(CAROL.key_hash, 5)], BOB)
        standing.grow(second)
        for block in standing.branch(3, start):
            standing.submit(block)
        assert [item.id for _, item in state.pool.by_age()] == [first.id, second.id]

    def test_bad_block_on_the_way_leaves_everything_as_it_was(self) -> None:
        standing = Standing()
        state, start = standing.state, standing.forge.tip
        paid = payment(standing)
        standing.grow(paid)
        tip, before = state.tip, coins_hash_of(standing.keeper.held)
        good = standing.branch(1, start)[0]
        standing.submit(good)
        good_entry = state.tree.entry(good.hash)
        bad = standing.branch(1, good_entry, reward=coinbase(2, DAVE.key_hash, REWARD + 1))[0]
        state.take_events()
        with pytest.raises(errors.CoinbaseValue):
            standing.submit(bad)
        assert state.tip == tip
        assert coins_hash_of(standing.keeper.held) == before
        assert state.take_events() == []
        assert len(state.pool) == 0

    def test_too_deep_a_change_is_parked_and_told(self) -> None:
        standing = Standing(dev_network(maturity=1))
        state, start = standing.state, standing.forge.tip
        for _ in range(101):
            standing.grow()
        tip = state.tip
        branch = standing.branch(102, start)
        state.take_events()
        for block in branch:
            standing.submit(block)
        assert state.tip == tip
        assert [event.tip for event in state.take_events() if isinstance(event, Parked)] == [
            branch[-1].hash
        ]
        assert standing.keeper.marks[branch[-1].hash].is_parked
        run_here(state.reconsider(branch[-1].hash, standing.now_ms))
        assert state.tip.header.hash == branch[-1].hash


class TestCommands:
    def test_invalidate_and_reconsider(self) -> None:
        standing = Standing()
        state = standing.state
        first, second = standing.grow(), standing.grow()
        state.take_events()
        run_here(state.invalidate(first.hash, standing.now_ms))
        assert state.tip.header.height == 0
        assert kinds(state.take_events()) == "Disconnected Disconnected Reorganised"
        assert standing.keeper.marks[second.hash].is_failed
        run_here(state.reconsider(first.hash, standing.now_ms))
        assert state.tip.header.hash == second.hash
        assert kinds(state.take_events()) == "Connected Connected"
        assert not standing.keeper.marks[second.hash].is_failed

    def test_prefer_decides_a_tie(self) -> None:
        standing = Standing()
        state, start = standing.state, standing.forge.tip
        standing.grow()
        (rival,) = standing.branch(1, start)
        standing.submit(rival)
        assert state.tip.header.hash != rival.hash
        run_here(state.prefer(rival.hash, standing.now_ms))
        assert state.tip.header.hash == rival.hash

    def test_checkpoint_beats_work(self) -> None:
        signers = (ALICE, BOB)
        network = network_with_signers(*signers)
        standing = Standing(network)
        state, start = standing.state, standing.forge.tip
        standing.grow()
        standing.grow()
        (rival,) = standing.branch(1, start)
        standing.submit(rival)
        checkpoint = sign_checkpoint(network, 1, rival.hash, signers)
        assert run_here(state.fix(checkpoint, standing.now_ms))
        assert state.tip.header.hash == rival.hash
        assert not run_here(state.fix(checkpoint, standing.now_ms))

    def test_checkpoint_that_cannot_be_kept_has_not_come(self) -> None:
        signers = (ALICE, BOB)
        network = network_with_signers(*signers)
        standing = Standing(network)
        state, start = standing.state, standing.forge.tip
        first = standing.grow()
        (rival,) = standing.branch(1, start)
        standing.submit(rival)
        state.take_events()
        checkpoint = sign_checkpoint(network, 1, rival.hash, signers)
        standing.keeper.refusals = 1
        with pytest.raises(DiskRefusedError):
            run_here(state.fix(checkpoint, standing.now_ms))
        assert state.tip.header.hash == first.hash
        assert (state.checkpoints.all(), state.take_events()) == ([], [])
        assert run_here(state.fix(checkpoint, standing.now_ms))
        assert state.tip.header.hash == rival.hash

    def test_contradicting_checkpoints_are_told_and_kept_until_one_gains_a_signer(self) -> None:
        signers = (ALICE, BOB, CAROL)
        network = network_with_signers(*signers)
        standing = Standing(network)
        state, start = standing.state, standing.forge.tip
        first = standing.grow()
        (rival,) = standing.branch(1, start)
        standing.submit(rival)
        one = sign_checkpoint(network, 1, first.hash, (ALICE, BOB))
        other = sign_checkpoint(network, 1, rival.hash, (BOB, CAROL))
        assert run_here(state.fix(one, standing.now_ms))
        state.take_events()
        for _ in range(2):
            with pytest.raises(errors.CheckpointConflict) as raised:
                run_here(state.fix(other, standing.now_ms))
            assert raised.value.values == {
                "height": 1,
                "known": first.hash.hex(),
                "other": rival.hash.hex(),
            }
        assert state.take_events() == [Fixed(other)]
        assert set(state.checkpoints.conflict) == {one, other}
        assert state.tip.header.hash == first.hash
        assert run_here(state.fix(sign_checkpoint(network, 1, rival.hash, signers), 0))
        assert state.checkpoints.conflict is None
        assert state.tip.header.hash == rival.hash

    def test_header_alone_can_show_a_contradiction(self) -> None:
        signers = (ALICE, BOB)
        network = network_with_signers(*signers)
        standing = Standing(network)
        state, start = standing.state, standing.forge.tip
        first = standing.grow()
        rivals = standing.branch(2, start)
        run_here(state.fix(sign_checkpoint(network, 1, first.hash, signers), standing.now_ms))
        run_here(state.fix(sign_checkpoint(network, 2, rivals[1].hash, signers), standing.now_ms))
        assert state.checkpoints.conflict is None
        for block in rivals:
            state.add_header(block.header, b"", standing.now_ms)
        assert state.checkpoints.conflict is not None


class TestPayments:
    def test_accepted_payment_waits_and_is_told(self) -> None:
        standing = Standing()
        paid = payment(standing)
        (result,) = standing.offer(paid)
        assert isinstance(result, Accepted)
        (event,) = standing.state.take_events()
        assert isinstance(event, Admitted)
        assert (event.transaction, event.result) == (paid, result)
        standing.grow(paid)
        assert kinds(standing.state.take_events()) == "Connected"
        assert len(standing.state.pool) == 0

    def test_dry_run_tells_and_changes_nothing(self) -> None:
        standing = Standing()
        steps = standing.state.submit_transactions([payment(standing)], 1, dry_run=True)
        (result,) = run_here(steps)
        assert isinstance(result, Accepted)
        assert len(standing.state.pool) == 0
        assert standing.state.take_events() == []

    def test_replaced_payment_is_told(self) -> None:
        standing = Standing()
        poor, rich = payment(standing, amount=999_000), payment(standing, amount=1)
        standing.offer(poor)
        standing.state.take_events()
        standing.offer(rich)
        assert kinds(standing.state.take_events()) == "Admitted Lost"

    def test_plan_made_before_a_block_is_renewed_after_it(self) -> None:
        """Signatures are handed out to be recovered, and a block may come meanwhile."""
        standing = Standing()
        paid = payment(standing)
        steps = standing.state.submit_transactions([paid], standing.now_ms)
        job = next(steps)
        standing.grow(payment(standing, amount=2))
        (result,) = run_here(_continued(steps, job))
        assert isinstance(result.error, errors.MissingInput)

    def test_signatures_to_recover_are_told_with_their_count(self) -> None:
        standing = Standing()
        few = [payment(standing, coin) for coin in range(2)]
        job = next(standing.state.submit_transactions(few, standing.now_ms))
        assert isinstance(job, state.Recovering)
        assert (job.count, job.threads) == (2, 1)

    def test_nothing_is_handed_out_where_all_signatures_are_known(self) -> None:
        standing = Standing()
        paid = payment(standing)
        standing.offer(paid)
        with pytest.raises(StopIteration):
            next(standing.state.submit_transactions([paid], standing.now_ms))

    def test_expired_payment_is_told(self) -> None:
        standing = Standing()
        paid = payment(standing)
        standing.offer(paid)
        standing.state.take_events()
        standing.state.expire(standing.now_ms + 3_600_000)
        (event,) = standing.state.take_events()
        assert isinstance(event, Lost)
        assert (event.dropped.tx_id, event.dropped.code) == (paid.id, DropCode.EXPIRED)

    def test_payments_that_cannot_be_written_down_were_never_there(self) -> None:
        standing = Standing()
        poor, rich = payment(standing, amount=999_000), payment(standing, amount=1)
        standing.offer(poor)
        standing.state.take_events()
        before = standing.state.pool.digest()

        def refuse(results: object) -> None:
            raise DiskRefusedError

        offered = [rich, payment(standing, coin=1)]
        with pytest.raises(DiskRefusedError):
            run_here(standing.state.submit_transactions(offered, standing.now_ms, keep=refuse))
        assert standing.state.pool.digest() == before
        assert standing.state.take_events() == []
        assert all(isinstance(result, Accepted) for result in standing.offer(*offered))

    def test_keeper_of_payments_hears_what_became_of_them_before_they_are_told(self) -> None:
        standing = Standing()
        heard: list[object] = []

        def hear(results: Sequence[object]) -> None:
            heard.extend(results)
            assert standing.state.take_events() == []

        steps = standing.state.submit_transactions([payment(standing)], 1, keep=hear)
        assert run_here(steps) == heard


def _continued(steps: Steps, job: Job | None) -> Steps:
    """The rest of a generator whose first job has been handed out."""
    try:
        while True:
            job = steps.send((yield job))
    except StopIteration as done:
        return done.value


class TestResuming:
    def test_state_stands_where_its_keeper_stood(self) -> None:
        standing = Standing()
        start = standing.forge.tip
        standing.grow()
        standing.grow()
        (side,) = standing.branch(1, start)
        standing.submit(side)
        paid = payment(standing)
        standing.offer(paid)
        old = standing.state
        again = ChainState(standing.network, standing.keeper)
        marks = sorted(standing.keeper.marks.values(), key=lambda mark: mark.entry.header.height)
        again.resume([*marks, old.tree.mark(start.header.hash)], old.tip)
        run_here(again.settle(standing.now_ms))
        assert again.tip == old.tip
        assert side.hash in again.tree
        kept = [(paid.raw, standing.now_ms - 5)]
        (result,) = run_here(again.restore_pool(kept, standing.now_ms))
        assert isinstance(result, Accepted)
        assert [item.arrived_ms for _, item in again.pool.by_age()] == [standing.now_ms - 5]
        assert again.take_events() == []
        assert kinds(old.take_events())[-8:] == "Admitted"

    def test_checkpoints_hold_and_contradict_as_before(self) -> None:
        signers = (ALICE, BOB, CAROL)
        network = network_with_signers(*signers)
        standing = Standing(network)
        start = standing.forge.tip
        standing.grow()
        standing.grow()
        (rival,) = standing.branch(1, start)
        (other,) = standing.branch(1, start, salt=2)
        standing.submit(rival)
        run_here(standing.state.fix(sign_checkpoint(network, 1, rival.hash, (ALICE, BOB)), 0))
        with pytest.raises(errors.CheckpointConflict):
            run_here(standing.state.fix(sign_checkpoint(network, 1, other.hash, (BOB, CAROL)), 0))

        again = ChainState(network, standing.keeper)
        marks = sorted(standing.keeper.marks.values(), key=lambda mark: mark.entry.header.height)
        held = standing.keeper.checkpoints[rival.header.height]
        again.resume(marks, standing.state.tip, held)
        run_here(again.settle(standing.now_ms))
        assert again.tip == standing.state.tip
        assert again.checkpoints.conflict == standing.state.checkpoints.conflict
        assert again.checkpoints.all() == held
        assert run_here(again.fix(sign_checkpoint(network, 1, rival.hash, signers), 0))
        assert again.tip.header.hash == rival.hash
        assert len(standing.keeper.checkpoints[rival.header.height]) == 2, "of one height"

    def test_disconnected_events_carry_what_was_undone(self) -> None:
        standing = Standing()
        block = standing.grow()
        run_here(standing.state.invalidate(block.hash, standing.now_ms))
        events = standing.state.take_events()
        down = next(event for event in events if isinstance(event, Disconnected))
        assert down.change == standing.keeper.changes[block.hash]
