"""`chaindeck demo`: mine a short chain with payments in memory, check it afresh, and show it.

Nothing is written and no port is opened. It is the whole ledger in a few seconds: real work, real
signatures, templates from a real pool, and a second look at every block as a stranger would have.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from chaindeck.kernel import search_nonce
from chaindeck.ledger import profiles
from chaindeck.ledger.addresses import encode_address
from chaindeck.ledger.chain import BlockTree
from chaindeck.ledger.codec import (
    build_transaction,
    decode_block,
    decode_header,
    encode_body,
    encode_signature,
)
from chaindeck.ledger.coins import Coin, coins_hash_of, decode_coin
from chaindeck.ledger.connect import (
    Change,
    CoinsInMemory,
    apply_change,
    connect_block,
    genesis_coins,
)
from chaindeck.ledger.difficulty import required_bits
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.genesis import Allocation, Network, build_network
from chaindeck.ledger.headers import check_header, genesis_entry
from chaindeck.ledger.limits import COIN
from chaindeck.ledger.pool import Pool
from chaindeck.ledger.pool_types import Accepted
from chaindeck.ledger.signatures import SignatureCache, SigningKey, transaction_digest
from chaindeck.ledger.targets import target_of
from chaindeck.ledger.templates import build_body, build_template
from chaindeck.ledger.types import (
    Amount,
    Block,
    Header,
    Height,
    OutPoint,
    PackedCoin,
    Payment,
    Transaction,
    TxId,
    TxInput,
)

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_OWNERS = ("alice", "bob", "carol")
_ALLOCATION = 1_000 * COIN
_SPREAD = 20
"""Coins that each owner starts with, so that one block holds many payments of one owner."""

_FEE = 1_000
_DEFAULT_BLOCKS = 12
_MAX_BLOCKS = 1_000


def add_verb(verbs: _SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser("demo", help="mine a short chain in memory, check it, and show it")
    verb.add_argument(
        "--blocks",
        type=_block_count,
        default=_DEFAULT_BLOCKS,
        metavar="N",
        help=f"blocks to mine, 1 to {_MAX_BLOCKS} (default: {_DEFAULT_BLOCKS})",
    )
    verb.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Mine, show and check; 1 if the second look disagrees with the first."""
    started = time.perf_counter()
    keys = {name: SigningKey(name.encode().ljust(32, b"\x01")) for name in _OWNERS}
    network = _network(keys)
    print(f"network {network.genesis.name}  id {network.id.hex()[:16]}  real proof of work\n")
    print(
        f"{'height':>6}  {'hash':16}  {'payments':>8}  {'fees':>8}  {'tries':>9}  {'mined in':>8}"
    )
    chain = _Chain(network)
    blocks = [_mine_one(chain, keys, number) for number in range(options.blocks)]
    print(f"\nchecking {len(blocks)} blocks afresh ... ", end="", flush=True)
    fresh = _Chain(network)
    try:
        for block in blocks:
            fresh.connect(decode_block(block.raw))
    except RuleError as error:
        print(f"refused: {error.code}: {error}", file=sys.stderr)
        return 1
    if coins_hash_of(fresh.coins.held) != coins_hash_of(chain.coins.held):
        print("the coins differ", file=sys.stderr)
        return 1
    print(f"good\ncoins hash {coins_hash_of(fresh.coins.held).hex()}")
    _print_balances(network, keys, fresh.coins.held)
    print(f"{time.perf_counter() - started:.1f} s in all")
    return 0


