"""The entrances of the pool, case by case: accepting, blocks that come and go, expiry.

`test_pool_policy` asks who is wanted, `test_pool_contents` what can be read, and `test_pool_model`
lets a pool live at random.
"""

from __future__ import annotations

import pytest

from chaindeck.kernel import recover_many
from chaindeck.ledger import errors
from chaindeck.ledger.codec import build_transaction, decode_transaction
from chaindeck.ledger.coins import Coin, encode_coin
from chaindeck.ledger.pool import Pool
from chaindeck.ledger.pool_types import Accepted, DropCode, PoolLimits, Rejected
from chaindeck.ledger.signatures import SignatureCache
from chaindeck.ledger.templates import build_template
from chaindeck.ledger.types import OutPoint, Transaction, TxId
from tests.ledger.forge import ALICE, BOB, CAROL, Coins, coinbase, pay, spend
from tests.ledger.test_signatures import with_high_s
from tests.ledger.waiting import GRANT, Waiting, codes, grow, ids, refused

SIZE = 200


class TestAccepting:
    def test_payment_waits_and_is_found_by_id_and_by_coin(self) -> None:
        world = Waiting()
        source = world.grant()
        payment = world.payment(source, fee=7, parts=2)
        assert world.accept(payment) == [Accepted(payment.id, 7)]
        assert payment.id in world.pool
        assert (len(world.pool), world.pool.total_bytes) == (1, payment.size)
        entry = world.pool.get(payment.id)
        assert entry is not None
        assert entry.transaction == payment
        assert world.pool.spender(source) is entry
        assert world.pool.coin(payment.outpoint(1)) == payment.outputs[1]
        assert world.pool.spender(payment.outpoint(1)) is None

    def test_coin_of_nobody_of_data_and_of_no_output_is_none(self) -> None:
        world = Waiting()
        payment = world.wait(world.payment(world.grant(), size=SIZE))
        assert world.pool.coin(payment.outpoint(1)) is None
        assert world.pool.coin(payment.outpoint(9)) is None
        assert world.pool.coin(world.grant()) is None
        assert world.pool.get(TxId(bytes(32))) is None

    def test_known_transaction_is_refused_also_with_other_signatures(self) -> None:
        world = Waiting()
        payment = world.wait(world.payment(world.grant()))
        again = decode_transaction(payment.raw[:-2] + b"\x01" + payment.raw[-1:])
        assert again.id == payment.id
        assert again.full_id != payment.full_id
        for known in (payment, again):
            assert isinstance(world.refusal(known), errors.AlreadyPooled)
        other = world.payment(world.grant())
        assert isinstance(world.refusal(other, other), errors.AlreadyPooled)

    def test_coinbase_is_refused_by_its_own_name(self) -> None:
        error = Waiting().refusal(coinbase(1, ALICE.key_hash, 5))
        assert isinstance(error, errors.CoinbaseAlone)
        assert error.is_blamed

    def test_broken_rule_of_the_transaction_is_told(self) -> None:
        world = Waiting()
        assert isinstance(world.refusal(build_transaction([], [], 0)), errors.NoInputs)
        greedy = world.spend([world.grant()], GRANT + 1)
        assert isinstance(world.refusal(greedy), errors.OutputsExceedInputs)

    def test_unknown_coin_is_missing(self) -> None:
        world = Waiting()
        error = world.refusal(
            world.spend([world.grant(), OutPoint(bytes(31) + b"\1" + bytes(4))], 5)
        )
        assert isinstance(error, errors.MissingInput)
        assert error.field == "inputs[1]"

    def test_output_that_a_waiting_transaction_lacks_is_missing(self) -> None:
        world = Waiting()
        payment = world.wait(world.payment(world.grant(), size=SIZE))
        for index in (1, 9):
            child = world.spend([payment.outpoint(index)], 5)
            assert isinstance(world.refusal(child), errors.MissingInput)

    def test_reward_is_spent_from_its_maturity_on(self) -> None:
        world = Waiting()
        for _ in range(3):
            world.mine()
        young, ripe = world.grant(reward_at=2), world.grant(reward_at=1)
        assert isinstance(world.refusal(world.payment(young)), errors.ImmatureCoin)
        entry = world.pool.get(world.wait(world.payment(ripe)).id)
        assert entry is not None
        assert entry.matures_at == 4

    def test_batch_may_spend_its_own_outputs(self) -> None:
        world = Waiting()
        parent = world.payment(world.grant())
        child = world.payment(parent)
        world.wait(parent, child, world.payment(child))
        assert len(world.pool) == 3

    def test_child_of_a_refused_batch_member_is_missing_its_coin(self) -> None:
        world = Waiting()
        parent = world.payment(world.grant())
        forged = decode_transaction(parent.raw[:-2] + b"\x02" + parent.raw[-1:])
        results = world.accept(forged, world.payment(parent))
        assert [type(result) for result in results] == [Rejected, Rejected]
        assert isinstance(refused(results[0]), errors.SignatureMalformed)
        assert isinstance(refused(results[1]), errors.MissingInput)

    def test_chain_is_asked_once_and_only_for_what_does_not_wait(self) -> None:
        world = Waiting()
        parent = world.payment(world.grant())
        others = [world.payment(world.grant()) for _ in range(3)]
        asked: list[list[OutPoint]] = []

        class Witness(Coins):
            def coins(self, outpoints):
                asked.append(list(outpoints))
                return super().coins(outpoints)

        witness = Witness(world.forge.coins.held)
        batch = [parent, world.payment(parent), *others]
        world.pool.prepare(batch, witness, world.next_height)
        assert asked == [[item.inputs[0].outpoint for item in (parent, *others)]]

    def test_refusal_holds_no_traceback(self) -> None:
        world = Waiting()
        error = world.refusal(world.spend([world.grant()], GRANT + 1))
        assert error.__traceback__ is None


