"""Founding a store, judging what is there at a start, and computing what was not settled.

A store is never half made: everything of the genesis block is one commit. `meta` holds the format,
the network, the state, which block the tables of coins and indexes stand at (`settled`), and while
a reindex is under way how far it is (`progress`).
"""

from __future__ import annotations

from chaindeck.ledger.chain import Mark
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.headers import genesis_entry
from chaindeck.ledger.types import ZERO_HASH, Amount, BlockHash, Height
from chaindeck.store.database import Database, Reader
from chaindeck.store.errors import Corrupt, ForeignNetwork, WrongVersion
from chaindeck.store.layer import Layer
from chaindeck.store.limits import FORMAT_VERSION
from chaindeck.store.lookups import recall
from chaindeck.store.packing import (
    State,
    decode_mark,
    decode_state,
    encode_mark,
    encode_state,
    height_key,
)
from chaindeck.store.rows import coinbase_value, connected_rows, disconnected_rows, genesis_change

FORMAT, NETWORK, STATE, SETTLED, PROGRESS = b"format", b"network", b"state", b"settled", b"progress"


def found_store(database: Database, network: Network) -> None:
    """Make a new store of the genesis block, or check that an old one is ours to open."""
    meta = database.tables["meta"]
    with database.reading() as transaction:
        found = transaction.get(FORMAT, None, meta)
        of_network = transaction.get(NETWORK, b"", meta)
    if found is None:
        with database.writing() as transaction:
            transaction.put(FORMAT, str(FORMAT_VERSION).encode(), db=meta)
            transaction.put(NETWORK, network.id, db=meta)
            write_genesis(database, transaction, network)
        return
    if found != str(FORMAT_VERSION).encode():
        actual = found.decode("ascii", "replace")
        raise WrongVersion(path=str(database.path), actual=actual, expected=FORMAT_VERSION)
    if of_network != network.id:
        raise ForeignNetwork(
            path=str(database.path), actual=of_network.hex(), expected=network.id.hex()
        )


def write_genesis(database: Database, transaction: Reader, network: Network) -> State:
    """Make an empty store stand at the genesis block."""
    block, change = network.block, genesis_change(network)
    tables = database.tables
    mark = Mark(genesis_entry(network), arrival=0, is_ready=True)
    transaction.put(block.hash, encode_mark(mark), db=tables["entries"])
    transaction.put(height_key(0), block.hash, db=tables["active"])
    layer = Layer()
    layer.add(connected_rows(block, change))
    layer.settle(database, transaction)
    state = State(
        tip=block.hash,
        height=Height(0),
        sequence=0,
        coin_count=len(change.created),
        coin_total=Amount(coinbase_value(block)),
        base=Height(0),
        first_body=Height(1),
        body_bytes=0,
    )
    save_state(database, transaction, state, is_settled=True)
    return state


def save_state(
    database: Database, transaction: Reader, state: State, *, is_settled: bool = False
) -> None:
    """Write where the store stands; `is_settled` if its tables stand there too."""
    meta = database.tables["meta"]
    transaction.put(STATE, encode_state(state), db=meta)
    if is_settled:
        transaction.put(SETTLED, state.tip, db=meta)


def load_state(database: Database, transaction: Reader) -> tuple[State, BlockHash]:
    """Return where the store stands, and where its tables do."""
    meta = database.tables["meta"]
    packed = transaction.get(STATE, b"", meta)
    settled = transaction.get(SETTLED, b"", meta)
    if len(settled) != len(ZERO_HASH):
        raise Corrupt(path=str(database.path), reason="nothing says where the tables stand")
    try:
        return decode_state(packed), BlockHash(settled)
    except ValueError as error:
        raise Corrupt(path=str(database.path), reason=f"the state: {error}") from error


def check_state(database: Database, transaction: Reader, state: State) -> None:
    """Raise `Corrupt` unless tip, active chain and entries agree."""
    tables = database.tables
    rows = transaction.stat(tables["active"])["entries"]
    if rows != state.height + 1:
        reason = f"the active chain has {rows} heights, the tip is at {state.height}"
        raise Corrupt(path=str(database.path), reason=reason)
    if transaction.get(height_key(state.height), None, tables["active"]) != state.tip:
        raise Corrupt(path=str(database.path), reason="the active chain does not end with the tip")
    try:
        entry = decode_mark(transaction.get(state.tip, b"", tables["entries"])).entry
    except ValueError as error:
        raise Corrupt(path=str(database.path), reason=f"the tip's entry: {error}") from error
    if (entry.header.hash, entry.header.height) != (state.tip, state.height):
        raise Corrupt(path=str(database.path), reason="the tip's entry is another block's")


def roll_forward(
    database: Database,
    transaction: Reader,
    network: Network,
    state: State,
    settled: BlockHash,
) -> Layer:
    """Return the rows between where the tables stand and where the store does."""
    layer = Layer()
    active = database.tables["active"]
    here, height = settled, _height_of(database, transaction, settled)
    while transaction.get(height_key(height), None, active) != here:
        block, change = recall(database, transaction, network, state, here)
        layer.add(disconnected_rows(block, change))
        here, height = block.header.previous, Height(height - 1)
    for above in range(height + 1, state.height + 1):
        block_hash = BlockHash(transaction.get(height_key(above), ZERO_HASH, active))
        block, change = recall(database, transaction, network, state, block_hash)
        layer.add(connected_rows(block, change))
    return layer


def _height_of(database: Database, transaction: Reader, block_hash: BlockHash) -> Height:
    packed = transaction.get(block_hash, b"", database.tables["entries"])
    try:
        return decode_mark(packed).entry.header.height
    except ValueError as error:
        raise Corrupt(path=str(database.path), reason=f"where the tables stand: {error}") from error
