"""What a block changes: the fast way and the slow twin agree, and each rule is raised.

Every test of a rule runs on both ways: `connect_block`, which asks the kernel first, and
`connect_block_slowly`, which is the rules one by one.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck import kernel
from chaindeck.ledger import connect, errors
from chaindeck.ledger.blocks import check_body, check_coinbase_value
from chaindeck.ledger.codec import block_transactions, build_transaction
from chaindeck.ledger.coins import Coin, coins_hash_of, decode_coin
from chaindeck.ledger.connect import Change, apply_change, connect_block, undo_change
from chaindeck.ledger.limits import MAX_AMOUNT, MAX_TRANSACTION_BYTES
from chaindeck.ledger.signatures import SignatureCache
from chaindeck.ledger.slow_connect import connect_block_slowly
from chaindeck.ledger.types import (
    ZERO_HASH,
    Amount,
    Block,
    Data,
    Height,
    OutPoint,
    Transaction,
    TxInput,
)
from tests.ledger.forge import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    Forge,
    address,
    coinbase,
    dev_network,
    pay,
    spend,
)
from tests.ledger.test_signatures import with_high_s

REWARD = 25 * 10**8

Way = Callable[[Forge, Block], Change]


def fast(forge: Forge, block: Block) -> Change:
    return connect_block(forge.network, forge.enter(block), block, forge.coins, SignatureCache())


def fast_on_one_thread(forge: Forge, block: Block) -> Change:
    return connect_block(
        forge.network, forge.enter(block), block, forge.coins, SignatureCache(), threads=1
    )


def slow(forge: Forge, block: Block) -> Change:
    entry = forge.enter(block)
    check_body(forge.network.genesis, entry, block)
    return Change(*connect_block_slowly(forge.network, entry, block, forge.coins))


both = pytest.mark.parametrize("way", [fast, fast_on_one_thread, slow])


def coins_of(forge: Forge) -> list[tuple[OutPoint, Coin]]:
    return forge.owned(ALICE)


@both
class TestGoodBlocks:
    def test_empty_block_makes_its_reward(self, way: Way) -> None:
        forge = Forge()
        block = forge.assemble()
        change = way(forge, block)
        (reward,) = block_transactions(block)
        assert change.spent == []
        assert change.fees == 0
        ((outpoint, packed),) = change.created
        assert outpoint == reward.outpoint(0)
        assert decode_coin(packed) == Coin(DAVE.key_hash, REWARD, 1, is_reward=True)

    def test_payment_spends_makes_and_leaves_a_fee(self, way: Way) -> None:
        forge = Forge()
        coins = coins_of(forge)
        payment = spend(
            forge.network.id,
            coins,
            [pay(BOB.key_hash, 1_000_000), Data(b"note"), pay(ALICE.key_hash, 499_000)],
            ALICE,
        )
        change = way(forge, forge.assemble([payment], fees=1_000))
        assert [key for key, _ in change.spent] == [key for key, _ in coins]
        assert [decode_coin(packed) for _, packed in change.spent] == [coin for _, coin in coins]
        assert change.fees == 1_000
        assert [key for key, _ in change.created[1:]] == [payment.outpoint(0), payment.outpoint(2)]
        assert decode_coin(change.created[1][1]) == Coin(
            BOB.key_hash, 1_000_000, 1, is_reward=False
        )

    def test_coin_made_and_spent_inside_appears_nowhere(self, way: Way) -> None:
        forge = Forge()
        coins = coins_of(forge)[:1]
        first = spend(forge.network.id, coins, [pay(BOB.key_hash, 1_000_000)], ALICE)
        inner = [(first.outpoint(0), Coin(BOB.key_hash, 1_000_000, 1, is_reward=False))]
        second = spend(forge.network.id, inner, [pay(CAROL.key_hash, 999_000)], BOB)
        change = way(forge, forge.assemble([first, second], fees=1_000))
        assert [key for key, _ in change.spent] == [coins[0][0]]
        assert [key for key, _ in change.created[1:]] == [second.outpoint(0)]
        assert change.fees == 1_000

    def test_apply_then_undo_restores_every_coin(self, way: Way) -> None:
        forge = Forge()
        payment = spend(forge.network.id, coins_of(forge), [pay(BOB.key_hash, 7)], ALICE)
        before = dict(forge.coins.held)
        change = way(forge, forge.assemble([payment]))
        apply_change(forge.coins.held, change)
        assert coins_hash_of(forge.coins.held) != coins_hash_of(before)
        undo_change(forge.coins.held, change)
        assert coins_hash_of(forge.coins.held) == coins_hash_of(before)

    def test_reward_may_take_less_than_is_due(self, way: Way) -> None:
        forge = Forge()
        block = forge.assemble(reward=coinbase(1, DAVE.key_hash, 1))
        assert way(forge, block).fees == 0

    def test_reward_may_use_all_fees_and_pay_several(self, way: Way) -> None:
        forge = Forge()
        payment = spend(forge.network.id, coins_of(forge), [pay(BOB.key_hash, 1)], ALICE)
        reward = coinbase(1, DAVE.key_hash, REWARD, [pay(BOB.key_hash, 1_499_999), Data(b"x")])
        assert way(forge, forge.assemble([payment], reward=reward)).fees == 1_499_999

    def test_reward_matures(self, way: Way) -> None:
        forge = Forge(dev_network(maturity=3))
        forge.extend()
        forge.extend()
        payment = spend(forge.network.id, forge.owned(DAVE)[:1], [pay(BOB.key_hash, 1)], DAVE)
        with pytest.raises(errors.ImmatureCoin):
            way(forge, forge.assemble([payment]))
        forge.extend()
        assert way(forge, forge.assemble([payment])).fees == REWARD - 1

    def test_allocations_need_not_mature(self, way: Way) -> None:
        forge = Forge(dev_network(maturity=100))
        payment = spend(forge.network.id, coins_of(forge), [pay(BOB.key_hash, 1)], ALICE)
        assert way(forge, forge.assemble([payment])).fees == 1_499_999

    def test_without_maturity_even_the_own_reward_is_spendable(self, way: Way) -> None:
        forge = Forge(dev_network(maturity=0))
        reward = coinbase(1, DAVE.key_hash, REWARD)
        coins = [(reward.outpoint(0), Coin(DAVE.key_hash, REWARD, 1, is_reward=True))]
        payment = spend(forge.network.id, coins, [pay(BOB.key_hash, REWARD)], DAVE)
        assert way(forge, forge.assemble([payment], reward=reward)).spent == []


@both
class TestRules:
    def refuse(
        self, way: Way, forge: Forge, block: Block, error: type[errors.RuleError]
    ) -> errors.RuleError:
        with pytest.raises(error) as raised:
            way(forge, block)
        return raised.value

    def test_missing_input(self, way: Way) -> None:
        forge = Forge()
        coins = [(TxInput(b"\x05" * 32, 0).outpoint, coins_of(forge)[0][1])]
        payment = spend(forge.network.id, coins, [pay(BOB.key_hash, 1)], ALICE)
        error = self.refuse(way, forge, forge.assemble([payment]), errors.MissingInput)
        assert error.field == "transactions[1].inputs[0]"
        assert error.values == {"input": 0}
        assert not error.is_blamed

    def test_child_before_its_parent(self, way: Way) -> None:
        forge = Forge()
        first = spend(forge.network.id, coins_of(forge)[:1], [pay(BOB.key_hash, 9)], ALICE)
        inner = [(first.outpoint(0), Coin(BOB.key_hash, 9, 1, is_reward=False))]
        second = spend(forge.network.id, inner, [pay(CAROL.key_hash, 8)], BOB)
        self.refuse(way, forge, forge.assemble([second, first]), errors.MissingInput)

    def test_data_output_is_no_coin(self, way: Way) -> None:
        forge = Forge()
        first = spend(forge.network.id, coins_of(forge)[:1], [Data(b"x")], ALICE)
        inner = [(first.outpoint(0), Coin(ALICE.key_hash, 9, 1, is_reward=False))]
        second = spend(forge.network.id, inner, [pay(CAROL.key_hash, 8)], ALICE)
        self.refuse(way, forge, forge.assemble([first, second]), errors.MissingInput)

    def test_output_spent_twice_in_the_block(self, way: Way) -> None:
        forge = Forge()
        coins = coins_of(forge)
        first = spend(forge.network.id, coins[:1], [pay(BOB.key_hash, 1)], ALICE)
        second = spend(forge.network.id, coins, [pay(BOB.key_hash, 2)], ALICE)
        error = self.refuse(way, forge, forge.assemble([first, second]), errors.SpentInBlock)
        assert error.field == "transactions[2].inputs[0]"
        assert error.values == {"position": 2, "input": 0}

    def test_inner_output_spent_twice(self, way: Way) -> None:
        forge = Forge()
        first = spend(forge.network.id, coins_of(forge)[:1], [pay(BOB.key_hash, 9)], ALICE)
        inner = [(first.outpoint(0), Coin(BOB.key_hash, 9, 1, is_reward=False))]
        second = spend(forge.network.id, inner, [pay(CAROL.key_hash, 8)], BOB)
        third = spend(forge.network.id, inner, [pay(CAROL.key_hash, 7)], BOB)
        block = forge.assemble([first, second, third])
        assert self.refuse(way, forge, block, errors.SpentInBlock).values["position"] == 3

    def test_same_transaction_twice(self, way: Way) -> None:
        forge = Forge()
        payment = spend(forge.network.id, coins_of(forge)[:1], [pay(BOB.key_hash, 1)], ALICE)
        block = forge.assemble([payment, payment])
        error = self.refuse(way, forge, block, errors.DuplicateTransaction)
        assert (error.field, error.values) == ("transactions[2]", {"position": 2})

    def test_second_coinbase(self, way: Way) -> None:
        forge = Forge()
        block = forge.assemble([coinbase(2, BOB.key_hash, 1)])
        self.refuse(way, forge, block, errors.CoinbaseInput)

    @pytest.mark.parametrize(
        ("inputs", "outputs", "error"),
        [
            ((), (pay(BOB.key_hash, 1),), errors.NoInputs),
            ((TxInput(b"\x05" * 32, 0),), (), errors.NoOutputs),
            ((TxInput(b"\x05" * 32, 0),), (pay(BOB.key_hash, 0),), errors.AmountRange),
            (
                (TxInput(b"\x05" * 32, 0),),
                (pay(BOB.key_hash, MAX_AMOUNT + 1),),
                errors.AmountRange,
            ),
            (
                (TxInput(b"\x05" * 32, 0),),
                (pay(BOB.key_hash, MAX_AMOUNT), pay(BOB.key_hash, 1)),
                errors.TotalRange,
            ),
            ((TxInput(b"\x05" * 32, 0),) * 2, (pay(BOB.key_hash, 1),), errors.DuplicateInput),
            (
                (TxInput(b"\x05" * 32, 0),),
                (Data(bytes(256)),) * (MAX_TRANSACTION_BYTES // 259 + 1),
                errors.TransactionSize,
            ),
        ],
    )
    def test_rules_of_a_transaction_by_itself(
        self, way: Way, inputs: tuple, outputs: tuple, error: type[errors.RuleError]
    ) -> None:
        forge = Forge()
        broken = build_transaction(inputs, outputs, 0, bytes(65))
        self.refuse(way, forge, forge.assemble([broken]), error)

    def test_outputs_exceed_inputs(self, way: Way) -> None:
        forge = Forge()
        payment = spend(forge.network.id, coins_of(forge), [pay(BOB.key_hash, 1_500_001)], ALICE)
        self.refuse(way, forge, forge.assemble([payment]), errors.OutputsExceedInputs)

    def test_inputs_over_the_range(self, way: Way) -> None:
        forge = Forge()
        most = Coin(ALICE.key_hash, MAX_AMOUNT, 0, is_reward=False)
        coins = [(forge.coins.add(most, number), most) for number in range(2)]
        payment = spend(forge.network.id, coins, [pay(BOB.key_hash, 1)], ALICE)
        self.refuse(way, forge, forge.assemble([payment]), errors.TotalRange)

    def test_fees_over_the_range(self, way: Way) -> None:
        forge = Forge()
        most = Coin(ALICE.key_hash, MAX_AMOUNT, 0, is_reward=False)
        payments = [
            spend(forge.network.id, [(forge.coins.add(most, number), most)], [Data(b"")], ALICE)
            for number in range(2)
        ]
        block = forge.assemble(payments)
        assert self.refuse(way, forge, block, errors.TotalRange).field == "transactions[2]"

    def test_wrong_signer(self, way: Way) -> None:
        forge = Forge()
        payment = spend(forge.network.id, coins_of(forge), [pay(BOB.key_hash, 1)], BOB)
        self.refuse(way, forge, forge.assemble([payment]), errors.NotOwner)

    def test_wrong_own_signer(self, way: Way) -> None:
        forge = Forge()
        payment = spend(
            forge.network.id, coins_of(forge), [pay(BOB.key_hash, 1)], ALICE, [None, BOB]
        )
        self.refuse(way, forge, forge.assemble([payment]), errors.NotOwner)

    def test_signature_for_another_network(self, way: Way) -> None:
        forge = Forge()
        payment = spend(b"\x01" * 32, coins_of(forge), [pay(BOB.key_hash, 1)], ALICE)
        with pytest.raises((errors.NotOwner, errors.SignatureMalformed)):
            way(forge, forge.assemble([payment]))

    def test_unsigned_and_oversigned(self, way: Way) -> None:
        forge = Forge()
        coins = coins_of(forge)
        outputs = [pay(BOB.key_hash, 1)]
        half = spend(forge.network.id, coins, outputs, None, [ALICE])
        self.refuse(way, forge, forge.assemble([half]), errors.NotSigned)
        over = spend(forge.network.id, coins, outputs, ALICE, [ALICE, ALICE])
        self.refuse(way, forge, forge.assemble([over]), errors.SignatureUnused)

    def test_malformed_and_malleable_signatures(self, way: Way) -> None:
        forge = Forge()
        good = spend(forge.network.id, coins_of(forge), [pay(BOB.key_hash, 1)], ALICE)
        for signature, error in (
            (bytes(65), errors.SignatureMalformed),
            (with_high_s(good.signature), errors.SignatureHighS),
        ):
            bad = build_transaction(good.inputs, good.outputs, good.timestamp, signature)
            self.refuse(way, forge, forge.assemble([bad]), error)

    def test_first_bad_transaction_is_the_one_named(self, way: Way) -> None:
        forge = Forge()
        coins = coins_of(forge)
        greedy = [
            spend(forge.network.id, coins[:1], [pay(BOB.key_hash, 1_000_001)], ALICE),
            spend(forge.network.id, coins[1:], [pay(BOB.key_hash, 500_009)], ALICE),
        ]
        for payments in (greedy, greedy[::-1]):
            error = self.refuse(way, forge, forge.assemble(payments), errors.OutputsExceedInputs)
            assert error.field == "outputs"
            assert error.values["held"] == (1_000_000 if payments is greedy else 500_000)

    def test_signatures_come_last(self, way: Way) -> None:
        """A block that cheats elsewhere does not buy the time of recovering its signatures."""
        forge = Forge()
        coins = coins_of(forge)
        forged = spend(forge.network.id, coins[:1], [pay(BOB.key_hash, 1)], BOB)
        greedy = spend(forge.network.id, coins[1:], [pay(BOB.key_hash, 500_001)], ALICE)
        self.refuse(way, forge, forge.assemble([forged, greedy]), errors.OutputsExceedInputs)
        reward = coinbase(1, DAVE.key_hash, REWARD + 10**6)
        self.refuse(way, forge, forge.assemble([forged], reward=reward), errors.CoinbaseValue)

    def test_coinbase_takes_too_much(self, way: Way) -> None:
        forge = Forge()
        block = forge.assemble(reward=coinbase(1, DAVE.key_hash, REWARD + 1))
        error = self.refuse(way, forge, block, errors.CoinbaseValue)
        assert error.field == "transactions[0].outputs"
        assert error.values == {"paid": REWARD + 1, "allowed": REWARD}

    def test_coinbase_takes_more_than_the_fees(self, way: Way) -> None:
        forge = Forge()
        payment = spend(forge.network.id, coins_of(forge), [pay(BOB.key_hash, 1_499_990)], ALICE)
        forge.connect(forge.assemble([payment], fees=10))
        self.refuse(way, forge, forge.assemble([payment], fees=11), errors.CoinbaseValue)

    @pytest.mark.parametrize("height", [0, 2, 0xFFFFFFFF])
    def test_coinbase_names_its_height(self, way: Way, height: int) -> None:
        forge = Forge()
        block = forge.assemble(reward=coinbase(height, DAVE.key_hash, 1))
        error = self.refuse(way, forge, block, errors.CoinbaseMissing)
        assert (error.field, error.values) == ("transactions[0].inputs", {"height": 1})

    def test_first_transaction_is_a_coinbase(self, way: Way) -> None:
        forge = Forge()
        payment = spend(forge.network.id, coins_of(forge), [pay(BOB.key_hash, 1)], ALICE)
        self.refuse(way, forge, forge.assemble(reward=payment), errors.CoinbaseMissing)
        two = build_transaction([TxInput(ZERO_HASH, 1)] * 2, [pay(BOB.key_hash, 1)], 0)
        self.refuse(way, forge, forge.assemble(reward=two), errors.CoinbaseMissing)

    def test_coinbase_carries_no_signature(self, way: Way) -> None:
        forge = Forge()
        whole = build_transaction([TxInput(ZERO_HASH, 1)], [pay(BOB.key_hash, 1)], 0, bytes(65))
        own = build_transaction([TxInput(ZERO_HASH, 1, bytes(65))], [pay(BOB.key_hash, 1)], 0)
        for reward in (whole, own):
            error = self.refuse(way, forge, forge.assemble(reward=reward), errors.CoinbaseSigned)
            assert error.field == "transactions[0].signature"

    def test_coinbase_obeys_the_rules_of_outputs(self, way: Way) -> None:
        forge = Forge()
        for outputs, error in (
            ([], errors.NoOutputs),
            ([pay(BOB.key_hash, 0)], errors.AmountRange),
            ([pay(BOB.key_hash, MAX_AMOUNT), pay(BOB.key_hash, 1)], errors.TotalRange),
            ([Data(bytes(256))] * (MAX_TRANSACTION_BYTES // 259 + 1), errors.TransactionSize),
        ):
            reward = build_transaction([TxInput(ZERO_HASH, 1)], outputs, 0)
            self.refuse(way, forge, forge.assemble(reward=reward), error)

    def test_block_is_not_too_large(self, way: Way) -> None:
        reward = coinbase(1, DAVE.key_hash, REWARD, [Data(bytes(256))] * 4)
        size = len(Forge().assemble(reward=reward).raw)
        forge = Forge(dev_network(max_block_bytes=size))
        way(forge, forge.assemble(reward=reward))
        forge = Forge(dev_network(max_block_bytes=size - 1))
        error = self.refuse(way, forge, forge.assemble(reward=reward), errors.BlockSize)
        assert error.values == {"size": size, "limit": size - 1}

    def test_block_has_not_too_many_signatures(self, way: Way) -> None:
        for limit, is_good in ((2, True), (1, False)):
            forge = Forge(dev_network(max_block_signatures=limit))
            coins = coins_of(forge)
            outputs = [pay(BOB.key_hash, 1)]
            block = forge.assemble([spend(forge.network.id, coins, outputs, None, [ALICE, ALICE])])
            if is_good:
                way(forge, block)
            else:
                error = self.refuse(way, forge, block, errors.SignatureChecks)
                assert error.values == {"count": 2, "limit": 1}

    def test_sealer_owns_the_first_output(self, way: Way) -> None:
        forge = Forge(dev_network(miners=(address(ALICE), address(BOB))), miner=ALICE)
        way(forge, forge.assemble())
        for first in (pay(BOB.key_hash, 1), Data(b"x")):
            reward = build_transaction([TxInput(ZERO_HASH, 1)], [first, pay(ALICE.key_hash, 1)], 0)
            block = forge.assemble(reward=reward)
            error = self.refuse(way, forge, block, errors.SealNotCoinbaseOwner)
            assert (error.field, error.values) == ("seal", {"signer": ALICE.key_hash.hex()})

    def test_sealer_without_anything_to_take_names_itself(self, way: Way) -> None:
        network = dev_network(miners=(address(ALICE), address(BOB)), subsidy=0)
        forge = Forge(network, miner=ALICE)
        for data, is_good in ((ALICE.key_hash + b"x", True), (BOB.key_hash, False)):
            reward = build_transaction([TxInput(ZERO_HASH, 1)], [Data(data)], 0)
            block = forge.assemble(reward=reward)
            if is_good:
                assert way(forge, block).created == []
            else:
                self.refuse(way, forge, block, errors.SealNotCoinbaseOwner)


class TestCache:
    def test_known_signatures_are_not_recovered_again(self) -> None:
        forge = Forge()
        good = spend(forge.network.id, coins_of(forge), [pay(BOB.key_hash, 1)], ALICE)
        forged = build_transaction(good.inputs, good.outputs, good.timestamp, bytes(65))
        block = forge.assemble([forged])
        forge.cache.add([forged.full_id])
        assert forge.connect(block).fees == 1_499_999

    def test_connected_block_is_known_from_then_on(self) -> None:
        forge = Forge()
        payment = spend(forge.network.id, coins_of(forge), [pay(BOB.key_hash, 1)], ALICE)
        forge.connect(forge.assemble([payment]))
        assert payment.full_id in forge.cache

    def test_refused_block_makes_nothing_known(self) -> None:
        forge = Forge()
        coins = coins_of(forge)
        good = spend(forge.network.id, coins[:1], [pay(BOB.key_hash, 1)], ALICE)
        bad = spend(forge.network.id, coins[1:], [pay(BOB.key_hash, 1)], BOB)
        with pytest.raises(errors.NotOwner):
            forge.connect(forge.assemble([good, bad]))
        assert len(forge.cache) == 0

    def test_kernel_that_refuses_what_the_rules_allow_is_a_bug_and_not_a_verdict(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        forge = Forge()
        block = forge.assemble()
        verdict = kernel.check_block

        def refuse(*arguments: object) -> object:
            real = verdict(*arguments)
            return type("Refusal", (), {"is_valid": False, "suspect": 0, "fees": real.fees})

        monkeypatch.setattr(connect, "check_block", refuse)
        with pytest.raises(AssertionError, match="suspects transaction 0"):
            forge.connect(block)


def test_body_is_checked_before_any_coin_is_looked_up() -> None:
    """What `check_body` refuses by itself, and the largest coinbase that it does not."""
    forge = Forge()
    data = [Data(bytes(256))] * (MAX_TRANSACTION_BYTES // 259 - 1)
    rest = (
        MAX_TRANSACTION_BYTES
        - build_transaction([TxInput(ZERO_HASH, 1)], [*data, Data(bytes(128))], 0).size
    )
    for extra, is_good in ((0, True), (1, False)):
        outputs = [*data, Data(bytes(128 + rest + extra))]
        reward = build_transaction([TxInput(ZERO_HASH, 1)], outputs, 0)
        assert reward.size == MAX_TRANSACTION_BYTES + extra
        block = forge.assemble(reward=reward)
        if is_good:
            check_body(forge.network.genesis, forge.enter(block), block)
        else:
            with pytest.raises(errors.TransactionSize) as raised:
                check_body(forge.network.genesis, forge.enter(block), block)
            assert raised.value.field == "transactions[0]"
    block = forge.assemble(reward=build_transaction([TxInput(ZERO_HASH, 1)], [], 0))
    with pytest.raises(errors.NoOutputs):
        check_body(forge.network.genesis, forge.enter(block), block)


def test_value_of_a_coinbase_is_subsidy_and_fees() -> None:
    genesis = dev_network().genesis
    reward = coinbase(1, DAVE.key_hash, REWARD + 5)
    check_coinbase_value(genesis, reward, Height(1), Amount(5))
    with pytest.raises(errors.CoinbaseValue):
        check_coinbase_value(genesis, reward, Height(1), Amount(4))


def _random_payment(forge: Forge, draw: random.Random, made: list) -> Transaction:
    """Mostly right, sometimes broken in one of many ways."""
    owners = {key.key_hash: key for key in (ALICE, BOB, CAROL, DAVE)}
    pool = [
        *((outpoint, decode_coin(packed)) for outpoint, packed in forge.coins.held.items()),
        *made,
    ]
    chosen = draw.sample(pool, min(len(pool), draw.randint(1, 3)))
    if draw.random() < 0.05:
        chosen.append(chosen[0])
    total = sum(coin.amount for _, coin in chosen)
    paid = total if draw.random() < 0.3 else draw.randint(1, max(1, total))
    paid += draw.random() < 0.05
    cut = draw.randint(0, paid)
    outputs = [pay(draw.choice(list(owners)), amount) for amount in (cut, paid - cut) if amount]
    if draw.random() < 0.2:
        outputs.append(Data(draw.randbytes(draw.randint(0, 20))))
    signers = [owners[coin.key_hash] for _, coin in chosen]
    if draw.random() < 0.1:
        signers[draw.randrange(len(signers))] = draw.choice([ALICE, BOB])
    own = [key if key is not signers[0] or draw.random() < 0.2 else None for key in signers]
    whole = signers[0] if None in own or draw.random() < 0.1 else None
    network_id = b"\x01" * 32 if draw.random() < 0.03 else forge.network.id
    transaction = spend(network_id, chosen, outputs, whole, own, draw.randint(0, 9))
    height = forge.tip.header.height + 1
    made += [
        (transaction.outpoint(place), Coin(output.key_hash, output.amount, height, is_reward=False))
        for place, output in enumerate(outputs)
        if not isinstance(output, Data)
    ]
    return transaction


def _verdict(way: Way, forge: Forge, block: Block) -> object:
    try:
        return way(forge, block)
    except errors.RuleError as error:
        return type(error), error.field, error.values


@given(st.integers(0, 2**32))
def test_random_blocks_fare_the_same_either_way(seed: int) -> None:
    draw = random.Random(seed)
    forge = Forge(dev_network(maturity=draw.choice([0, 1, 2])))
    for _ in range(3):
        made: list = []
        payments = [_random_payment(forge, draw, made) for _ in range(draw.randint(0, 6))]
        if draw.random() < 0.1:
            draw.shuffle(payments)
        fees = draw.choice([0, 0, 0, 1])
        block = forge.assemble(payments, fees=fees, took_ms=draw.randint(1, 10_000))
        quick, slowly = _verdict(fast, forge, block), _verdict(slow, forge, block)
        assert quick == slowly
        if isinstance(quick, Change):
            before = coins_hash_of(forge.coins.held)
            value_before = sum(decode_coin(packed).amount for packed in forge.coins.held.values())
            apply_change(forge.coins.held, quick)
            value = sum(decode_coin(packed).amount for packed in forge.coins.held.values())
            assert value == value_before + REWARD + fees - quick.fees
            undo_change(forge.coins.held, quick)
            assert coins_hash_of(forge.coins.held) == before
            forge.extend(payments, fees=fees)
