"""What a signer is shown is what happens; few signatures, merged in any order; lies are refused."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.ledger.addresses import encode_address
from chaindeck.ledger.codec import build_transaction
from chaindeck.ledger.coins import Coin
from chaindeck.ledger.errors import DuplicateInput, SignatureUnused
from chaindeck.ledger.transactions import check_signatures, check_spend, check_transaction
from chaindeck.ledger.types import Data, Height
from chaindeck.wallet import signing
from chaindeck.wallet.drafts import Draft, build_draft, draft_from_json, draft_to_json
from chaindeck.wallet.errors import (
    DraftIncomplete,
    DraftMismatch,
    DraftNetwork,
    DraftNoKey,
    DraftSignature,
    NotEnough,
)
from chaindeck.wallet.selection import select_coins
from chaindeck.wallet.signing import Line, finish_draft, merge_drafts, preview_draft, sign_draft
from tests.wallet.samples import KEYS, NETWORK, OTHER_NETWORK, coin, pay, signer_of

ALICE, BOB, CAROL = KEYS[:3]
replace = msgspec.structs.replace


def make(coins, *outputs, rate=0, change_to=ALICE):
    selection = select_coins(coins, outputs, rate)
    return build_draft(NETWORK, selection, outputs, change_to.key_hash, 1_800_000_000)


SHARED = make(
    [
        coin(1, 50, ALICE.key_hash),
        coin(2, 60, BOB.key_hash),
        coin(3, 70, ALICE.key_hash),
        coin(4, 80, CAROL.key_hash),
    ],
    pay(250),
)


def sign(draft, *keys):
    return sign_draft(draft, NETWORK, signer_of(*keys))


purses = st.lists(
    st.tuples(st.integers(1, 10**6), st.sampled_from(KEYS)), min_size=1, max_size=8
).map(
    lambda drawn: [coin(n, amount, key.key_hash) for n, (amount, key) in enumerate(drawn, start=1)]
)


@given(purses, st.integers(1, 10**6), st.integers(0, 2_000))
def test_every_draft_signs_and_passes_the_ledgers_rules(coins, amount, rate):
    try:
        draft = make(coins, pay(amount), Data(b"note"), rate=rate)
    except NotEnough:
        return
    preview = preview_draft(draft, lambda _: False)
    draft = draft_from_json(draft_to_json(draft))
    for key in KEYS:
        try:
            draft = draft_from_json(draft_to_json(sign(draft, key)))
        except DraftNoKey:
            continue
    transaction = finish_draft(draft)
    check_transaction(transaction)
    fee = check_spend(transaction, draft.coins, Height(1), 0)
    check_signatures(transaction, draft.coins, NETWORK.id)
    owners = {item.key_hash for item in draft.coins}
    assert transaction.signature_count <= len(transaction.inputs)
    assert len(owners) > 1 or transaction.signature_count == 1
    assert fee * 1000 >= transaction.size * rate
    assert fee == preview.fee
    assert preview.fee_per_kb == 1000 * fee // transaction.size


def test_owner_of_most_inputs_signs_once_for_the_whole():
    signed = sign(SHARED, ALICE, BOB, CAROL).transaction
    assert signed.signature
    assert signed.signature_count == 3


def test_each_signer_adds_its_own_in_any_order():
    alone = [sign(SHARED, key) for key in (ALICE, BOB, CAROL)]
    whole = sign(SHARED, ALICE, BOB, CAROL)
    assert merge_drafts(merge_drafts(alone[0], alone[1]), alone[2]) == whole
    assert merge_drafts(alone[2], merge_drafts(alone[1], alone[0])) == whole
    assert merge_drafts(whole, SHARED) == merge_drafts(SHARED, whole) == whole
    assert sign(whole) == whole


def test_incomplete_draft_is_not_finished():
    with pytest.raises(DraftIncomplete) as raised:
        finish_draft(sign(SHARED, BOB))
    assert (raised.value.code, raised.value.values) == ("draft-incomplete", {"missing": 2})


def test_signer_without_a_key_is_told():
    with pytest.raises(DraftNoKey) as raised:
        sign(SHARED, KEYS[5])
    assert raised.value.code == "draft-no-key"


@pytest.mark.parametrize("network", [OTHER_NETWORK, replace(NETWORK, prefix="deck")])
def test_draft_of_another_network_is_refused(network):
    with pytest.raises(DraftNetwork) as raised:
        sign_draft(SHARED, network, signer_of(ALICE))
    assert raised.value.code == "draft-network"


def lie(draft, position, **changes):
    coins = list(draft.coins)
    coins[position] = replace(coins[position], **changes)
    return replace(draft, coins=tuple(coins))


@pytest.mark.parametrize("position", range(4))
def test_signature_made_on_a_lie_about_a_coin_is_worth_nothing(position):
    lied = sign(lie(SHARED, position, amount=99), ALICE, BOB, CAROL)
    told_truth = replace(lied, coins=SHARED.coins)
    with pytest.raises(DraftSignature) as raised:
        merge_drafts(told_truth, SHARED)
    assert raised.value.code == "draft-signature"


@pytest.mark.parametrize("keys", [(ALICE,), (BOB,)])
@pytest.mark.parametrize("wrong", [bytes(65), b"\xff" * 65, KEYS[5].sign(bytes(32))])
def test_wrong_signature_is_refused_by_whoever_comes_next(keys, wrong):
    signed = sign(SHARED, *keys).transaction
    inputs = [replace(item, signature=wrong if item.signature else b"") for item in signed.inputs]
    whole = wrong if signed.signature else b""
    forged = replace(
        SHARED,
        transaction=build_transaction(inputs, signed.outputs, signed.timestamp, whole),
    )
    for step in (
        lambda: sign(forged, CAROL),
        lambda: merge_drafts(forged, SHARED),
        lambda: merge_drafts(SHARED, forged),
    ):
        with pytest.raises(DraftSignature):
            step()


@pytest.mark.parametrize(
    "other",
    [
        replace(SHARED, network=OTHER_NETWORK),
        lie(SHARED, 0, amount=51),
        replace(SHARED, change=(0,)),
        make([coin(1, 500)], pay(250)),
    ],
)
def test_drafts_of_different_payments_are_not_merged(other):
    with pytest.raises(DraftMismatch) as raised:
        merge_drafts(SHARED, other)
    assert raised.value.code == "draft-mismatch"


def test_rules_of_the_ledger_have_the_last_word():
    bare = coin(1, 500).tx_input
    twice = build_transaction([bare, bare], [pay(700)], 0)
    owned = Coin(ALICE.key_hash, 500, Height(0), is_reward=False)
    with pytest.raises(DuplicateInput):
        finish_draft(sign(Draft(NETWORK, twice, (owned, owned)), ALICE))


def test_signature_that_authorises_nothing_is_found():
    draft = make([coin(1, 500)], pay(500))
    signature = sign(draft, ALICE).transaction.signature
    (item,) = draft.transaction.inputs
    doubled = build_transaction(
        [replace(item, signature=signature)], draft.transaction.outputs, 1_800_000_000, signature
    )
    with pytest.raises(SignatureUnused):
        finish_draft(replace(draft, transaction=doubled))


def test_preview_says_what_leaves_and_what_comes_back():
    coins = [coin(1, 100_000), coin(2, 50_000, BOB.key_hash)]
    draft = make(coins, pay(120_000, CAROL), Data(b"\xca\xfe"), rate=1_000)
    preview = preview_draft(draft, {ALICE.key_hash}.__contains__)
    assert preview.payments == (Line(encode_address(CAROL.key_hash, "tdeck"), 120_000),)
    assert preview.change == (Line(encode_address(ALICE.key_hash, "tdeck"), 30_000 - preview.fee),)
    assert preview.data == ("cafe",)
    assert (preview.held, preview.own_held, preview.missing) == (150_000, 100_000, 2)
    assert preview.fee_per_kb >= 1_000


def test_change_to_somebody_else_is_shown_as_a_payment():
    draft = make([coin(1, 100_000)], pay(20_000), change_to=CAROL)
    preview = preview_draft(draft, {ALICE.key_hash}.__contains__)
    assert preview.change == ()
    assert preview.payments[1] == Line(encode_address(CAROL.key_hash, "tdeck"), 80_000)


def test_own_output_that_is_not_named_change_is_a_payment():
    draft = make([coin(1, 100)], pay(100, ALICE))
    assert len(preview_draft(draft, {ALICE.key_hash}.__contains__).payments) == 1


def test_finished_size_is_known_before_any_signature():
    assert signing.finished_bytes(SHARED) == sign(SHARED, ALICE, BOB, CAROL).transaction.size