class TestSignatures:
    def setup_method(self) -> None:
        self.world = Waiting()
        self.source = self.world.grant()
        self.coin = Coin(ALICE.key_hash, GRANT, 0, is_reward=False)
        self.cache = self.world.forge.cache

    def signed(self, signer=ALICE, own=()) -> Transaction:
        outputs = [pay(BOB.key_hash, 5)]
        coins = [(self.source, self.coin)]
        return spend(self.world.forge.network.id, coins, outputs, signer, own)

    def test_owner_may_sign_the_whole_or_the_input(self) -> None:
        for payment in (self.signed(), self.signed(None, [ALICE])):
            assert isinstance(self.world.accept(payment, dry_run=True)[0], Accepted)
        assert len(self.cache) == 0

    def test_good_signatures_are_remembered_and_not_asked_for_again(self) -> None:
        payment = self.signed()
        self.world.wait(payment)
        assert payment.full_id in self.cache
        other = Pool(self.world.forge.network, self.cache)
        plan = other.prepare([payment], self.world.forge.coins, 1)
        assert (plan.digests, plan.signatures) == (b"", b"")
        assert other.admit(plan, b"", b"", 0) == [Accepted(payment.id, GRANT - 5)]

    def test_each_signature_of_a_batch_goes_with_its_own_transaction(self) -> None:
        second = self.world.grant()
        coins = [(self.source, self.coin), (second, self.coin)]
        network_id = self.world.forge.network.id
        outputs = [pay(BOB.key_hash, 5)]
        both = spend(network_id, coins, outputs, ALICE, [None, ALICE])
        third = self.world.grant()
        wrong = spend(network_id, [(third, self.coin)], outputs, CAROL)
        right = spend(network_id, [(third, self.coin)], outputs, ALICE)
        results = self.world.accept(both, wrong, right)
        assert [type(result) for result in results] == [Accepted, Rejected, Accepted]

    def test_somebody_else_is_not_the_owner(self) -> None:
        error = self.world.refusal(self.signed(BOB))
        assert isinstance(error, errors.NotOwner)
        assert error.values["signer"] == BOB.key_hash.hex()
        assert len(self.cache) == 0

    def test_malformed_and_high_signatures_are_told_apart(self) -> None:
        payment = self.signed()
        for change, error in (
            (with_high_s, errors.SignatureHighS),
            (lambda signature: bytes(65), errors.SignatureMalformed),
        ):
            raw = payment.raw.replace(payment.signature, change(payment.signature))
            assert isinstance(self.world.refusal(decode_transaction(raw)), error)

    def test_signatures_of_a_transaction_that_is_not_wanted_are_remembered_too(self) -> None:
        self.world.wait(self.world.spend([self.source], 1))
        payment = self.signed()
        assert isinstance(self.world.refusal(payment), errors.ReplacementFeeRate)
        assert payment.full_id in self.cache


