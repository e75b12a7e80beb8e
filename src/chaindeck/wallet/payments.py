"""From a wish to pay to a transaction at a node: the wallet's steps in their order.

draft = draft_payment(wallet, node, outputs, timestamp_s=...)
draft = sign_draft(draft, wallet.network, wallet.signer)        here, or on an offline machine
tx_id = submit_draft(wallet, node, draft)
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from chaindeck.ledger.types import Amount, KeyHash, Output, Payment, Transaction
from chaindeck.wallet.drafts import Draft, build_draft
from chaindeck.wallet.errors import WalletNetwork
from chaindeck.wallet.fees import estimate_fee_per_kb
from chaindeck.wallet.ports import ChainStatus, NodePort
from chaindeck.wallet.selection import Selection, consolidate_coins, select_coins, sweep_coins
from chaindeck.wallet.signing import finish_draft
from chaindeck.wallet.types import WalletCoin
from chaindeck.wallet.wallet import Wallet

DEFAULT_BLOCKS = 2
"""How soon a payment is to be mined where nobody says otherwise: most pay the least fee then."""


class Balance(msgspec.Struct, frozen=True):
    """What a wallet holds."""

    spendable: int
    immature: int
    """Mining rewards that cannot be spent yet."""


def find_balance(wallet: Wallet, node: NodePort) -> Balance:
    """Ask a node what the wallet holds; raises `WalletNetwork`. Works locked and watching."""
    coins = node.coins_of(wallet.key_hashes())
    spendable = sum(coin.coin.amount for coin in spendable_coins(coins, _status(wallet, node)))
    return Balance(spendable, sum(coin.coin.amount for coin in coins) - spendable)


def recover_addresses(wallet: Wallet, node: NodePort) -> None:
    """Find out from a node how far the wallet's addresses are in use; raises `WalletNetwork`."""
    _status(wallet, node)
    wallet.rescan(node.is_used)


def draft_payment(
    wallet: Wallet,
    node: NodePort,
    outputs: Sequence[Output],
    *,
    timestamp_s: int,
    fee_per_kb: int | None = None,
) -> Draft:
    """Choose coins and return the unsigned draft; without a fee rate, one that fits the moment.

    Raises a `SelectionError`, or `WalletNetwork` for a node of another network.
    """
    coins, rate = _means(wallet, node, fee_per_kb)
    return _draft(wallet, select_coins(coins, outputs, rate), outputs, timestamp_s)


def draft_sweep(
    wallet: Wallet,
    node: NodePort,
    to: KeyHash,
    *,
    timestamp_s: int,
    fee_per_kb: int | None = None,
) -> Draft:
    """Pay all that fits into one transaction to one owner. Raises as `draft_payment`."""
    coins, rate = _means(wallet, node, fee_per_kb)
    selection = sweep_coins(coins, rate)
    outputs = [Payment(to, Amount(selection.change))]
    selection = msgspec.structs.replace(selection, paid=selection.change, change=0)
    return _draft(wallet, selection, outputs, timestamp_s)


def draft_consolidation(
    wallet: Wallet, node: NodePort, *, timestamp_s: int, fee_per_kb: int | None = None
) -> Draft:
    """Merge the smallest coins into one. Raises `NothingToConsolidate` or `WalletNetwork`."""
    coins, rate = _means(wallet, node, fee_per_kb)
    return _draft(wallet, consolidate_coins(coins, rate), (), timestamp_s)


def submit_draft(wallet: Wallet, node: NodePort, draft: Draft) -> Transaction:
    """Finish a signed draft, hand it to a node, and note which addresses it used.

    Raises as `finish_draft`, `WalletNetwork`, or with the node's own code.
    """
    transaction = finish_draft(draft)
    _status(wallet, node)
    node.submit(transaction)
    wallet.mark_used(
        output.key_hash for output in transaction.outputs if isinstance(output, Payment)
    )
    return transaction


def spendable_coins(coins: Sequence[WalletCoin], status: ChainStatus) -> list[WalletCoin]:
    """Return the coins that the next block may spend."""
    oldest = status.height + 1 - status.maturity
    return [item for item in coins if not item.coin.is_reward or item.coin.height <= oldest]


def _means(wallet: Wallet, node: NodePort, fee_per_kb: int | None) -> tuple[list[WalletCoin], int]:
    """Return the coins there are and the rate to pay."""
    status = _status(wallet, node)
    coins = spendable_coins(node.coins_of(wallet.key_hashes()), status)
    if fee_per_kb is None:
        fee_per_kb = estimate_fee_per_kb(
            node.fee_histogram(),
            block_bytes=status.block_bytes,
            blocks=DEFAULT_BLOCKS,
            floor_per_kb=status.least_fee_per_kb,
        )
    return coins, fee_per_kb


def _draft(
    wallet: Wallet, selection: Selection, outputs: Sequence[Output], timestamp_s: int
) -> Draft:
    return build_draft(wallet.network, selection, outputs, wallet.next_change(), timestamp_s)


def _status(wallet: Wallet, node: NodePort) -> ChainStatus:
    status = node.status()
    if status.network != wallet.network:
        raise WalletNetwork(expected=wallet.network.id.hex(), actual=status.network.id.hex())
    return status
