"""The chain on disk: blocks, undo, UTXO set, indexes, one atomic LMDB transaction per block.

Knows nothing of peers. Start with `chain_store`; `layer` explains why coins and indexes are written
many blocks at a time and are right at every moment all the same; `recovery` says what a start does.
`replay` verifies and rebuilds, `snapshots` and `block_files` carry chains from node to node,
`atomic` writes every other file of a data directory. docs/store.md has layout, codes and figures.
"""

from chaindeck.store.batch import Batch
from chaindeck.store.chain_store import ChainStore, CoinPage, HistoryPage
from chaindeck.store.packing import HistoryRow, State

__all__ = ["Batch", "ChainStore", "CoinPage", "HistoryPage", "HistoryRow", "State"]