class TestPlans:
    def test_plan_outlives_other_admissions(self) -> None:
        world = Waiting()
        parent = world.wait(world.payment(world.grant()))
        twin = world.payment(world.grant())
        plan = world.pool.prepare([twin, world.payment(parent)], world.forge.coins, 1)
        world.wait(twin)
        world.now_ms += world.pool.limits.expiry_ms
        world.pool.expire(world.now_ms)
        world.wait(twin)
        results = world.pool.admit(plan, b"", b"", 0)
        assert isinstance(refused(results[0]), errors.AlreadyPooled)
        assert isinstance(refused(results[1]), errors.MissingInput)

    def test_plan_from_before_a_block_is_renewed_without_new_signatures(self) -> None:
        world = Waiting()
        source, coin = world.grant(), Coin(ALICE.key_hash, GRANT, 0, is_reward=False)
        outputs = [pay(BOB.key_hash, 5)]
        network_id = world.forge.network.id
        payment = spend(network_id, [(source, coin)], outputs, ALICE)
        overtaken = spend(network_id, [(world.grant(), coin)], outputs, ALICE)
        broken = build_transaction([], [], 0)
        plan = world.pool.prepare([overtaken, broken, payment], world.forge.coins, 1)
        recovered = recover_many(plan.digests, plan.signatures)
        world.mine(overtaken)
        with pytest.raises(AssertionError):
            world.pool.admit(plan, *recovered, 0)
        renewed = world.pool.renew(plan, world.forge.coins, world.next_height)
        results = world.pool.admit(renewed, *recovered, 0)
        assert [type(result) for result in results] == [Rejected, Rejected, Accepted]
        assert isinstance(refused(results[0]), errors.MissingInput)

    def test_answer_must_fit_the_plan(self) -> None:
        world = Waiting()
        plan = world.pool.prepare([world.payment(world.grant())], world.forge.coins, 1)
        with pytest.raises(AssertionError):
            world.pool.admit(plan, bytes(20), b"\0", 0)

    def test_cluster_limit_must_be_one_that_keys_can_tell_apart(self) -> None:
        network = Waiting().forge.network
        Pool(network, SignatureCache(), PoolLimits(max_cluster=127))
        with pytest.raises(AssertionError):
            Pool(network, SignatureCache(), PoolLimits(max_cluster=128))


