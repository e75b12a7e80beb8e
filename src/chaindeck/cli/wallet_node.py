"""The node that commands speak to: which one it is, and how a wallet sees it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from chaindeck.cli.places import home
from chaindeck.client import Access, NodeClient, NodeRefused, UrlInvalid
from chaindeck.client.calls import rejection
from chaindeck.ledger.addresses import encode_address
from chaindeck.ledger.coins import Coin
from chaindeck.ledger.pool_types import FeeBucket
from chaindeck.ledger.types import (
    Amount,
    Height,
    KeyHash,
    NetworkId,
    OutPoint,
    Transaction,
)
from chaindeck.wallet.ports import ChainStatus
from chaindeck.wallet.types import NetworkIdentity, WalletCoin

_VARIABLES = ("NODE_URL", "CPP_NODE_URL")
_DEFAULT_URL = "http://127.0.0.1:8080"


def add_node_options(action: argparse.ArgumentParser) -> None:
    action.add_argument(
        "--node",
        metavar="URL",
        help=f"the node to ask (default: $NODE_URL, else {_DEFAULT_URL})",
    )
    action.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="a file with a token for the node (default: the cookie of a node on this machine)",
    )


def open_client(options: argparse.Namespace) -> NodeClient:
    """Return a client of the node that was named; exits with 2 where the name is none."""
    url, source = _node_url(options.node)
    token = None
    if options.token_file is not None:
        token = options.token_file.read_text().strip() or None
    try:
        access = Access(url, token=token, folders=_data_folders())
    except UrlInvalid as error:
        options.parser.error(f"{source}: {error}")
    return NodeClient(access)


def _node_url(given: str | None) -> tuple[str, str]:
    """Return the URL and where it comes from."""
    if given:
        return given, "--node"
    for name in _VARIABLES:
        value = os.environ.get(name, "").strip()
        if value:
            return value, name
    return _DEFAULT_URL, "the default"


def _data_folders() -> list[Path]:
    """Return what may be a data directory of a node on this machine."""
    folder = home()
    return sorted(item for item in folder.iterdir() if item.is_dir()) if folder.is_dir() else []


class NodeView:
    """A node as a wallet's port asks for it. Every method raises a `ClientError`."""

    def __init__(self, client: NodeClient) -> None:
        self._client = client
        self._prefix: str | None = None

    def status(self) -> ChainStatus:
        status = self._client.status()
        network = status.network
        return ChainStatus(
            NetworkIdentity(NetworkId(bytes.fromhex(network.id)), network.address_prefix),
            Height(status.height),
            network.maturity,
            network.max_block_bytes,
            status.mempool.floor_per_kb,
        )

    def coins_of(self, key_hashes: Sequence[KeyHash]) -> list[WalletCoin]:
        return [coin for key_hash in key_hashes for coin in self._coins(key_hash)]

    def is_used(self, key_hash: KeyHash) -> bool:
        page = self._client.address(self._address(key_hash))
        return bool(page.history or page.coins)

    def fee_histogram(self) -> list[FeeBucket]:
        return self._client.mempool().fee_histogram

    def submit(self, transaction: Transaction) -> None:
        (verdict,) = self._client.submit_packed([transaction])
        refused: NodeRefused | None = rejection(verdict)
        if refused is not None:
            raise refused

    def _coins(self, key_hash: KeyHash) -> list[WalletCoin]:
        return [
            WalletCoin(
                OutPoint(bytes.fromhex(row.tx_id) + row.output_index.to_bytes(4, "big")),
                Coin(key_hash, Amount(row.amount), Height(row.height), row.is_reward),
            )
            for row in self._client.coins(self._address(key_hash))
            if row.spent_by is None
        ]

    def _address(self, key_hash: KeyHash) -> str:
        if self._prefix is None:
            self._prefix = self._client.status().network.address_prefix
        return encode_address(key_hash, self._prefix)
