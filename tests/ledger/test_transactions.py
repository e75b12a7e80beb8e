"""Each rule of a transaction, from both sides."""

from __future__ import annotations

import pytest

from chaindeck.ledger import errors
from chaindeck.ledger.codec import build_transaction
from chaindeck.ledger.coins import Coin
from chaindeck.ledger.limits import MAX_AMOUNT, MAX_TRANSACTION_BYTES
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.transactions import (
    check_outputs,
    check_signatures,
    check_spend,
    check_transaction,
)
from chaindeck.ledger.types import ZERO_HASH, Data, OutPoint, Output, Transaction, TxInput
from tests.ledger.forge import ALICE, BOB, CAROL, pay, spend
from tests.ledger.test_signatures import with_high_s

NETWORK = b"\x07" * 32
SIGNATURE = bytes(65)
ONE = TxInput(b"\x01" * 32, 0)
TWO = TxInput(b"\x01" * 32, 1)


def build(
    inputs: tuple[TxInput, ...] = (ONE,),
    outputs: tuple[Output, ...] = (pay(BOB.key_hash, 1),),
    signature: bytes = SIGNATURE,
) -> Transaction:
    return build_transaction(inputs, outputs, 0, signature)


def signed(item: TxInput) -> TxInput:
    return TxInput(item.tx_id, item.output_index, SIGNATURE)


def coin(
    key: SigningKey = ALICE, amount: int = 100, height: int = 0, *, is_reward: bool = False
) -> Coin:
    return Coin(key.key_hash, amount, height, is_reward)


