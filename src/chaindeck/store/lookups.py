"""Reading that a batch and the store share: coins through the layers, blocks with their change."""

from __future__ import annotations

from collections.abc import Sequence

from chaindeck.ledger.codec import decode_block
from chaindeck.ledger.connect import Change
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.types import Block, BlockHash, OutPoint, PackedCoin
from chaindeck.store.database import Database, Reader
from chaindeck.store.errors import Corrupt, Pruned
from chaindeck.store.packing import State, decode_mark, decode_undo, height_key
from chaindeck.store.rows import Rows, recall_change


def read_coins(
    database: Database, transaction: Reader, layers: Sequence[Rows], outpoints: Sequence[OutPoint]
) -> list[PackedCoin | None]:
    """Look coins up in the layers from the top, then in the table."""
    found: list[bytes | None] = [None] * len(outpoints)
    for layer in layers:
        if layer:
            get = layer.get
            found = [
                get(outpoint) if coin is None else coin
                for coin, outpoint in zip(found, outpoints, strict=True)
            ]
    table, look = database.tables["coins"], transaction.get
    return [
        look(outpoint, None, table) if coin is None else coin or None  # type: ignore[misc]  # the bytes of this table are packed coins
        for coin, outpoint in zip(found, outpoints, strict=True)
    ]


def recall(
    database: Database,
    transaction: Reader,
    network: Network,
    state: State,
    block_hash: BlockHash,
) -> tuple[Block, Change]:
    """Return a block that was connected once, with its change; raise `Pruned` or `Corrupt`."""
    tables = database.tables
    packed = transaction.get(block_hash, b"", tables["entries"])
    raw = transaction.get(block_hash, b"", tables["bodies"])
    undo = transaction.get(block_hash, b"", tables["undo"])
    try:
        entry = decode_mark(packed).entry
        height = entry.header.height
        if is_pruned(database, transaction, state, height, block_hash):
            raise Pruned(height=height, first=state.first_body)
        block = decode_block(raw)
        return block, recall_change(network, entry, block, decode_undo(undo))
    except (ValueError, RuleError) as error:
        reason = f"what was kept of block {block_hash.hex()} does not fit together: {error}"
        raise Corrupt(path=str(database.path), reason=reason) from error


def is_pruned(
    database: Database, transaction: Reader, state: State, height: int, block_hash: BlockHash
) -> bool:
    """Whether a block was of the active chain when bodies at its height were given up."""
    if not 0 < height < state.first_body:
        return False
    return transaction.get(height_key(height), None, database.tables["active"]) == block_hash
