"""The ledger's values as plain JSON: one shape for the API and the feed.

Bytes are hexadecimal, amounts integers of base units, times Unix milliseconds.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from chaindeck.ledger.addresses import encode_address
from chaindeck.ledger.codec import block_transactions
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.state import Admitted, Connected, Disconnected
from chaindeck.ledger.types import Block, Header, KeyHash, Output, Payment, Transaction
from chaindeck.node.limits import SHOWN_NAMES


def describe_header(network: Network, header: Header) -> dict[str, Any]:
    return {
        "hash": header.hash.hex(),
        "height": header.height,
        "version": header.version,
        "previous": header.previous.hex(),
        "merkle_root": header.merkle_root.hex(),
        "time_ms": header.time_ms,
        "target_bits": header.target_bits,
        "tx_count": header.tx_count,
        "nonce": header.nonce,
        "network_id": network.id.hex(),
    }


def describe_block(network: Network, event: Connected | Disconnected) -> dict[str, Any]:
    """What the feed says of a block: all but its transactions."""
    header = event.block.header
    return {
        "hash": header.hash.hex(),
        "height": header.height,
        "previous": header.previous.hex(),
        "time_ms": header.time_ms,
        "tx_count": header.tx_count,
        "size": len(event.block.raw),
        "fees": event.change.fees,
        "work": str(event.entry.work),
        "miner": miner_of(network, event.block),
        "sealer": name_of(network, event.entry.sealer),
    }


def describe_payment(event: Admitted) -> dict[str, Any]:
    transaction = event.transaction
    return {
        "id": transaction.id.hex(),
        "status": "pooled",
        "fee": event.result.fee,
        "size": transaction.size,
        "paid": sum(item.amount for item in transaction.outputs if isinstance(item, Payment)),
    }


def describe_transaction(network: Network, transaction: Transaction) -> dict[str, Any]:
    """The JSON form of a transaction, its size and full id beside it."""
    return {
        "id": transaction.id.hex(),
        "inputs": [
            {
                "tx_id": item.tx_id.hex(),
                "output_index": item.output_index,
                "signature": item.signature.hex() or None,
            }
            for item in transaction.inputs
        ],
        "outputs": [_describe_output(network, output) for output in transaction.outputs],
        "timestamp": transaction.timestamp,
        "signature": transaction.signature.hex() or None,
        "full_id": transaction.full_id.hex(),
        "size": transaction.size,
    }


def _describe_output(network: Network, output: Output) -> dict[str, Any]:
    if isinstance(output, Payment):
        return {"address": name_of(network, output.key_hash), "amount": output.amount}
    return {"data": output.data.hex()}


def describe_entry(entry: Entry) -> dict[str, Any]:
    return {
        "hash": entry.header.hash.hex(),
        "height": entry.header.height,
        "time_ms": entry.header.time_ms,
        "work": str(entry.work),
    }


def miner_of(network: Network, block: Block) -> str | None:
    """Return the address that the coinbase pays first."""
    first = next(block_transactions(block)).outputs[0]
    return name_of(network, first.key_hash) if isinstance(first, Payment) else None


def name_of(network: Network, key_hash: KeyHash | None) -> str | None:
    return None if key_hash is None else address_of(network, key_hash)


def address_of(network: Network, key_hash: KeyHash) -> str:
    return _address(key_hash, network.genesis.address_prefix)


@lru_cache(SHOWN_NAMES)
def _address(key_hash: KeyHash, prefix: str) -> str:
    return encode_address(key_hash, prefix)
