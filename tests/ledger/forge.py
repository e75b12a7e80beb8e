"""Makes networks, keys, payments and mined blocks for tests, by the same functions a node uses."""

from __future__ import annotations

from collections.abc import Sequence

from chaindeck.kernel import merkle_root, search_nonce
from chaindeck.ledger import profiles
from chaindeck.ledger.addresses import encode_address
from chaindeck.ledger.chain import BlockTree
from chaindeck.ledger.codec import (
    build_block,
    build_header,
    build_transaction,
    encode_body,
)
from chaindeck.ledger.coins import Coin, decode_coin, encode_coin
from chaindeck.ledger.connect import (
    Change,
    CoinsInMemory,
    apply_change,
    connect_block,
    genesis_coins,
)
from chaindeck.ledger.difficulty import required_bits
from chaindeck.ledger.genesis import Allocation, Genesis, Network, build_network
from chaindeck.ledger.headers import check_header, genesis_entry
from chaindeck.ledger.money import subsidy_at
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.seals import sign_seal
from chaindeck.ledger.signatures import SignatureCache, SigningKey, transaction_digest
from chaindeck.ledger.targets import target_of
from chaindeck.ledger.types import (
    ZERO_HASH,
    Amount,
    Block,
    Header,
    Height,
    KeyHash,
    NetworkId,
    OutPoint,
    Output,
    Payment,
    TimeMs,
    Transaction,
    TxId,
    TxInput,
)

KEYS = [SigningKey(bytes([number]) * 32) for number in range(1, 9)]
ALICE, BOB, CAROL, DAVE = KEYS[:4]
TDECK = "tdeck"


def address(key: SigningKey, prefix: str = TDECK) -> str:
    return encode_address(key.key_hash, prefix)


def dev_genesis(**changes: object) -> Genesis:
    """A development document with two coins of Alice's, changed as asked and not checked again."""
    genesis = profiles.dev(
        allocations=[Allocation(address(ALICE), 1_000_000), Allocation(address(ALICE), 500_000)]
    )
    fields = {name: getattr(genesis, name) for name in genesis.__struct_fields__}
    return Genesis(**{**fields, **changes})


def dev_network(**changes: object) -> Network:
    return build_network(dev_genesis(**changes))


class Coins(CoinsInMemory):
    """Coins in memory that tests may add to."""

    def add(self, coin: Coin, number: int = 0) -> OutPoint:
        outpoint = TxInput(TxId(bytes([200]) * 32), number).outpoint
        self.held[outpoint] = encode_coin(coin)
        return outpoint


def pay(key_hash: KeyHash, amount: int) -> Payment:
    return Payment(key_hash, Amount(amount))


def spend(
    network_id: NetworkId,
    coins: Sequence[tuple[OutPoint, Coin]],
    outputs: Sequence[Output],
    signer: SigningKey | None,
    own_signers: Sequence[SigningKey | None] = (),
    timestamp: int = 1_800_000_000,
) -> Transaction:
    """Sign a payment as a whole, or single inputs, or both."""
    bare = [TxInput(TxId(key[:32]), int.from_bytes(key[32:], "big")) for key, _ in coins]
    digest = transaction_digest(
        network_id, encode_body(bare, outputs, timestamp), [coin for _, coin in coins]
    )
    own = [*own_signers, *[None] * (len(bare) - len(own_signers))]
    inputs = [
        TxInput(item.tx_id, item.output_index, key.sign(digest) if key else b"")
        for item, key in zip(bare, own, strict=True)
    ]
    return build_transaction(inputs, outputs, timestamp, signer.sign(digest) if signer else b"")


def coinbase(
    height: int, key_hash: KeyHash, amount: int, extra: Sequence[Output] = ()
) -> Transaction:
    return build_transaction(
        [TxInput(TxId(ZERO_HASH), height)], [pay(key_hash, amount), *extra], 1_800_000_000
    )


def mine(header: Header) -> Header:
    """Find a nonce, so that the header is under its own target."""
    target = target_of(header.target_bits)
    assert target is not None
    nonce, _ = search_nonce(header.raw, target.to_bytes(32, "big"), 0, 1 << 40)
    assert nonce is not None
    return remake(header, nonce=nonce)


def remake(header: Header, **changes: int | bytes) -> Header:
    """The same header with some fields changed."""
    names = (
        "height", "previous", "merkle_root", "time_ms", "target_bits", "tx_count", "nonce",
    )  # fmt: skip
    fields = {name: getattr(header, name) for name in names}
    return build_header(**{**fields, **changes})


class Forge:
    """A growing chain in memory, with its tree and its coins."""

    def __init__(self, network: Network | None = None, miner: SigningKey = DAVE) -> None:
        self.network = network or dev_network()
        self.miner = miner
        self.tree = BlockTree(genesis_entry(self.network))
        self.tip = self.tree.genesis
        self.coins = Coins(genesis_coins(self.network))
        self.cache = SignatureCache()
        self.changes: list[Change] = []

    def owned(self, key: SigningKey) -> list[tuple[OutPoint, Coin]]:
        """The coins of a key, in the order in which they were made."""
        coins = [(outpoint, decode_coin(packed)) for outpoint, packed in self.coins.held.items()]
        return [(outpoint, coin) for outpoint, coin in coins if coin.key_hash == key.key_hash]

    def assemble(
        self,
        transactions: Sequence[Transaction] = (),
        *,
        parent: Entry | None = None,
        reward: Transaction | None = None,
        fees: int = 0,
        took_ms: int = 10_000,
        miner: SigningKey | None = None,
    ) -> Block:
        """Mine a block with these transactions on the tip or another parent."""
        parent = parent or self.tip
        height = Height(parent.header.height + 1)
        time_ms = TimeMs(parent.header.time_ms + took_ms)
        miner = miner or self.miner
        first = reward or coinbase(
            height, miner.key_hash, max(1, subsidy_at(self.network.genesis, height) + fees)
        )
        packed = [first, *transactions]
        header = build_header(
            height=height,
            previous=parent.header.hash,
            merkle_root=merkle_root([transaction.raw for transaction in packed]),
            time_ms=time_ms,
            target_bits=required_bits(self.network, self.tree, parent, time_ms).target_bits,
            tx_count=len(packed),
        )
        header = mine(header)
        seal = sign_seal(header, miner) if self.network.miners else b""
        return build_block(header, seal, packed)

    def enter(self, block: Block, parent: Entry | None = None) -> Entry:
        """Check a block's header and return its entry."""
        return check_header(self.network, self.tree, parent or self.tip, block.header, block.seal)

    def connect(self, block: Block, parent: Entry | None = None) -> Change:
        """Check a block on the coins as they are; change nothing."""
        entry = self.enter(block, parent)
        return connect_block(self.network, entry, block, self.coins, self.cache)

    def extend(self, transactions: Sequence[Transaction] = (), **options: object) -> Block:
        """Mine a block on the tip and apply it."""
        block = self.assemble(transactions, **options)
        entry = self.enter(block)
        change = connect_block(self.network, entry, block, self.coins, self.cache)
        self.tree.add_header(entry)
        self.tree.add_body(block.hash)
        apply_change(self.coins.held, change)
        self.changes.append(change)
        self.tip = entry
        return block
