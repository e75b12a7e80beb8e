"""Encodes and signs transactions by hand, so that tests can break any one thing in them."""

from dataclasses import dataclass, field
from hashlib import sha256

from coincurve import PrivateKey

from chaindeck.kernel import twin

NETWORK = bytes(range(32))
KEYS = [PrivateKey(bytes([number]) * 32) for number in range(1, 4)]
CURVE_ORDER = twin.CURVE_ORDER
_TAG = sha256(b"chaindeck/tx").digest() * 2


def key_hash(key):
    return twin.hash256(key.public_key.format())[:20]


def varint(value):
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def signature_field(signature):
    return bytes([len(signature)]) + signature


def pay(amount, key=KEYS[0]):
    return b"\x00" + key_hash(key) + varint(amount)


def carry(data):
    return b"\x01" + varint(len(data)) + data


def encode_body(outpoints, outputs, timestamp=1):
    inputs = b"".join(txid + varint(index) for txid, index in outpoints)
    head = b"\x01" + timestamp.to_bytes(8, "little") + varint(len(outpoints))
    return head + inputs + varint(len(outputs)) + b"".join(outputs)


def encode_full(body, signature=b"", input_signatures=()):
    return b"".join((body, *map(signature_field, (signature, *input_signatures))))


def raise_s(signature):
    """Return the other signature of the same digest by the same key: the one with high s."""
    s = CURVE_ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([signature[64] ^ 1])


@dataclass(frozen=True)
class Spent:
    """One coin that a transaction spends, and whether its input is signed by itself."""

    txid: bytes
    index: int = 0
    key: PrivateKey = KEYS[0]
    amount: int = 1000
    height: int = 1
    is_coinbase: bool = False
    has_own_signature: bool = False

    @property
    def outpoint(self):
        return self.txid + self.index.to_bytes(4, "big")

    @property
    def packed(self):
        numbers = self.amount.to_bytes(8, "little") + self.height.to_bytes(4, "little")
        return key_hash(self.key) + numbers + bytes([self.is_coinbase])


def digest_of(body, spent):
    coins = b"".join(key_hash(coin.key) + coin.amount.to_bytes(8, "little") for coin in spent)
    return sha256(_TAG + NETWORK + body + coins).digest()


def sign_all(body, spent, edit=lambda signature: signature):
    """Return the shared signature, if one is needed, and those of the inputs."""
    digest = digest_of(body, spent)
    sharers = [coin for coin in spent if not coin.has_own_signature]
    shared = edit(sharers[0].key.sign_recoverable(digest, hasher=None)) if sharers else b""
    own = [
        edit(coin.key.sign_recoverable(digest, hasher=None)) if coin.has_own_signature else b""
        for coin in spent
    ]
    return shared, own


def payment(spent, outputs, edit=lambda signature: signature):
    """Return a signed transaction; `edit` may spoil each signature."""
    body = encode_body([(coin.txid, coin.index) for coin in spent], outputs)
    return encode_full(body, *sign_all(body, spent, edit))


def coinbase(height, outputs):
    return encode_full(encode_body([(bytes(32), height)], outputs), b"", [b""])


def txid_of(transaction):
    return twin.parse_transaction(transaction)[1]


@dataclass
class Rules:
    """The parameters of check_block as the tests use them."""

    network_id: bytes = NETWORK
    height: int = 10
    subsidy: int = 1000
    maturity: int = 3
    max_amount: int = 9_000_000_000_000_000
    max_transaction_size: int = 100_000


@dataclass
class Scene:
    """A block under construction and the coins that existed before it."""

    transactions: list[bytes] = field(default_factory=list)
    coins: dict[bytes, bytes] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)

    def coin(self, number, **values):
        """Make a coin that exists before the block."""
        coin = Spent(sha256(b"coin %d" % number).digest(), **values)
        self.coins[coin.outpoint] = coin.packed
        return coin

    def add(self, *transactions):
        self.transactions += transactions

    def index(self, kernel):
        return kernel.index_block(b"".join(self.transactions), 0, len(self.transactions))

    def check(self, kernel, *, known=None, threads=2):
        index = self.index(kernel)
        coins = [self.coins.get(outpoint) for outpoint in index.spent_outpoints]
        known = bytes(len(self.transactions)) if known is None else known
        return kernel.check_block(index, coins, known, threads=threads, **vars(self.rules))