class TestBlocks:
    def test_confirmed_leave_and_their_children_stay(self) -> None:
        world = Waiting()
        chain = grow(world, 4)
        assert world.mine(*chain[:2]) == []
        assert [entry.id for _, entry in world.pool.by_age()] == ids(*chain[2:])
        assert world.mine(chain[2]) == []
        assert [chunk.count for chunk in world.pool.chunks()] == [1]
        world.wait(world.payment(chain[3]))

    def test_losers_of_a_conflict_hear_who_won(self) -> None:
        world = Waiting()
        source = world.grant()
        loser = world.wait(world.payment(source))
        child = world.wait(world.payment(loser))
        bystander = world.wait(world.payment(world.grant()))
        winner = world.payment(source, fee=5)
        dropped = world.mine(winner)
        assert codes(dropped) == [(tx_id, DropCode.CONFLICT) for tx_id in ids(loser, child)]
        assert winner.id.hex() in dropped[0].detail
        assert loser.id.hex() in dropped[1].detail
        assert list(world.pool._entries) == ids(bystander)

    def test_coin_that_the_block_itself_made_and_spent_is_lost_too(self) -> None:
        world = Waiting()
        parent = world.wait(world.payment(world.grant()))
        loser = world.wait(world.payment(parent))
        winner = world.payment(parent, fee=9)
        assert codes(world.mine(parent, winner)) == [(loser.id, DropCode.CONFLICT)]

    def test_spender_of_two_lost_coins_is_dropped_once(self) -> None:
        world = Waiting()
        one, two = world.grant(), world.grant()
        loser = world.wait(world.payment(one, two))
        winners = [world.payment(source, fee=5) for source in (one, two)]
        assert codes(world.mine(*winners)) == [(loser.id, DropCode.CONFLICT)]

    def test_disconnected_return_before_all_that_waits_in_their_own_order(self) -> None:
        world = Waiting()
        chain = grow(world, 3)
        other = world.payment(world.grant())
        world.mine(*chain[:2], other)
        newer = world.wait(world.payment(world.grant()))
        assert world.unmine() == []
        expected = ids(*chain[:2], other, chain[2], newer)
        assert [entry.id for _, entry in world.pool.by_age()] == expected
        template = build_template(world.pool, world.forge.network, world.next_height)
        assert world.mine_template(template) == []

    def test_blocks_disconnected_one_after_the_other_return_in_the_order_of_the_chain(self) -> None:
        world = Waiting()
        chain = [world.payment(world.grant())]
        for _ in range(2):
            chain.append(world.payment(chain[-1]))
        for payment in chain:
            world.mine(payment)
        for _ in chain:
            assert world.unmine() == []
        assert [entry.id for _, entry in world.pool.by_age()] == ids(*chain)

    def test_what_spends_the_lost_reward_is_missing_its_coin(self) -> None:
        world = Waiting(maturity=0)
        world.mine()
        (reward, *_) = [key for key, _ in world.forge.owned(ALICE)][::-1]
        spender = world.wait(world.payment(reward))
        child = world.wait(world.payment(spender))
        assert codes(world.unmine()) == [(tx_id, DropCode.MISSING) for tx_id in ids(spender, child)]
        assert len(world.pool) == 0

    def test_returned_spender_of_a_lost_reward_takes_its_children_along(self) -> None:
        world = Waiting(maturity=1)
        world.mine()
        (reward, *_) = [key for key, _ in world.forge.owned(ALICE)][::-1]
        spender = world.payment(reward)
        world.mine(spender)
        child = world.wait(world.payment(spender))
        assert world.unmine() == []
        assert codes(world.unmine()) == [(tx_id, DropCode.MISSING) for tx_id in ids(spender, child)]

    def test_reward_that_became_too_young_is_not_spent(self) -> None:
        world = Waiting()
        for _ in range(3):
            world.mine()
        spender = world.wait(world.payment(world.grant(reward_at=1)))
        child = world.wait(world.payment(spender))
        assert codes(world.unmine()) == [
            (tx_id, DropCode.IMMATURE) for tx_id in ids(spender, child)
        ]

    def test_returned_spender_of_a_young_reward_is_dropped(self) -> None:
        world = Waiting(maturity=1)
        young = world.grant(reward_at=1)
        world.mine()
        spender = world.payment(young)
        world.mine(spender)
        world.forge.coins.held[young] = encode_coin(Coin(ALICE.key_hash, GRANT, 2, is_reward=True))
        world.forge.changes[-1].spent[-1] = (young, world.forge.coins.held[young])
        dropped = world.unmine()
        assert codes(dropped) == [(spender.id, DropCode.IMMATURE)]

    def test_returned_transaction_whose_coin_is_gone_takes_its_children_along(self) -> None:
        world = Waiting()
        source = world.grant()
        parent = world.payment(source)
        second = world.payment(parent)
        world.mine(parent, second)
        child = world.wait(world.payment(second))
        change = world.forge.changes[-1]
        change.spent.clear()
        dropped = world.unmine()
        assert codes(dropped) == [(tx_id, DropCode.MISSING) for tx_id in ids(parent, second, child)]

    def test_returned_transaction_that_waits_already_stays_where_it_is(self) -> None:
        world = Waiting()
        payment = world.payment(world.grant())
        world.mine(payment)
        world.unmine()
        before = world.snapshot()[0]
        world.blocks.append(world.forge.assemble([payment]))
        world.forge.changes.append(world.forge.connect(world.blocks[-1]))
        world.forge.coins.held.update(world.forge.changes[-1].created)
        assert world.unmine() == []
        assert world.snapshot()[0] == before

    def test_returned_transaction_beats_whoever_wants_its_coin(self) -> None:
        world = Waiting()
        source = world.grant()
        returned = world.payment(source)
        block = world.forge.assemble([returned])
        rival = world.wait(world.payment(source, fee=900))
        dropped = world.pool.block_disconnected(
            block, world.forge.coins, world.next_height, world.now_ms
        )
        assert codes(dropped) == [(rival.id, DropCode.CONFLICT)]
        assert returned.id in world.pool

    @pytest.mark.parametrize("limit", [3, 2])
    def test_returned_transaction_may_not_join_too_many_relatives(self, limit: int) -> None:
        world = Waiting(PoolLimits(max_cluster=limit))
        parent = world.payment(world.grant(), parts=2)
        world.mine(parent)
        children = [world.wait(world.spend([parent.outpoint(index)], 9)) for index in (0, 1)]
        dropped = world.unmine()
        if limit == 3:
            assert dropped == []
        else:
            assert codes(dropped) == [(tx_id, DropCode.EVICTED) for tx_id in ids(parent, *children)]

    def test_returned_transactions_owe_no_floor_but_find_no_room_in_a_full_pool(self) -> None:
        world = Waiting(PoolLimits(max_transactions=2))
        poor = world.payment(world.grant())
        world.mine(poor)
        for fee in (5, 9):
            world.wait(world.payment(world.grant(), fee=fee))
        assert codes(world.unmine()) == [(poor.id, DropCode.EVICTED)]
        assert len(world.pool) == 2


class TestExpiry:
    def test_waiting_ends_at_the_limit_with_all_that_depends_on_it(self) -> None:
        world = Waiting(PoolLimits(expiry_ms=1_000))
        old = world.wait(world.payment(world.grant()))
        world.now_ms += 1
        child = world.wait(world.payment(old))
        fresh = world.wait(world.payment(world.grant()))
        assert world.pool.expire(world.now_ms + 998) == []
        dropped = world.pool.expire(world.now_ms + 999)
        assert codes(dropped) == [(tx_id, DropCode.EXPIRED) for tx_id in ids(old, child)]
        assert "1000 ms" in dropped[0].detail
        assert list(world.pool._entries) == ids(fresh)

    def test_old_parent_and_old_child_are_named_once(self) -> None:
        world = Waiting(PoolLimits(expiry_ms=1_000))
        chain = grow(world, 2)
        assert codes(world.pool.expire(world.now_ms + 1_000)) == [
            (tx_id, DropCode.EXPIRED) for tx_id in ids(*chain)
        ]
