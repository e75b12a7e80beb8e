"""One wallet of each kind: its addresses, what comes next, labels, and who signs."""

import pytest

from chaindeck.ledger.addresses import encode_address
from chaindeck.ledger.errors import AddressError, AddressPrefix
from chaindeck.wallet.accounts import account_node
from chaindeck.wallet.errors import (
    AddressCount,
    AddressGap,
    ChainFull,
    ExtendedKeyForm,
    KeystoreDamaged,
    LabelForm,
    UnknownAddress,
    WalletLocked,
    WatchOnly,
)
from chaindeck.wallet.hd import master_node
from chaindeck.wallet.limits import (
    GAP_LIMIT,
    MAX_CHAIN_ADDRESSES,
    MAX_LABEL_CHARACTERS,
    MAX_WATCHED_ADDRESSES,
)
from chaindeck.wallet.mnemonics import phrase_seed
from chaindeck.wallet.wallet import (
    Progress,
    Wallet,
    hd_wallet,
    key_wallet,
    watch_account,
    watch_addresses,
)
from tests.wallet.samples import KEY, KEYS, NETWORK, PHRASE, signing_hash

ACCOUNT = account_node(master_node(phrase_seed(PHRASE.phrase)))
HD = hd_wallet(NETWORK, PHRASE)


def key_hash_at(change, index):
    return ACCOUNT.public.derive([change, index]).key_hash


def fresh(progress=Progress()):  # noqa: B008 - frozen, so that sharing it harms nobody
    return Wallet(NETWORK, HD.keys, progress=progress, secret=PHRASE)


def listed(count):
    addresses = [encode_address(number.to_bytes(20, "big"), "tdeck") for number in range(count)]
    return watch_addresses(NETWORK, addresses)


def test_account_wallet_uses_the_documented_paths():
    wallet = fresh()
    assert wallet.next_receive() == key_hash_at(0, 0)
    assert wallet.next_receive() == key_hash_at(0, 1)
    assert wallet.next_change() == key_hash_at(1, 0)
    assert wallet.place_of(key_hash_at(1, 3)) == (1, 3)


def test_change_address_stays_until_it_is_paid():
    wallet = fresh()
    assert wallet.next_change() == wallet.next_change()
    wallet.mark_used([key_hash_at(1, 0), KEYS[0].key_hash])
    assert wallet.next_change() == key_hash_at(1, 1)
    assert wallet.progress == Progress(0, 0, 1)


def test_paid_address_is_not_handed_out_again():
    wallet = fresh()
    wallet.mark_used([key_hash_at(0, 4)])
    assert wallet.next_receive() == key_hash_at(0, 5)
    wallet.mark_used([key_hash_at(0, 1)])
    assert wallet.progress == Progress(6, 5, 0)


def test_no_address_beyond_the_gap_is_handed_out():
    wallet = fresh()
    for _ in range(GAP_LIMIT):
        last = wallet.next_receive()
    with pytest.raises(AddressGap) as raised:
        wallet.next_receive()
    assert raised.value.code == "wallet-gap"
    wallet.mark_used([last])
    assert wallet.next_receive() == key_hash_at(0, GAP_LIMIT)


def test_wallet_knows_a_gap_beyond_what_it_handed_out():
    wallet = fresh(Progress(handed=3, received=1, changed=2))
    known = wallet.key_hashes()
    assert len(known) == len(set(known)) == 3 + GAP_LIMIT + 2 + GAP_LIMIT
    assert wallet.place_of(key_hash_at(0, 2 + GAP_LIMIT)) == (0, 2 + GAP_LIMIT)
    assert wallet.place_of(key_hash_at(0, 3 + GAP_LIMIT)) is None


def test_chains_end_at_their_limit():
    limit = MAX_CHAIN_ADDRESSES
    wallet = fresh(Progress(handed=limit - 1, received=limit - 1, changed=limit - 1))
    assert wallet.next_receive() == key_hash_at(0, limit - 1)
    assert wallet.next_change() == key_hash_at(1, limit - 1)
    full = fresh(Progress(handed=limit, received=limit, changed=limit))
    for hand_out in (full.next_receive, full.next_change):
        with pytest.raises(ChainFull) as raised:
            hand_out()
        assert raised.value.code == "wallet-chain-full"


def test_recovery_finds_what_was_used():
    used = {key_hash_at(0, 7), key_hash_at(0, 7 + GAP_LIMIT), key_hash_at(1, 2)}
    wallet = fresh()
    wallet.rescan(used.__contains__)
    assert wallet.progress == Progress(8 + GAP_LIMIT, 8 + GAP_LIMIT, 3)
    single = key_wallet(NETWORK, KEY)
    single.rescan(used.__contains__)
    assert single.progress == Progress()


