"""`chaindeck verify FILE`: check a downloaded proof of a transaction, without any network."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from chaindeck.cli.output import DONE, print_fields
from chaindeck.client.errors import ProofInvalid
from chaindeck.client.proofs import check_proof

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_verb(verbs: _SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser(
        "verify",
        help="check a downloaded proof of a transaction, offline",
        description="Check that a transaction is in a block, from the file that its page or a node"
        " gave. Nobody is asked: so compare the block with one from somebody whom you trust.",
    )
    verb.add_argument("file", type=Path, metavar="FILE")
    verb.add_argument("--block", metavar="HASH", help="the block that it must be in")
    verb.add_argument("--json", action="store_true", help="write the result as JSON")
    verb.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    proven = check_proof(options.file.read_bytes())
    block_hash = proven.header.hash.hex()
    if options.block and options.block.lower() != block_hash:
        raise ProofInvalid(reason=f"it proves another block, {block_hash}")
    fields = {
        "transaction": proven.transaction.id.hex(),
        "number": proven.index,
        "block": block_hash,
        "height": proven.header.height,
        "made": datetime.fromtimestamp(proven.header.time_ms / 1000, UTC).isoformat(),
        "verdict": "the transaction is in this block",
    }
    print_fields(fields, as_json=options.json)
    return DONE
