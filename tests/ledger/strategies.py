"""Random transactions and documents for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from chaindeck.ledger.codec import build_transaction
from chaindeck.ledger.types import Amount, Data, KeyHash, Payment, TxId, TxInput

U64 = (1 << 64) - 1

signatures = st.one_of(st.just(b""), st.binary(min_size=65, max_size=65))
inputs = st.builds(
    TxInput,
    st.binary(min_size=32, max_size=32).map(TxId),
    st.integers(0, 0xFFFFFFFF),
    signatures,
)
payments = st.builds(
    Payment,
    st.binary(min_size=20, max_size=20).map(KeyHash),
    st.one_of(st.integers(0, U64), st.integers(1, 10**9)).map(Amount),
)
outputs = st.one_of(payments, st.builds(Data, st.binary(max_size=256)))
transactions = st.builds(
    build_transaction,
    st.lists(inputs, max_size=4),
    st.lists(outputs, max_size=4),
    st.integers(0, U64),
    signatures,
)
