"""Every number of the wallet, with its unit and reason."""

from typing import Final

GAP_LIMIT: Final = 20
"""Addresses in a row without a payment, after which a scan ends and no further one is handed out:
BIP 44's number, so that a recovery from the phrase finds whatever was handed out."""

MAX_CHAIN_ADDRESSES: Final = 100_000
"""Addresses of one chain: all that were handed out are derived to look up an owner, 50 us each."""

MAX_LABEL_CHARACTERS: Final = 100
"""A label is a line in a table."""

MAX_WATCHED_ADDRESSES: Final = 10_000
"""Addresses of one watch-only list; each is asked of the node."""

MAX_KEYSTORE_BYTES: Final = 4_000_000
"""A wallet file with the longest address list and a label for each is smaller."""

MIN_PASSWORD_CHARACTERS: Final = 8
"""scrypt slows guessing by a factor of a million; fewer characters are guessed all the same."""

SCRYPT_N: Final = 1 << 15
SCRYPT_R: Final = 8
SCRYPT_P: Final = 1
"""32 MiB and a tenth of a second for each guess."""

MAX_SCRYPT_BYTES: Final = 256 * 1024 * 1024
"""Memory that a file may ask for with its parameters (128 n r); a hostile file must not stop us."""

MAX_SCRYPT_P: Final = 16
"""Rounds over that memory that a file may ask for."""

MAX_SEARCH_STEPS: Final = 20_000
"""Steps of the search for coins without change: 50 ms, and most matches come early."""

MAX_DRAFT_BYTES: Final = 2_000_000
"""A draft of the largest transaction: 2,900 coins of 250 bytes, twice, with signatures."""

TOP_FEE_FACTOR: Final = 2
"""Above the histogram's highest level there is no bound to outbid, so that level is doubled."""