@pytest.mark.parametrize("index", [0, GAP_LIMIT - 1])
@pytest.mark.parametrize("change", [0, 1])
def test_account_wallet_signs_for_its_addresses(change, index):
    key_hash = key_hash_at(change, index)
    assert signing_hash(HD, key_hash) == key_hash
    assert HD.reveal_key(HD.address(key_hash)).key_hash == key_hash


def test_no_wallet_signs_for_others():
    assert HD.signer(KEYS[0].key_hash) is None
    with pytest.raises(UnknownAddress) as raised:
        HD.reveal_key(HD.address(KEYS[0].key_hash))
    assert raised.value.code == "wallet-unknown-address"


def test_single_key_is_its_only_address():
    wallet = key_wallet(NETWORK, KEY)
    assert wallet.key_hashes() == [KEY.key_hash]
    assert wallet.next_receive() == wallet.next_change() == KEY.key_hash
    assert wallet.place_of(KEY.key_hash) == (0, 0)
    assert signing_hash(wallet, KEY.key_hash) == KEY.key_hash
    assert wallet.reveal_key(wallet.address(KEY.key_hash)) == KEY
    wallet.mark_used([KEY.key_hash])
    assert wallet.progress == Progress()


def test_watched_account_sees_the_same_addresses_and_signs_nothing():
    wallet = watch_account(NETWORK, ACCOUNT.public.encode())
    assert wallet.key_hashes() == fresh().key_hashes()
    assert wallet.next_receive() == key_hash_at(0, 0)
    for ask in (lambda: wallet.signer(key_hash_at(0, 0)), wallet.secret):
        with pytest.raises(WatchOnly):
            ask()
    with pytest.raises(KeystoreDamaged):
        wallet.unlock(PHRASE)


def test_private_extended_key_is_not_watched():
    with pytest.raises(ExtendedKeyForm):
        watch_account(NETWORK, ACCOUNT.reveal())


def test_watched_addresses_are_those_of_the_list():
    wallet = watch_addresses(NETWORK, [HD.address(key_hash_at(0, 0)).upper()])
    assert wallet.key_hashes() == [key_hash_at(0, 0)] == [wallet.next_receive()]
    assert wallet.is_watch_only


def test_address_of_another_network_is_not_watched():
    with pytest.raises(AddressPrefix):
        watch_addresses(NETWORK, [encode_address(KEY.key_hash, "deck")])


def test_list_has_its_limits():
    assert len(listed(MAX_WATCHED_ADDRESSES).key_hashes()) == MAX_WATCHED_ADDRESSES
    twice = [HD.address(KEY.key_hash)] * 2
    for make in (
        lambda: listed(0),
        lambda: listed(MAX_WATCHED_ADDRESSES + 1),
        lambda: watch_addresses(NETWORK, twice),
    ):
        with pytest.raises(AddressCount) as raised:
            make()
        assert raised.value.code == "wallet-address-count"


def test_locked_wallet_knows_its_addresses_and_signs_nothing():
    wallet = fresh()
    wallet.lock()
    assert wallet.is_locked
    assert wallet.place_of(key_hash_at(0, 0)) == (0, 0)
    with pytest.raises(WalletLocked) as raised:
        wallet.signer(key_hash_at(0, 0))
    assert raised.value.code == "wallet-locked"
    wallet.unlock(PHRASE)
    assert wallet.signer(key_hash_at(0, 0))


def test_labels_are_given_changed_and_taken_away():
    wallet = fresh()
    address = wallet.address(KEYS[0].key_hash)
    wallet.set_label(address.upper(), "Bob")
    wallet.set_label(address, "Bob's shop")
    assert wallet.labels == {address: "Bob's shop"}
    wallet.set_label(address, "")
    assert wallet.labels == {}
    with pytest.raises(AddressError):
        wallet.set_label("deck1", "x")


def test_label_is_one_short_line():
    wallet = fresh()
    address = wallet.address(KEYS[0].key_hash)
    wallet.set_label(address, "x" * MAX_LABEL_CHARACTERS)
    for wrong in ("x" * (MAX_LABEL_CHARACTERS + 1), "two\nlines", "\x1b[0m"):
        with pytest.raises(LabelForm) as raised:
            wallet.set_label(address, wrong)
        assert raised.value.code == "wallet-label"


def test_repr_says_the_state_and_no_secret():
    wallet = fresh()
    assert repr(wallet) == "Wallet(HdKeys, unlocked)"
    wallet.lock()
    assert repr(wallet) == "Wallet(HdKeys, locked)"
    assert repr(listed(1)) == "Wallet(WatchedAddresses, watching)"
