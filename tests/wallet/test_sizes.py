"""Estimated sizes are those of real, signed transactions, to the byte."""

from hypothesis import given
from hypothesis import strategies as st

from chaindeck.ledger.codec import build_transaction
from chaindeck.ledger.limits import MAX_AMOUNT
from chaindeck.ledger.types import Data, OutPoint
from chaindeck.wallet import sizes
from chaindeck.wallet.types import WalletCoin
from tests.wallet.samples import KEYS, coin, pay

indexes = st.sampled_from([0, 127, 128, 16_384, 2**32 - 1])
coins = st.lists(st.tuples(st.sampled_from(KEYS), indexes), min_size=1, max_size=140)
outputs = st.lists(
    st.one_of(
        st.integers(1, MAX_AMOUNT).map(pay), st.binary(max_size=256).map(Data)
    ),
    max_size=130,
)  # fmt: skip


def place(number, key, index):
    made = coin(number, 5, key.key_hash)
    return WalletCoin(OutPoint(made.outpoint[:32] + index.to_bytes(4, "big")), made.coin)


@given(coins, outputs)
def test_size_is_that_of_the_signed_transaction(drawn, outputs):
    spent = [place(number, key, index) for number, (key, index) in enumerate(drawn)]
    common = sizes.common_owner([item.coin.key_hash for item in spent])
    inputs = [
        item.tx_input
        if item.coin.key_hash == common
        else type(item.tx_input)(item.tx_input.tx_id, item.output_index, bytes(65))
        for item in spent
    ]
    transaction = build_transaction(inputs, outputs, 0, bytes(65))
    assert sizes.transaction_bytes(spent, outputs) == transaction.size


def test_owner_of_most_inputs_signs_for_the_whole():
    one, two, three = (key.key_hash for key in KEYS[:3])
    assert sizes.common_owner([one, two, two, three]) == two
    assert sizes.common_owner([three, one]) == three
    assert sizes.own_signatures([one, two, two, three]) == 2
    assert sizes.own_signatures([]) == 0


@given(st.integers(0, 100_000), st.integers(0, 10**6))
def test_fee_is_the_least_that_reaches_the_rate(size_bytes, rate):
    fee = sizes.fee_for(size_bytes, rate)
    assert fee * 1000 >= size_bytes * rate
    assert fee == 0 or (fee - 1) * 1000 < size_bytes * rate


def test_change_stub_is_as_large_as_change_can_be():
    assert sizes.output_bytes(sizes.CHANGE_STUB) >= sizes.output_bytes(pay(MAX_AMOUNT))
