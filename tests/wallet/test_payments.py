"""From a wish to pay to a node, on this machine and over an offline one."""

import msgspec
import pytest

from chaindeck.ledger.errors import ImmatureCoin, MissingInput
from chaindeck.ledger.pool_types import FeeBucket
from chaindeck.ledger.types import Height
from chaindeck.wallet import payments
from chaindeck.wallet.drafts import draft_from_json, draft_to_json
from chaindeck.wallet.errors import NotEnough, NothingToConsolidate, WalletNetwork
from chaindeck.wallet.payments import (
    Balance,
    draft_consolidation,
    draft_payment,
    draft_sweep,
    find_balance,
    recover_addresses,
    submit_draft,
)
from chaindeck.wallet.ports import NodePort
from chaindeck.wallet.signing import preview_draft, sign_draft
from chaindeck.wallet.wallet import Wallet, hd_wallet, watch_account
from tests.wallet.samples import KEYS, NETWORK, OTHER_NETWORK, PHRASE, Node, coin, pay

NOW = 1_800_000_000
TO = KEYS[3]


def funded(*amounts, **options):
    """A wallet with one address for each amount, and the node that knows them."""
    wallet = hd_wallet(NETWORK, PHRASE)
    coins = [coin(n, amount, wallet.next_receive()) for n, amount in enumerate(amounts, start=1)]
    return wallet, Node(coins, **options)


def sign(wallet, draft):
    return sign_draft(draft, wallet.network, wallet.signer)


def test_payment_reaches_its_owner_and_change_comes_back():
    wallet, node = funded(60_000, 50_000)
    draft = draft_payment(wallet, node, [pay(80_000, TO)], timestamp_s=NOW, fee_per_kb=100)
    change_to = wallet.next_change()
    submit_draft(wallet, node, sign(wallet, draft))
    assert [item.coin.amount for item in node.coins_of([TO.key_hash])] == [80_000]
    assert [item.coin.amount for item in node.coins_of([change_to])] == [30_000 - draft.fee]
    assert find_balance(wallet, node) == Balance(30_000 - draft.fee, 0)
    assert wallet.next_change() != change_to


def test_payment_is_signed_on_a_machine_without_a_network():
    online, node = funded(60_000, 50_000)
    watching = watch_account(NETWORK, online.keys.public)
    for _ in range(2):
        watching.next_receive()
    wish = draft_payment(watching, node, [pay(80_000, TO)], timestamp_s=NOW, fee_per_kb=0)
    carried = draft_from_json(draft_to_json(wish))
    offline = hd_wallet(NETWORK, PHRASE)
    shown = preview_draft(carried, lambda key_hash: offline.place_of(key_hash) is not None)
    assert [line.amount for line in shown.payments] == [80_000]
    assert [line.amount for line in shown.change] == [30_000]
    signed = draft_from_json(draft_to_json(sign(offline, carried)))
    submit_draft(watching, node, signed)
    assert watching.progress.changed == 1


def test_fee_follows_what_waits_at_the_node():
    wallet, node = funded(10**7)
    node.answer = msgspec.structs.replace(node.answer, block_bytes=1_000, least_fee_per_kb=3)
    calm = draft_payment(wallet, node, [pay(80_000, TO)], timestamp_s=NOW)
    node.histogram = [FeeBucket(500, 1, 1_500), FeeBucket(0, 9, 9_000)]
    busy = draft_payment(wallet, node, [pay(80_000, TO)], timestamp_s=NOW)
    assert preview_draft(calm, bool).fee_per_kb in {3, 4, 5, 6}
    assert 500 <= preview_draft(busy, bool).fee_per_kb < 520


def test_sweep_leaves_nothing_behind():
    wallet, node = funded(100, 200, 300)
    draft = draft_sweep(wallet, node, TO.key_hash, timestamp_s=NOW, fee_per_kb=0)
    assert draft.change == ()
    submit_draft(wallet, node, sign(wallet, draft))
    assert find_balance(wallet, node) == Balance(0, 0)
    with pytest.raises(NotEnough):
        draft_sweep(wallet, node, TO.key_hash, timestamp_s=NOW)


def test_consolidation_leaves_one_coin():
    wallet, node = funded(100, 200, 300)
    draft = draft_consolidation(wallet, node, timestamp_s=NOW, fee_per_kb=0)
    submit_draft(wallet, node, sign(wallet, draft))
    assert [item.coin.amount for item in node.coins.values()] == [600]
    with pytest.raises(NothingToConsolidate):
        draft_consolidation(wallet, node, timestamp_s=NOW)


@pytest.mark.parametrize(("age", "spendable"), [(9, 0), (10, 500)])
def test_reward_is_spendable_from_its_maturity_on(age, spendable):
    wallet = hd_wallet(NETWORK, PHRASE)
    made_at = Height(101 - age)
    reward = coin(1, 500, wallet.next_receive(), height=made_at, is_reward=True)
    node = Node([reward], height=100)
    assert find_balance(wallet, node) == Balance(spendable, 500 - spendable)
    everything = msgspec.structs.replace(node.answer, maturity=0)
    strict, node.answer = node.answer, everything
    draft = sign(wallet, draft_payment(wallet, node, [pay(500, TO)], timestamp_s=NOW))
    node.answer = strict
    if spendable:
        assert submit_draft(wallet, node, draft)
        return
    with pytest.raises(ImmatureCoin):
        submit_draft(wallet, node, draft)


def test_refused_transaction_uses_no_address():
    wallet, node = funded(500)
    draft = sign(wallet, draft_payment(wallet, node, [pay(400, TO)], timestamp_s=NOW))

    def refuse(_transaction):
        raise MissingInput(field="inputs[0]", input=0)

    node.submit = refuse
    with pytest.raises(MissingInput):
        submit_draft(wallet, node, draft)
    assert wallet.progress.changed == 0


def test_recovered_wallet_finds_its_coins():
    wallet, node = funded(*[100] * 20)
    wallet.mark_used(wallet.key_hashes()[:20])
    last = wallet.next_receive()
    node = Node([*node.coins.values(), coin(99, 7, last)])
    recovered = Wallet(NETWORK, wallet.keys)
    recover_addresses(recovered, node)
    assert recovered.progress.received == 21
    assert find_balance(recovered, node) == Balance(2_007, 0)


@pytest.mark.parametrize(
    "step",
    [
        lambda wallet, node, draft: find_balance(wallet, node),
        lambda wallet, node, draft: recover_addresses(wallet, node),
        lambda wallet, node, draft: draft_payment(wallet, node, [pay(1, TO)], timestamp_s=NOW),
        submit_draft,
    ],
)
def test_node_of_another_network_is_not_spoken_to(step):
    wallet, node = funded(500)
    draft = sign(wallet, draft_payment(wallet, node, [pay(400, TO)], timestamp_s=NOW))
    stranger = Node(network=OTHER_NETWORK)
    with pytest.raises(WalletNetwork) as raised:
        step(wallet, stranger, draft)
    assert raised.value.code == "wallet-network"


def test_port_is_small_and_the_test_node_satisfies_it():
    methods = [name for name in vars(NodePort) if not name.startswith("_")]
    assert len(methods) <= 10
    assert all(callable(getattr(Node, name)) for name in methods)
    assert payments.DEFAULT_BLOCKS > 0
