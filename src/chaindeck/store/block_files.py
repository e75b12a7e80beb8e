"""Blocks as text: one JSON object a line, for carrying a chain by hand and for looking into it.

    {"height": 1, "hash": "...", "raw": "...", "transactions": [...]}

`raw` is the block; `transactions` repeats it in a form that people and scripts can read. Reading
trusts `raw` alone, and judges every block in full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec

from chaindeck.ledger.chain import BlockTree
from chaindeck.ledger.codec import block_transactions, decode_block
from chaindeck.ledger.connect import connect_block
from chaindeck.ledger.headers import check_header, genesis_entry
from chaindeck.ledger.json_form import transaction_to_json
from chaindeck.ledger.signatures import SignatureCache
from chaindeck.ledger.types import Block
from chaindeck.store.atomic import replacing, translated
from chaindeck.store.batch import Batch
from chaindeck.store.chain_store import ChainStore
from chaindeck.store.errors import FileMissing, ImportGap, ImportLine, ImportMismatch, Pruned
from chaindeck.store.limits import IMPORT_BATCH_BLOCKS, MAX_IMPORT_LINE_BYTES, TREE_BLOCKS

Progress = Callable[[int, int], None]


class _Line(msgspec.Struct, frozen=True):
    """What is read of a line; other names are ignored."""

    height: int
    hash: str
    raw: str


_DECODER = msgspec.json.Decoder(_Line)


def export_lines(store: ChainStore, first: int = 0, last: int | None = None) -> Iterator[bytes]:
    """Yield the active chain from one height to another, both included, a line a block.

    Raises `Pruned` where a body was given up. A reorganisation meanwhile ends the walk early rather
    than joining two branches.
    """
    prefix = store.network.genesis.address_prefix
    previous = None
    for height in range(first, (store.height() if last is None else last) + 1):
        block_hash = store.active_hash(height)
        raw = None if block_hash is None else store.load_body(block_hash)
        if raw is None:
            return
        block = decode_block(raw)
        if previous is not None and block.header.previous != previous:
            return
        previous = block.hash
        yield _encode_line(block, prefix)


def export_blocks(store: ChainStore, path: Path, progress: Progress | None = None) -> int:
    """Write the whole active chain to a file, atomically; return how many blocks."""
    if store.state.first_body > 1:
        raise Pruned(height=1, first=store.state.first_body)
    last, count = store.height(), 0
    with replacing(path) as file:
        for line in export_lines(store, 0, last):
            file.write(line)
            count += 1
            if progress:
                progress(count, last + 1)
    return count


def import_blocks(store: ChainStore, path: Path, progress: Progress | None = None) -> int:
    """Connect the blocks of a file and return how many were new.

    Raises `FileMissing`, an `ImportRefused` that names the line, or the ledger's `RuleError`. The
    blocks of the batches before are in then, and the same file may be given again.
    """
    try:
        with translated(path), path.open("rb") as file:
            lines = iter(lambda: file.readline(MAX_IMPORT_LINE_BYTES), b"")
            return _Importer(store).run(lines, progress)
    except FileNotFoundError:
        raise FileMissing(path=str(path)) from None


class _Importer:
    """Extends the tip line by line."""

    def __init__(self, store: ChainStore) -> None:
        self._store = store
        self._cache = SignatureCache()
        self._tree = BlockTree(genesis_entry(store.network), store)
        for mark in store.load_marks(max(1, store.height() - TREE_BLOCKS)):
            if store.load_entry(mark.entry.header.hash):
                self._tree.restore(mark)

    def run(self, lines: Iterable[bytes], progress: Progress | None) -> int:
        count = number = 0
        walk = enumerate(lines, 1)
        while group := list(islice(walk, IMPORT_BATCH_BLOCKS)):
            with self._store.writing() as batch:
                count += sum([self._take(batch, line, text) for line, text in group])
            self._tree.forget_below(max(0, self._store.height() - TREE_BLOCKS), self._store.tip())
            number += len(group)
            if progress:
                progress(number, self._store.height())
        return count

    def _take(self, batch: Batch, line: int, text: bytes) -> bool:
        """Connect one block, or return False for one that is in already."""
        block = _decode_line(text, line)
        header = block.header
        if header.height <= batch.state.height and batch.active_hash(header.height) == block.hash:
            return False
        if header.previous != batch.tip():
            raise ImportGap(line=line, height=header.height, tip=batch.state.height)
        network = self._store.network
        parent = self._tree.entry(header.previous)
        entry = check_header(network, self._tree, parent, header, block.seal)
        batch.connect(entry, block, connect_block(network, entry, block, batch, self._cache))
        self._tree.add_header(entry)
        self._tree.add_body(block.hash)
        return True


def _encode_line(block: Block, prefix: str) -> bytes:
    form = {
        "height": block.header.height,
        "hash": block.hash.hex(),
        "raw": block.raw.hex(),
        "transactions": [transaction_to_json(item, prefix) for item in block_transactions(block)],
    }
    return msgspec.json.encode(form) + b"\n"


def _decode_line(text: bytes, line: int) -> Block:
    if not text.endswith(b"\n"):
        raise ImportLine(line=line, reason="the line is cut off or too long")
    try:
        form = _DECODER.decode(text)
        block = decode_block(bytes.fromhex(form.raw))
    except (msgspec.DecodeError, ValueError) as error:
        raise ImportLine(line=line, reason=str(error)) from None
    for field, said, actual in (
        ("height", form.height, block.header.height),
        ("hash", form.hash, block.hash.hex()),
    ):
        if said != actual:
            raise ImportMismatch(field=field, line=line, name=field)
    return block
