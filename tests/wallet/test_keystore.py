"""Wallet files: they come back whole, and whatever is wrong with one is said with a code."""

import stat

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.ledger.addresses import encode_address
from chaindeck.store import atomic
from chaindeck.store.errors import StoreError
from chaindeck.wallet import envelope
from chaindeck.wallet import keystore as module
from chaindeck.wallet.envelope import decode_document, encode_document
from chaindeck.wallet.errors import (
    KeystoreDamaged,
    KeystoreError,
    KeystoreExists,
    KeystorePasswordShort,
    KeystoreVersion,
    KeystoreWrongPassword,
    WalletLocked,
    WatchOnly,
)
from chaindeck.wallet.keys import HdKeys, KeySecret, PhraseSecret
from chaindeck.wallet.keystore import (
    FORMAT,
    Keystore,
    KeystoreForm,
    create_keystore,
    decode_keystore,
    load_keystore,
    protect,
    store_keystore,
    watch,
)
from chaindeck.wallet.limits import MAX_KEYSTORE_BYTES
from chaindeck.wallet.sealing import seal
from chaindeck.wallet.wallet import Wallet, hd_wallet, key_wallet, watch_account, watch_addresses
from tests.wallet.samples import (
    CHEAP,
    KEY,
    NETWORK,
    OTHER_NETWORK,
    PASSWORD,
    PHRASE,
    attempt,
    signing_hash,
)

ADDRESS = encode_address(KEY.key_hash, NETWORK.prefix)


def account_wallet():
    wallet = hd_wallet(NETWORK, PHRASE, account=2)
    wallet.set_label(wallet.address(wallet.next_receive()), "rent")
    return wallet


HD = protect(account_wallet(), PASSWORD, CHEAP).encode()
SINGLE = protect(key_wallet(NETWORK, KEY), PASSWORD, CHEAP).encode()
WATCHED = watch(watch_account(NETWORK, account_wallet().keys.public)).encode()
LISTED = watch(watch_addresses(NETWORK, [ADDRESS])).encode()


def change(raw, **changes):
    """Rewrite a file with a right checksum and other content."""
    document = msgspec.json.decode(raw)
    kept = {name: document[name] for name in KeystoreForm.__struct_fields__}
    return encode_document(FORMAT, KeystoreForm(**{**kept, **changes}))


@pytest.mark.parametrize("raw", [HD, SINGLE, WATCHED, LISTED])
def test_file_comes_back_with_everything(raw):
    keystore = decode_keystore(raw)
    assert keystore.encode() == raw
    assert keystore.wallet.is_locked


def test_unlocked_wallet_signs_for_its_addresses():
    wallet = decode_keystore(HD).unlock(PASSWORD)
    assert wallet.secret() == PHRASE
    first = wallet.key_hashes()[0]
    assert signing_hash(wallet, first) == first
    assert list(wallet.labels.values()) == ["rent"]
    assert wallet.progress.handed == 1


@given(st.text(min_size=8, max_size=20), st.binary(max_size=31))
def test_any_password_opens_what_it_closed(password, raw):
    secret = KeySecret((b"\1" + raw.rjust(31, b"\0")).hex())
    stored = decode_keystore(protect(key_wallet(NETWORK, secret), password, CHEAP).encode())
    assert stored.unlock(password).secret() == secret


@pytest.mark.parametrize("raw", [HD, SINGLE])
def test_wrong_password_is_told_apart_and_leaves_the_wallet_locked(raw):
    keystore = decode_keystore(raw)
    with pytest.raises(KeystoreWrongPassword):
        keystore.unlock("wrong horse")
    assert keystore.wallet.is_locked


@pytest.mark.parametrize("raw", [HD, SINGLE, WATCHED, LISTED])
def test_every_torn_file_is_damaged(raw):
    whole = raw.rstrip()
    for length in range(len(whole)):
        with pytest.raises(KeystoreDamaged):
            decode_keystore(raw[:length])


@given(st.data())
def test_every_changed_byte_is_noticed_or_changes_nothing(data):
    raw = data.draw(st.sampled_from([HD, SINGLE, WATCHED, LISTED]))
    place = data.draw(st.integers(0, len(raw) - 1))
    value = data.draw(st.integers(0, 255))
    changed = raw[:place] + bytes([value]) + raw[place + 1 :]
    keystore, error = attempt(decode_keystore, changed)
    assert keystore.encode() == raw if error is None else error.code == "keystore-damaged"


def test_every_flipped_bit_is_noticed_or_changes_nothing():
    for place in range(len(HD)):
        for bit in range(8):
            changed = bytearray(HD)
            changed[place] ^= 1 << bit
            try:
                assert decode_keystore(bytes(changed)).encode() == HD
            except KeystoreDamaged:
                continue


@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
def test_other_files_are_refused(raw):
    with pytest.raises(KeystoreError):
        decode_keystore(raw)


@pytest.mark.parametrize(
    "raw",
    [b"", b"null", b"[]", b"{}", b"{" * 5_000, b"[" * 100_000, b'{"a":' * 100_000, b'"\\ud800"'],
)
def test_hostile_json_is_damaged(raw):
    with pytest.raises(KeystoreDamaged):
        decode_keystore(raw)


@pytest.mark.parametrize(("spare", "reason"), [(0, "not JSON"), (1, "at most")])
def test_size_is_bounded(spare, reason):
    with pytest.raises(KeystoreDamaged, match=reason):
        decode_keystore(b" " * (MAX_KEYSTORE_BYTES + spare))