class _Chain:
    """Blocks and coins in memory, just enough of a node to mine on."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.tree = BlockTree(genesis_entry(network))
        self.tip = self.tree.genesis
        self.cache = SignatureCache()
        self.pool = Pool(network, self.cache)
        self.coins = CoinsInMemory(genesis_coins(network))

    @property
    def next_height(self) -> Height:
        return Height(self.tip.header.height + 1)

    def connect(self, block: Block) -> Change:
        """Check a block from its first byte to its last, and stand on it."""
        entry = check_header(self.network, self.tree, self.tip, block.header, block.seal)
        change = connect_block(self.network, entry, block, self.coins, self.cache)
        apply_change(self.coins.held, change)
        self.tree.add_header(entry)
        self.tree.add_body(block.hash)
        self.tip = entry
        return change


def _network(keys: dict[str, SigningKey]) -> Network:
    allocations = [
        Allocation(encode_address(key.key_hash, "deck"), _ALLOCATION // _SPREAD)
        for key in keys.values()
        for _ in range(_SPREAD)
    ]
    return build_network(profiles.local(name="demo", allocations=allocations))


def _mine_one(chain: _Chain, keys: dict[str, SigningKey], number: int) -> Block:
    payer, payee = _OWNERS[number % len(_OWNERS)], _OWNERS[(number + 1) % len(_OWNERS)]
    payments = _payments(chain, keys[payer], keys[payee])
    now_ms = chain.tip.header.time_ms + chain.network.genesis.block_interval_ms
    answers = chain.pool.accept(payments, chain.coins, chain.next_height, now_ms)
    assert all(isinstance(answer, Accepted) for answer in answers), "the demo pays by the rules"
    template = build_template(chain.pool, chain.network, chain.next_height)
    bits = required_bits(chain.network, chain.tree, chain.tip, now_ms).target_bits
    body = build_body(
        template,
        keys[payee].key_hash,
        previous=chain.tip.header.hash,
        time_ms=now_ms,
        target_bits=bits,
    )
    started = time.perf_counter()
    header, tries = _search(body.header)
    took_s = time.perf_counter() - started
    block = decode_block(header.raw + encode_signature(b"") + body.raw)
    change = chain.connect(block)
    chain.pool.block_connected(block)
    print(
        f"{header.height:>6}  {header.hash.hex()[:16]}  {len(template.members):>8}"
        f"  {change.fees:>8,}  {tries:>9,}  {took_s:>6.2f} s"
    )
    return block


def _payments(chain: _Chain, payer: SigningKey, payee: SigningKey) -> list[Transaction]:
    """Half of every coin that the payer may spend goes to the payee."""
    spendable = [
        (outpoint, coin)
        for outpoint, coin in (
            (key, decode_coin(packed)) for key, packed in chain.coins.held.items()
        )
        if coin.key_hash == payer.key_hash and not coin.is_reward
    ]
    return [_payment(chain.network, outpoint, coin, payer, payee) for outpoint, coin in spendable]


def _payment(
    network: Network, outpoint: OutPoint, coin: Coin, payer: SigningKey, payee: SigningKey
) -> Transaction:
    half = coin.amount // 2
    inputs = [TxInput(TxId(outpoint[:32]), int.from_bytes(outpoint[32:], "big"))]
    outputs = [
        Payment(payee.key_hash, Amount(half)),
        Payment(payer.key_hash, Amount(coin.amount - half - _FEE)),
    ]
    timestamp = network.genesis.time_ms // 1000
    digest = transaction_digest(network.id, encode_body(inputs, outputs, timestamp), [coin])
    return build_transaction(inputs, outputs, timestamp, payer.sign(digest))


def _search(header: Header) -> tuple[Header, int]:
    target = target_of(header.target_bits)
    assert target is not None, "the rule gives canonical bits"
    nonce, tries = search_nonce(header.raw, target.to_bytes(32, "big"), 0, 1 << 62, threads=2)
    assert nonce is not None, "2**62 tries find a block of a million"
    return decode_header(header.raw[:-8] + nonce.to_bytes(8, "little")), tries


def _print_balances(
    network: Network, keys: dict[str, SigningKey], coins: Mapping[OutPoint, PackedCoin]
) -> None:
    owned = [decode_coin(packed) for packed in coins.values()]
    for name, key in keys.items():
        balance = sum(coin.amount for coin in owned if coin.key_hash == key.key_hash)
        address = encode_address(key.key_hash, network.genesis.address_prefix)
        print(f"{name:>6}  {address}  {balance / COIN:>16,.8f}")


def _block_count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MAX_BLOCKS:
        raise argparse.ArgumentTypeError(f"a number from 1 to {_MAX_BLOCKS}, not {text!r}")
    return int(text)