class TestByItself:
    def test_ordinary_payment_is_fine(self) -> None:
        check_transaction(build())
        check_transaction(build((ONE, TWO)))
        check_transaction(build((signed(ONE), TWO)))
        check_transaction(build((signed(ONE), signed(TWO)), signature=b""))
        check_transaction(build(outputs=(Data(b""),)))

    def test_needs_an_input(self) -> None:
        with pytest.raises(errors.NoInputs) as raised:
            check_transaction(build(()))
        assert raised.value.field == "inputs"

    def test_needs_an_output(self) -> None:
        with pytest.raises(errors.NoOutputs) as raised:
            check_transaction(build(outputs=()))
        assert raised.value.field == "outputs"

    def test_spends_nothing_twice(self) -> None:
        with pytest.raises(errors.DuplicateInput) as raised:
            check_transaction(build((ONE, TWO, ONE)))
        assert (raised.value.field, raised.value.values) == ("inputs[2]", {"input": 2})

    @pytest.mark.parametrize("place", [0, 1])
    def test_names_no_zero_transaction(self, place: int) -> None:
        inputs = [ONE]
        inputs.insert(place, TxInput(ZERO_HASH, 3))
        for chosen in (inputs, inputs[place : place + 1]):
            with pytest.raises(errors.CoinbaseInput) as raised:
                check_transaction(build(tuple(chosen)))
            position = chosen.index(TxInput(ZERO_HASH, 3))
            assert raised.value.field == f"inputs[{position}].tx_id"
            assert raised.value.values == {"input": position}

    @pytest.mark.parametrize("amount", [0, MAX_AMOUNT + 1, (1 << 64) - 1])
    def test_amounts_are_in_range(self, amount: int) -> None:
        with pytest.raises(errors.AmountRange) as raised:
            check_transaction(build(outputs=(pay(BOB.key_hash, 1), pay(BOB.key_hash, amount))))
        assert raised.value.field == "outputs[1].amount"
        assert raised.value.values == {"amount": amount}

    def test_sum_of_amounts_is_in_range(self) -> None:
        most = pay(BOB.key_hash, MAX_AMOUNT)
        assert check_outputs(build(outputs=(most, Data(b"x")))) == MAX_AMOUNT
        with pytest.raises(errors.TotalRange) as raised:
            check_transaction(build(outputs=(most, pay(BOB.key_hash, 1))))
        assert raised.value.field == "outputs"

    def test_size_is_limited(self) -> None:
        data_output = 1 + 2 + 256
        filled = (Data(bytes(256)),) * (MAX_TRANSACTION_BYTES // data_output - 1)
        rest = MAX_TRANSACTION_BYTES - build(outputs=(*filled, Data(bytes(128)))).size + 128
        largest = build(outputs=(*filled, Data(bytes(rest))))
        assert largest.size == MAX_TRANSACTION_BYTES
        check_transaction(largest)
        with pytest.raises(errors.TransactionSize) as raised:
            check_transaction(build(outputs=(*filled, Data(bytes(rest + 1)))))
        assert raised.value.values == {
            "size": MAX_TRANSACTION_BYTES + 1,
            "limit": MAX_TRANSACTION_BYTES,
        }

    def test_every_input_is_authorised_by_something(self) -> None:
        with pytest.raises(errors.NotSigned) as raised:
            check_transaction(build((signed(ONE), TWO), signature=b""))
        assert raised.value.field == "inputs[1].signature"
        assert raised.value.values == {"input": 1}

    def test_signature_of_the_whole_authorises_something(self) -> None:
        with pytest.raises(errors.SignatureUnused) as raised:
            check_transaction(build((signed(ONE), signed(TWO))))
        assert raised.value.field == "signature"


class TestSpending:
    def test_fee_is_what_is_left(self) -> None:
        transaction = build((ONE, TWO), (pay(BOB.key_hash, 150), Data(b"x"), pay(BOB.key_hash, 1)))
        assert check_spend(transaction, [coin(), coin()], 5, 10) == 49

    def test_outputs_may_use_up_the_inputs_and_not_more(self) -> None:
        assert check_spend(build(outputs=(pay(BOB.key_hash, 100),)), [coin()], 5, 10) == 0
        with pytest.raises(errors.OutputsExceedInputs) as raised:
            check_spend(build(outputs=(pay(BOB.key_hash, 101),)), [coin()], 5, 10)
        assert raised.value.field == "outputs"
        assert raised.value.values == {"paid": 101, "held": 100}

    def test_sum_of_inputs_is_in_range(self) -> None:
        assert check_spend(build(), [coin(amount=MAX_AMOUNT)], 5, 10) == MAX_AMOUNT - 1
        with pytest.raises(errors.TotalRange) as raised:
            check_spend(build((ONE, TWO)), [coin(amount=MAX_AMOUNT), coin(amount=1)], 5, 10)
        assert raised.value.field == "inputs"

    def test_reward_matures(self) -> None:
        reward = coin(height=7, is_reward=True)
        assert check_spend(build((ONE, TWO)), [coin(height=16), reward], 17, 10) == 199
        with pytest.raises(errors.ImmatureCoin) as raised:
            check_spend(build((ONE, TWO)), [coin(), reward], 16, 10)
        assert raised.value.field == "inputs[1]"
        assert raised.value.values == {"input": 1, "age": 9, "maturity": 10}
        assert not raised.value.is_blamed

    def test_other_coins_need_not(self) -> None:
        assert check_spend(build(), [coin(height=5)], 5, 10) == 99


class TestSignatures:
    def coins(self, *keys: SigningKey) -> list[tuple[OutPoint, Coin]]:
        return [
            (TxInput(b"\x01" * 32, place).outpoint, coin(key)) for place, key in enumerate(keys)
        ]

    def check(self, coins: list[tuple[OutPoint, Coin]], transaction: Transaction) -> None:
        check_signatures(transaction, [owned for _, owned in coins], NETWORK)

    def test_one_signature_is_enough_for_one_owner(self) -> None:
        coins = self.coins(ALICE, ALICE, ALICE)
        self.check(coins, spend(NETWORK, coins, [pay(BOB.key_hash, 1)], ALICE))

    def test_several_owners_sign_their_own_inputs(self) -> None:
        coins = self.coins(ALICE, BOB, CAROL)
        outputs = [pay(BOB.key_hash, 1)]
        self.check(coins, spend(NETWORK, coins, outputs, None, [ALICE, BOB, CAROL]))
        self.check(coins, spend(NETWORK, coins, outputs, CAROL, [ALICE, BOB, None]))
        self.check(coins, spend(NETWORK, coins, outputs, ALICE, [None, BOB, CAROL]))

    def test_signature_of_the_whole_must_be_the_owners(self) -> None:
        coins = self.coins(ALICE, BOB)
        with pytest.raises(errors.NotOwner) as raised:
            self.check(coins, spend(NETWORK, coins, [pay(BOB.key_hash, 1)], ALICE))
        assert raised.value.field == "signature"
        assert raised.value.values == {
            "input": 1,
            "signer": ALICE.key_hash.hex(),
            "owner": BOB.key_hash.hex(),
        }

    def test_own_signature_authorises_its_input_alone(self) -> None:
        coins = self.coins(ALICE, BOB)
        wrong = spend(NETWORK, coins, [pay(BOB.key_hash, 1)], BOB, [BOB, None])
        with pytest.raises(errors.NotOwner) as raised:
            self.check(coins, wrong)
        assert raised.value.field == "inputs[0].signature"
        assert raised.value.values["input"] == 0

    def test_signature_is_for_this_network_body_and_coins(self) -> None:
        coins = self.coins(ALICE)
        good = spend(NETWORK, coins, [pay(BOB.key_hash, 1)], ALICE)
        owned = [owned for _, owned in coins]
        check_signatures(good, owned, NETWORK)
        for network, spent in (
            (b"\x08" * 32, owned),
            (NETWORK, [Coin(ALICE.key_hash, 101, 0, is_reward=False)]),
        ):
            with pytest.raises((errors.NotOwner, errors.SignatureMalformed)):
                check_signatures(good, spent, network)
        other = build_transaction(good.inputs, good.outputs, good.timestamp + 1, good.signature)
        with pytest.raises((errors.NotOwner, errors.SignatureMalformed)):
            check_signatures(other, owned, NETWORK)

    def test_coins_height_is_not_signed(self) -> None:
        """A payment prepared before a reorganisation stays good when its coin moves."""
        coins = self.coins(ALICE)
        good = spend(NETWORK, coins, [pay(BOB.key_hash, 1)], ALICE)
        check_signatures(good, [coin(height=99, is_reward=True)], NETWORK)

    @pytest.mark.parametrize("is_own", [False, True])
    def test_malleable_and_malformed_signatures_name_their_field(self, *, is_own: bool) -> None:
        coins = self.coins(ALICE)
        good = spend(NETWORK, coins, [pay(BOB.key_hash, 1)], ALICE)
        field = "inputs[0].signature" if is_own else "signature"
        for signature, error in (
            (with_high_s(good.signature), errors.SignatureHighS),
            (bytes(65), errors.SignatureMalformed),
        ):
            item = TxInput(good.inputs[0].tx_id, 0, signature if is_own else b"")
            changed = build_transaction(
                [item], good.outputs, good.timestamp, b"" if is_own else signature
            )
            with pytest.raises(error) as raised:
                self.check(coins, changed)
            assert raised.value.field == field