def test_file_of_a_later_version_is_no_damage(monkeypatch):
    monkeypatch.setattr(envelope, "VERSION", 2)
    later = change(SINGLE)
    monkeypatch.undo()
    with pytest.raises(KeystoreVersion, match="version 2, this program reads") as raised:
        decode_keystore(later)
    assert raised.value.code == "keystore-version"


@pytest.mark.parametrize(
    ("raw", "changes"),
    [
        (HD, {"sealed": None}),
        (WATCHED, {"sealed": decode_document(HD, FORMAT, KeystoreForm).sealed}),
        (HD, {"keys": HdKeys("xpub")}),
        (HD, {"labels": {"a": "x" * 101}}),
        (HD, {"network": {"id": "00", "prefix": "tdeck"}}),
        (LISTED, {"network": module.NetworkForm("07" * 32, "deck")}),
        (HD, {"progress": {"handed": 100_001}}),
        (HD, {"progress": {"handed": -1}}),
    ],
)
def test_right_checksum_does_not_excuse_wrong_content(raw, changes):
    with pytest.raises(KeystoreDamaged):
        decode_keystore(change(raw, **changes))


def test_seal_is_bound_to_network_and_keys():
    other = hd_wallet(NETWORK, PHRASE, account=3)
    for changes in (
        {"keys": other.keys},
        {"network": module.NetworkForm(OTHER_NETWORK.id.hex(), "tdeck")},
    ):
        with pytest.raises(KeystoreDamaged):
            decode_keystore(change(HD, **changes)).unlock(PASSWORD)


@pytest.mark.parametrize("wrong", [b"{}", b"no json", msgspec.json.encode(KeySecret("00"))])
def test_sealed_text_that_is_no_secret_is_damage_and_not_quoted(wrong):
    wallet = account_wallet()
    sealed = seal(wrong, PASSWORD, module._bound(wallet), CHEAP)
    with pytest.raises(KeystoreDamaged) as raised:
        Keystore(wallet, sealed).unlock(PASSWORD)
    assert "secret" in str(raised.value)


@pytest.mark.parametrize("wrong", [KEY, PhraseSecret("zoo " * 11 + "wrong")])
def test_secret_of_other_addresses_is_damage(wrong):
    wallet = Wallet(NETWORK, account_wallet().keys)
    sealed = seal(msgspec.json.encode(wrong), PASSWORD, module._bound(wallet), CHEAP)
    with pytest.raises(KeystoreDamaged, match="addresses"):
        Keystore(wallet, sealed).unlock(PASSWORD)


def test_file_shows_no_secret():
    for raw in (HD, SINGLE):
        assert KEY.key.encode() not in raw
        assert all(word.encode() not in raw for word in PHRASE.phrase.split() if len(word) > 5)


def test_password_changes_and_the_old_one_opens_no_more():
    keystore = decode_keystore(HD)
    keystore.change_password(PASSWORD, "battery staple", CHEAP)
    stored = keystore.encode()
    assert decode_keystore(stored).unlock("battery staple").secret() == PHRASE
    with pytest.raises(KeystoreWrongPassword):
        decode_keystore(stored).unlock(PASSWORD)


def test_failed_change_of_password_changes_nothing():
    keystore = decode_keystore(HD)
    with pytest.raises(KeystoreWrongPassword):
        keystore.change_password("wrong horse", "battery staple", CHEAP)
    with pytest.raises(KeystorePasswordShort):
        keystore.change_password(PASSWORD, "short", CHEAP)
    assert keystore.encode() == HD


def test_watching_wallet_has_nothing_to_unlock_or_protect():
    with pytest.raises(WatchOnly) as raised:
        decode_keystore(WATCHED).unlock(PASSWORD)
    assert raised.value.code == "wallet-watch-only"
    with pytest.raises(WatchOnly):
        protect(decode_keystore(WATCHED).wallet, PASSWORD, CHEAP)
    with pytest.raises(WalletLocked):
        protect(decode_keystore(HD).wallet, PASSWORD, CHEAP)


def test_created_file_is_its_owners_alone(tmp_path):
    path = tmp_path / "wallet.json"
    create_keystore(path, decode_keystore(HD))
    assert path.read_bytes() == HD
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    store_keystore(path, load_keystore(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["wallet.json"]


def test_existing_wallet_is_not_overwritten_unless_told(tmp_path):
    path = tmp_path / "wallet.json"
    create_keystore(path, decode_keystore(HD))
    with pytest.raises(KeystoreExists) as raised:
        create_keystore(path, decode_keystore(SINGLE))
    assert raised.value.code == "keystore-exists"
    assert path.read_bytes() == HD
    create_keystore(path, decode_keystore(SINGLE), replace=True)
    assert path.read_bytes() == SINGLE


@pytest.mark.parametrize("exists", [False, True])
def test_failed_write_leaves_the_old_file_or_none(tmp_path, monkeypatch, exists):
    path = tmp_path / "wallet.json"
    if exists:
        create_keystore(path, decode_keystore(HD))

    def fail(*_, **__):
        raise OSError(28, "no space")

    monkeypatch.setattr(atomic, "write_bytes", fail)
    with pytest.raises(OSError, match="no space"):
        create_keystore(path, decode_keystore(SINGLE), replace=exists)
    assert [entry.read_bytes() for entry in tmp_path.iterdir()] == ([HD] if exists else [])


def test_missing_file_is_the_stores_error(tmp_path):
    with pytest.raises(StoreError):
        load_keystore(tmp_path / "none.json")
