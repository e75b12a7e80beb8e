"""What can be wrong with what people and files hand to the wallet, one stable code for each.

    WalletError               as `chaindeck.ledger.errors.RuleError`: code, field, typed values
    |- PhraseError            words are not a recovery phrase
    |- DerivationError        a path, an extended key or a private key is not usable
    |- KeystoreError          a wallet file cannot be made, read or opened
    |- AccountError           the wallet's own limits
    |- SelectionError         no choice of coins pays this
    `- DraftError             a payment on its way is not what it should be

A file that is not there, a full disk and the like stay `OSError`. Messages name positions and
reasons, never a word, key or password: they end up in logs.
"""

from __future__ import annotations

from chaindeck.ledger.errors import RuleError
from chaindeck.wallet.amounts import show_coins


class WalletError(RuleError):
    """Nobody is to be barred for it: what is wrong comes from the wallet's own user."""

    is_blamed = False


class PhraseError(WalletError):
    """Words are not a recovery phrase."""


class PhraseLength(PhraseError):
    code = "phrase-length"
    message = "a recovery phrase has 12 or 24 words, not {count}"


class PhraseWord(PhraseError):
    code = "phrase-word"
    message = "word {position} is not in the list of recovery words"


class PhraseChecksum(PhraseError):
    code = "phrase-checksum"
    message = "all words are known, but together they are no phrase: one is wrong or misplaced"


class DerivationError(WalletError):
    """A path, an extended key or a private key is not usable."""


class DerivationPath(DerivationError):
    code = "key-path"
    message = "not a derivation path like m/44'/9333'/0'/0/5: {reason}"


class HardenedFromPublic(DerivationError):
    code = "key-hardened"
    message = "a hardened key comes only from a private key"


class NoSuchChild(DerivationError):
    code = "key-index"
    message = "index {index} has no key, the next one has"


class ExtendedKeyForm(DerivationError):
    code = "key-extended"
    message = "not an extended key: {reason}"


class PrivateKeyForm(DerivationError):
    code = "key-private"
    message = "not a private key: {reason}"


class KeystoreError(WalletError):
    """A wallet file cannot be made, read or opened."""


class KeystoreExists(KeystoreError):
    code = "keystore-exists"
    message = "there is a file of this name already"


class KeystoreDamaged(KeystoreError):
    code = "keystore-damaged"
    message = "the file is damaged: {reason}"


class KeystoreVersion(KeystoreError):
    code = "keystore-version"
    message = "the file says {actual}, this program reads {expected}"


class KeystoreCost(KeystoreError):
    code = "keystore-cost"
    message = "scrypt cannot run with n={n}, r={r}, p={p}, or asks for too much memory"


class KeystoreWrongPassword(KeystoreError):
    code = "keystore-password"
    message = "the password is wrong"


class KeystorePasswordShort(KeystoreError):
    code = "keystore-password-short"
    message = "a password has at least {least} characters"


class AccountError(WalletError):
    """The wallet's own limits."""


class WalletLocked(AccountError):
    code = "wallet-locked"
    message = "the wallet is locked"


class WatchOnly(AccountError):
    code = "wallet-watch-only"
    message = "the wallet watches, it has no keys"


class AddressGap(AccountError):
    code = "wallet-gap"
    message = "{limit} addresses in a row were never paid; a recovery would not find the next"


class ChainFull(AccountError):
    code = "wallet-chain-full"
    message = "all {limit} addresses were handed out; open another account"


class LabelForm(AccountError):
    code = "wallet-label"
    message = "a label is one line of at most {limit} characters"


class UnknownAddress(AccountError):
    code = "wallet-unknown-address"
    message = "the address is not one of this wallet's"


class AddressCount(AccountError):
    code = "wallet-address-count"
    message = "a list of 1 to {limit} different addresses can be watched, not {count}"


class WalletNetwork(AccountError):
    code = "wallet-network"
    message = "the wallet belongs to network {expected}, the node to {actual}"


class SelectionError(WalletError):
    """No choice of coins pays this."""


class NotEnough(SelectionError):
    code = "wallet-not-enough"
    message = (
        "{need} coins are needed with the fee, and those worth spending hold {have}: "
        "pay at least {missing} less, or wait until more have arrived"
    )

    def __init__(self, *, have: int, need: int) -> None:
        """Take base units, which the values stay in; people read coins."""
        super().__init__(
            have=show_coins(have), need=show_coins(need), missing=show_coins(need - have)
        )
        self.values = {"have": have, "need": need}


class TooManyInputs(SelectionError):
    code = "wallet-too-many-inputs"
    message = (
        "{count} coins make a transaction of {size} bytes, at most {limit} are allowed; "
        "consolidate small coins first"
    )


class NothingToConsolidate(SelectionError):
    code = "wallet-nothing-to-consolidate"
    message = "{count} coins are worth spending at this fee rate, at least 2 can be merged"


class DraftError(WalletError):
    """A payment on its way is not what it should be."""


class DraftForm(DraftError):
    code = "draft-form"
    message = "{reason}"


class DraftNetwork(DraftError):
    code = "draft-network"
    message = "the draft is for network {actual}, this wallet belongs to {expected}"


class DraftCoins(DraftError):
    code = "draft-coins"
    message = "the draft's coins are not those that its transaction spends"


class DraftSignature(DraftError):
    code = "draft-signature"
    message = "the signature of input {input} is not its owner's, or the draft was changed after it"


class DraftMismatch(DraftError):
    code = "draft-mismatch"
    message = "the drafts are not of the same payment"


class DraftIncomplete(DraftError):
    code = "draft-incomplete"
    message = "{missing} signatures are missing"


class DraftNoKey(DraftError):
    code = "draft-no-key"
    message = "this wallet has no key for any coin that still needs a signature"
