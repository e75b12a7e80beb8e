"""`chaindeck chain`: found a network, fix its blocks, and care for the chain of a stopped node.

Here is what works on a data directory whose node does not run; `chain_founding` and
`chain_checkpoints` have the actions that need none.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chaindeck.cli import chain_checkpoints, chain_founding
from chaindeck.cli.output import DONE, FAILED, print_fields, progress_bar
from chaindeck.cli.places import add_data_option, data_directory, existing_network
from chaindeck.ledger.genesis import build_network, decode_genesis
from chaindeck.store import ChainStore
from chaindeck.store.block_files import export_blocks, import_blocks
from chaindeck.store.reindexing import reindex
from chaindeck.store.snapshots import export_snapshot, import_snapshot
from chaindeck.store.verification import Verification, verify

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_verb(verbs: _SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser(
        "chain",
        help="found a network, sign checkpoints, check and carry a stopped node's chain",
        description="Found a network and fix its blocks; or work on a node's chain while the node"
        " is stopped.",
    )
    actions = verb.add_subparsers(title="actions", metavar="ACTION", required=True)
    chain_founding.add_actions(actions)
    chain_checkpoints.add_actions(actions)
    _add(
        actions,
        "verify",
        "replay the chain from the first block that is kept and compare all that is stored",
    )
    _add(actions, "reindex", "rebuild everything but the blocks from the blocks")
    exporting = _add(actions, "export", "write all blocks to a file, one JSON object a line")
    exporting.add_argument("file", type=Path, metavar="FILE")
    importing = _add(actions, "import", "connect the blocks of an exported file")
    importing.add_argument("file", type=Path, metavar="FILE")
    _add_genesis(importing)
    snapshot = _add(
        actions, "snapshot", "write the coins and headers that a new node can start from"
    )
    snapshot.add_argument("file", type=Path, metavar="FILE")
    restoring = _add(actions, "start-from", "start a new node's chain from a snapshot")
    restoring.add_argument("file", type=Path, metavar="FILE")
    restoring.add_argument(
        "--coins-hash",
        type=bytes.fromhex,
        metavar="HEX",
        help="the coins hash that somebody you trust gave you",
    )
    _add_genesis(restoring)


def _add(
    actions: _SubParsersAction[argparse.ArgumentParser], name: str, about: str
) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
    add_data_option(action)
    action.add_argument("--json", action="store_true", help="write the result as JSON")
    action.set_defaults(run=_ACTIONS[name])
    return action


def _add_genesis(action: argparse.ArgumentParser) -> None:
    action.add_argument(
        "--genesis",
        type=Path,
        metavar="FILE",
        help="the network's genesis document, for a data directory that has none yet",
    )


def _verify(options: argparse.Namespace) -> int:
    with _open(options) as store:
        found = verify(store, progress_bar("verifying", "blocks"))
    print_fields(
        {
            "blocks": found.blocks,
            "coins": found.coins,
            "coins_hash": found.coins_hash.hex(),
            **_limits_of(found, as_json=options.json),
            "verdict": found.disagreement or "everything agrees",
        },
        as_json=options.json,
    )
    return FAILED if found.disagreement else DONE


def _limits_of(found: Verification, *, as_json: bool) -> dict[str, Any]:
    """Say what could not be checked; nothing where all of the chain is here."""
    if not found.unchecked:
        return {}
    before = found.coins_hash_before
    return {
        "first_block_kept": found.first_body,
        "coins_hash_before_it": before.hex() if before else None,
        "unchecked": found.unchecked if as_json else "; ".join(found.unchecked),
    }


def _reindex(options: argparse.Namespace) -> int:
    folder = data_directory(options)
    state = reindex(folder, existing_network(folder), progress_bar("reindexing", "blocks"))
    print_fields({"height": state.height, "tip": state.tip.hex()}, as_json=options.json)
    return DONE


def _export(options: argparse.Namespace) -> int:
    with _open(options) as store:
        count = export_blocks(store, options.file, progress_bar("exporting", "blocks"))
    print_fields({"blocks": count, "file": str(options.file)}, as_json=options.json)
    return DONE


def _import(options: argparse.Namespace) -> int:
    with _open(options) as store:
        count = import_blocks(store, options.file, progress_bar("importing", "blocks"))
        height = store.height()
    print_fields({"new_blocks": count, "height": height}, as_json=options.json)
    return DONE


def _snapshot(options: argparse.Namespace) -> int:
    with _open(options) as store:
        head = export_snapshot(store, options.file, progress_bar("writing", "headers"))
    print_fields(
        {"height": head.height, "hash": head.hash, "coins_hash": head.coins_hash},
        as_json=options.json,
    )
    return DONE


def _start_from(options: argparse.Namespace) -> int:
    with _open(options) as store:
        head = import_snapshot(
            store,
            options.file,
            expected_coins_hash=options.coins_hash,
            progress=progress_bar("reading", "headers"),
        )
    print_fields(
        {"height": head.height, "hash": head.hash, "coins_hash": head.coins_hash},
        as_json=options.json,
    )
    return DONE


def _open(options: argparse.Namespace) -> ChainStore:
    folder = data_directory(options)
    document: Path | None = getattr(options, "genesis", None)
    if document is None:
        return ChainStore.open(folder, existing_network(folder))
    return ChainStore.open(folder, build_network(decode_genesis(document.read_bytes())))


_ACTIONS = {
    "verify": _verify,
    "reindex": _reindex,
    "export": _export,
    "import": _import,
    "snapshot": _snapshot,
    "start-from": _start_from,
}
