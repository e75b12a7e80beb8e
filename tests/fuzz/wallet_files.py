"""Files of the wallet, as valid inputs to start from, and what must hold for any other.

Each carries a checksum. Chance would never find the right one, and what lies behind it would never
be tried; so it is set right before a file is read.
"""

import contextlib
import hashlib
from unittest import mock

import msgspec

from chaindeck.ledger.addresses import encode_address
from chaindeck.ledger.coins import Coin
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.types import Amount, Height, KeyHash, NetworkId, OutPoint, Payment
from chaindeck.wallet import drafts, key_files, keystore, sealing, wallet
from chaindeck.wallet.envelope import canonical_json
from chaindeck.wallet.keys import HdKeys, KeySecret, PhraseSecret
from chaindeck.wallet.mnemonics import encode_phrase
from chaindeck.wallet.sealing import Cost, Sealed
from chaindeck.wallet.selection import select_coins
from chaindeck.wallet.types import NetworkIdentity, WalletCoin

NETWORK = NetworkIdentity(NetworkId(b"\7" * 32), "tdeck")
OWNER = KeyHash(b"\2" * 20)
PASSWORD = "correct horse"
SEALED_KEY = "11" * 32
SCRYPT_BYTES = 1 << 16  # that a file may ask for here: the limit in force would stop the fuzzer

# As `export_key` wrote it once, with the least cost: salt and nonce are chance, and a run of the
# fuzzer is to be repeatable.
KEY_FILE = {
    "format": "chaindeck-key",
    "version": 1,
    "sealed": {
        "scrypt": {"n": 2, "r": 1, "p": 1},
        "salt": "1e277f2d5ad910f1f47407622d5e1166",
        "nonce": "b67c9a70994a8b7cef38985e",
        "key_check": "29312b86194207b0af19a8ab4151cfd3",
        "ciphertext": (
            "dc499548802879a15c72e69c22d783714cce9fdfd508cdcddd23b7e7fac2eb8a1e864266a8fcc1c5"
            "a856a1131155e45193a14bb37bfca4e45e871b8d39205a51dc4de7cebd9814b42dc7ee34a0c9e52618d4d8175ba847257a705a4bb4635bbe462957ecd3e2bd"
        ),
    },
}


def repair_checksum(data: bytes) -> bytes:
    """Return a file with the checksum that its content has; what is no JSON object stays."""
    try:
        document = msgspec.json.decode(data)
        if not isinstance(document, dict):
            return data
        document.pop("checksum", None)
        checksum = hashlib.sha256(canonical_json(document)).hexdigest()
        return msgspec.json.encode({"checksum": checksum, **document})
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return data


def rewrite_keystore(data: bytes) -> bytes:
    """Read a wallet file and write it again."""
    with contextlib.suppress(RuleError):
        keystore.decode_keystore(data)
    return keystore.decode_keystore(repair_checksum(data)).encode()


def open_key_file(data: bytes) -> None:
    """What opens holds the key that was sealed: nothing else has this seal."""
    with mock.patch.object(sealing, "MAX_SCRYPT_BYTES", SCRYPT_BYTES):
        secret = key_files.import_key(repair_checksum(data), PASSWORD)
    assert secret.key == SEALED_KEY, "a seal was forged"


def make_keystores() -> list[bytes]:
    """One wallet of each kind; what is sealed is never opened."""
    sealed = Sealed(Cost(), "00" * 16, "00" * 12, "00" * 16, "00" * 40)
    phrase = wallet.hd_wallet(NETWORK, PhraseSecret(encode_phrase(bytes(16))))
    assert isinstance(phrase.keys, HdKeys)
    address = encode_address(OWNER, NETWORK.prefix)
    phrase.set_label(address, "till two")
    holding = [phrase, wallet.key_wallet(NETWORK, KeySecret(SEALED_KEY))]
    watching = [
        wallet.watch_account(NETWORK, phrase.keys.public),
        wallet.watch_addresses(NETWORK, [address]),
    ]
    stores = [
        *(keystore.Keystore(item, sealed) for item in holding),
        *(keystore.Keystore(item, None) for item in watching),
    ]
    return [store.encode() for store in stores]


def make_drafts() -> list[bytes]:
    """Drafts without signatures, without change and with."""
    coin = Coin(OWNER, Amount(9_000), Height(1), is_reward=False)
    coins = [WalletCoin(OutPoint(bytes([number]) * 36), coin) for number in (1, 2)]
    payments = ((Payment(OWNER, Amount(9_000)), 0), (Payment(OWNER, Amount(99)), 500))
    return [
        drafts.draft_to_json(
            drafts.build_draft(NETWORK, select_coins(coins, [paid], rate), [paid], OWNER, 1_700_000)
        )
        for paid, rate in payments
    ]


def make_wallet_seeds() -> dict[str, list[bytes]]:
    return {
        "wallet-keystore": make_keystores(),
        "wallet-key-file": [msgspec.json.encode(KEY_FILE)],
        "wallet-draft": make_drafts(),
    }
