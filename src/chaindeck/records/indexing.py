"""What blocks do to the tables of the chain, worked out for many at once and written in bulk.

It runs inside its caller's transaction and tells nobody. Coins that are spent and addresses that
are known are looked up in four statements for all blocks of a call; rows are then worked out in
Python and each table is written by one statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from chaindeck.ledger.addresses import encode_address
from chaindeck.ledger.codec import block_transactions
from chaindeck.ledger.types import KeyHash, Payment, Transaction, TxId
from chaindeck.records.bulk import KEYS, fetch, fetch_in, insert, run_many, stored_moment
from chaindeck.records.errors import OutputMissing
from chaindeck.records.limits import OUTPUT_INDEX_BITS
from chaindeck.records.places import first_place, height_of, number_of
from chaindeck.records.types import NewBlock

_BLOCK_COLUMNS = (
    *("hash", "block_index", "previous_hash", "timestamp", "data", "node_source", "is_on_chain"),
    *("tx_count", "size", "fees", "reward", "amount", "miner", "sealer", "work"),
    *("lowest_per_kb", "highest_per_kb"),
)
_TX_COLUMNS = (
    *("id", "tx_hash", "from_addr", "to_addr", "amount", "timestamp", "status", "block_index"),
    *("fee", "size", "made_ms", "reason"),
)
_OUTPUT_COLUMNS = ("id", "address_id", "amount", "data")
_SPEND_COLUMNS = ("id", "output_id", "outpoint")
_ADDRESS_COLUMNS = ("id", "key_hash", "address")
_ENTRY_COLUMNS = (
    *("id", "address_id", "received", "spent", "total_received", "total_spent", "number"),
)
_FIND_TRANSACTIONS = f"SELECT tx_hash, id FROM transactions WHERE id >= 0 AND tx_hash IN ({KEYS})"
_FIND_OUTPUTS = (
    "SELECT o.id, o.amount, a.key_hash FROM outputs o"
    f" JOIN addresses a ON a.id = o.address_id WHERE o.id IN ({KEYS})"
)
_FIND_ADDRESSES = (
    "SELECT a.key_hash, a.id, a.address, e.total_received, e.total_spent, e.number"
    " FROM addresses a LEFT JOIN address_entries e ON e.id ="
    " (SELECT x.id FROM address_entries x WHERE x.address_id = a.id ORDER BY x.id DESC LIMIT 1)"
    f" WHERE a.key_hash IN ({KEYS})"
)


class BlockSums(msgspec.Struct):
    """What the transactions of one block add up to."""

    fees: int = 0
    reward: int = 0
    amount: int = 0
    miner: str = ""
    lowest_per_kb: int | None = None
    highest_per_kb: int | None = None

    def add_payment(self, fee: int, size_bytes: int, amount: int) -> None:
        rate = 1000 * fee // size_bytes
        self.fees += fee
        self.amount += amount
        if self.lowest_per_kb is None or rate < self.lowest_per_kb:
            self.lowest_per_kb = rate
        if self.highest_per_kb is None or rate > self.highest_per_kb:
            self.highest_per_kb = rate


class _Owner:
    """An address while blocks are applied: who it is, and its sums so far."""

    __slots__ = ("address", "id", "number", "received", "spent")

    def __init__(self, owner_id: int, address: str, received: int, spent: int, number: int) -> None:
        self.id = owner_id
        self.address = address
        self.received = received
        self.spent = spent
        self.number = number


_Coin = tuple[int, KeyHash]


class _Part(NamedTuple):
    """Transactions that follow each other, from a place on."""

    place: int
    time_ms: int
    transactions: list[Transaction]


class Indexing:
    """One run over what follows each other. Use it once: `run`, or `stage`."""

    def __init__(self, prefix: str, *, is_partial: bool) -> None:
        self._prefix = prefix
        self._is_partial = is_partial
        self._places: dict[TxId, int] = {}
        self._coins: dict[int, _Coin] = {}
        self._owners: dict[KeyHash, _Owner] = {}
        self._transactions: list[tuple[Any, ...]] = []
        self._outputs: list[tuple[Any, ...]] = []
        self._spends: list[tuple[Any, ...]] = []
        self._spent: list[tuple[int, int]] = []
        self._entries: list[tuple[Any, ...]] = []

    def run(self, blocks: Sequence[NewBlock]) -> list[BlockSums]:
        """Write all that the blocks bring; return their sums. Raises `OutputMissing`."""
        parts = [_part(new, 0, new.block.header.tx_count) for new in blocks]
        sums = self._read(parts)
        write_blocks(blocks, sums)
        self._write()
        return sums

    def stage(self, new: NewBlock, start: int, stop: int) -> None:
        """Write what some transactions of a block bring, by their numbers, and no block.

        Those before `start` have been written. Raises `OutputMissing`.
        """
        self._read([_part(new, start, stop)])
        self._write()

    def _read(self, parts: Sequence[_Part]) -> list[BlockSums]:
        self._note_outputs(parts)
        self._find_coins(parts)
        self._find_owners()
        return [self._read_part(part) for part in parts]

    # Looking up

    def _note_outputs(self, parts: Sequence[_Part]) -> None:
        """Learn where these transactions stand, and whom they pay."""
        places, coins = self._places, self._coins
        for part in parts:
            for place, transaction in enumerate(part.transactions, start=part.place):
                places[transaction.id] = place
                slot = place << OUTPUT_INDEX_BITS
                for output in transaction.outputs:
                    if isinstance(output, Payment):
                        coins[slot] = (output.amount, output.key_hash)
                    slot += 1

    def _find_coins(self, parts: Sequence[_Part]) -> None:
        """Look up the coins that were made before these transactions and are spent by them."""
        places = self._places
        inputs = [
            item
            for part in parts
            for transaction in part.transactions[0 if number_of(part.place) else 1 :]
            for item in transaction.inputs
            if item.tx_id not in places
        ]
        wanted = {item.tx_id.hex() for item in inputs}
        for tx_hash, place in fetch_in(_FIND_TRANSACTIONS, wanted):
            places[TxId(bytes.fromhex(tx_hash))] = place
        slots = [
            places[item.tx_id] << OUTPUT_INDEX_BITS | item.output_index
            for item in inputs
            if item.tx_id in places
        ]
        for slot, amount, key_hash in fetch_in(_FIND_OUTPUTS, slots):
            self._coins[slot] = (amount, KeyHash(bytes.fromhex(key_hash)))

    def _find_owners(self) -> None:
        """Look up the addresses that are concerned, and make those that are new."""
        wanted = {key_hash for _, key_hash in self._coins.values()}
        owners = self._owners
        for key_hash, owner_id, address, received, spent, number in fetch_in(
            _FIND_ADDRESSES, [key.hex() for key in wanted]
        ):
            owners[KeyHash(bytes.fromhex(key_hash))] = _Owner(
                owner_id, address, received or 0, spent or 0, number or 0
            )
        ((last,),) = fetch("SELECT COALESCE(MAX(id), 0) FROM addresses")
        rows = []
        for owner_id, key in enumerate(sorted(wanted - owners.keys()), start=last + 1):
            address = encode_address(key, self._prefix)
            owners[key] = _Owner(owner_id, address, 0, 0, 0)
            rows.append((owner_id, key.hex(), address))
        insert("addresses", _ADDRESS_COLUMNS, rows)

    # Working out

    def _read_part(self, part: _Part) -> BlockSums:
        sums = BlockSums()
        moment = stored_moment(part.time_ms)
        for place, transaction in enumerate(part.transactions, start=part.place):
            self._read_transaction(transaction, place, moment, sums)
        return sums

    def _read_transaction(
        self, transaction: Transaction, place: int, moment: object, sums: BlockSums
    ) -> None:
        """Work out one transaction: its row, its outputs and inputs, and whom it concerns."""
        moved: dict[KeyHash, list[int]] = {}
        is_reward = place == first_place(height_of(place))
        taken = 0 if is_reward else self._read_inputs(transaction, place, moved)
        sender = None if is_reward or not moved else next(iter(moved))
        given, to, paid = self._read_outputs(transaction, place, moved, sender)
        fee = taken - given if taken is not None and not is_reward else 0
        self._read_entries(place, moved)
        owners = self._owners
        from_addr = owners[sender].address if sender is not None else ""
        to_addr = owners[to].address if to is not None else ""
        height = height_of(place)
        self._transactions.append(
            (
                *(place, transaction.id.hex(), from_addr, to_addr, paid, moment, "confirmed"),
                *(height, fee, len(transaction.raw), transaction.timestamp, ""),
            )
        )
        if is_reward:
            sums.reward, sums.miner = given, to_addr
        else:
            sums.add_payment(fee, len(transaction.raw), paid)

    def _read_inputs(
        self, transaction: Transaction, place: int, moved: dict[KeyHash, list[int]]
    ) -> int | None:
        """Note what is spent; return how much, None where that is not known."""
        taken: int | None = 0
        places, coins = self._places, self._coins
        slot = place << OUTPUT_INDEX_BITS
        for number, item in enumerate(transaction.inputs):
            origin = places.get(item.tx_id)
            spent = None if origin is None else origin << OUTPUT_INDEX_BITS | item.output_index
            coin = None if spent is None else coins.get(spent)
            if spent is None or coin is None:
                self._check_partial(item.tx_id, item.output_index, height_of(place))
                self._spends.append(
                    (slot | number, None, f"{item.tx_id.hex()}:{item.output_index}")
                )
                taken = None
                continue
            self._spends.append((slot | number, spent, ""))
            self._spent.append((place, spent))
            amount, key_hash = coin
            if taken is not None:
                taken += amount
            if key_hash in moved:
                moved[key_hash][1] += amount
            else:
                moved[key_hash] = [0, amount]
        return taken

    def _read_outputs(
        self,
        transaction: Transaction,
        place: int,
        moved: dict[KeyHash, list[int]],
        sender: KeyHash | None,
    ) -> tuple[int, KeyHash | None, int]:
        """Note what is made; return how much, whom it pays, and what went to others."""
        given = paid = 0
        first = receiver = None
        slot = place << OUTPUT_INDEX_BITS
        owners = self._owners
        for number, output in enumerate(transaction.outputs):
            if not isinstance(output, Payment):
                self._outputs.append((slot | number, None, 0, output.data.hex()))
                continue
            key_hash, amount = output.key_hash, output.amount
            self._outputs.append((slot | number, owners[key_hash].id, amount, None))
            given += amount
            first = first or key_hash
            if key_hash != sender:
                paid += amount
                receiver = receiver or key_hash
            if key_hash in moved:
                moved[key_hash][0] += amount
            else:
                moved[key_hash] = [amount, 0]
        return given, receiver or first, paid if receiver else given

    def _read_entries(self, place: int, moved: dict[KeyHash, list[int]]) -> None:
        slot = place << OUTPUT_INDEX_BITS
        owners, entries = self._owners, self._entries
        for key_hash, (received, spent) in moved.items():
            owner = owners[key_hash]
            owner.received += received
            owner.spent += spent
            owner.number += 1
            entries.append(
                (slot, owner.id, received, spent, owner.received, owner.spent, owner.number)
            )
            slot += 1

    def _check_partial(self, tx_id: TxId, output_index: int, height: int) -> None:
        """An index that began above the genesis block does not know all coins; others do."""
        if not self._is_partial:
            raise OutputMissing(tx_id=tx_id.hex(), output_index=output_index, height=height)

    # Writing

    def _write(self) -> None:
        insert("transactions", _TX_COLUMNS, self._transactions)
        insert("outputs", _OUTPUT_COLUMNS, self._outputs)
        insert("spends", _SPEND_COLUMNS, self._spends)
        run_many("UPDATE outputs SET spent_by = %s WHERE id = %s", self._spent)
        insert("address_entries", _ENTRY_COLUMNS, self._entries)


def write_blocks(blocks: Sequence[NewBlock], sums: Sequence[BlockSums]) -> None:
    """Write the rows of blocks themselves."""
    rows = [_block_row(new, sum_) for new, sum_ in zip(blocks, sums, strict=True)]
    insert("blocks", _BLOCK_COLUMNS, rows)


def _part(new: NewBlock, start: int, stop: int) -> _Part:
    header = new.block.header
    transactions = list(block_transactions(new.block, start, stop))
    return _Part(first_place(header.height) + start, header.time_ms, transactions)


def _block_row(new: NewBlock, sums: BlockSums) -> tuple[Any, ...]:
    header = new.block.header
    data = {
        "version": header.version,
        "merkle_root": header.merkle_root.hex(),
        "target_bits": header.target_bits,
        "nonce": header.nonce,
    }
    return (
        *(header.hash.hex(), header.height, header.previous.hex(), stored_moment(header.time_ms)),
        *(msgspec.json.encode(data).decode(), new.source, True, header.tx_count),
        *(len(new.block.raw), sums.fees, sums.reward, sums.amount, sums.miner),
        *(new.sealer or "", new.work, sums.lowest_per_kb, sums.highest_per_kb),
    )


def hashes_of(blocks: Iterable[NewBlock]) -> list[str]:
    return [new.block.hash.hex() for new in blocks]
