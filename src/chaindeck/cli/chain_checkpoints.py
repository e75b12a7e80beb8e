"""`chaindeck chain checkpoint`: signers fix a block together, each where their own key is.

The file that goes from one to the next is what a node takes at `/api/admin/checkpoint`. It holds
signatures and nothing secret; a signature of another block or network fits nowhere.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from chaindeck.cli.output import DONE, FAILED, print_error, print_fields
from chaindeck.cli.places import add_data_option, data_directory, existing_network
from chaindeck.cli.wallet_files import open_wallet, wallet_name
from chaindeck.cli.wallet_node import add_node_options, open_client
from chaindeck.cli.wallet_passwords import add_password_option, read_password
from chaindeck.ledger.addresses import encode_address
from chaindeck.ledger.checkpoints import (
    Checkpoint,
    find_signers,
    join_checkpoints,
    sign_checkpoint,
)
from chaindeck.ledger.genesis import Network, build_network, decode_genesis
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.types import BlockHash, Height
from chaindeck.node.api.forms import CheckpointForm
from chaindeck.store.atomic import read_json, write_json
from chaindeck.store.key_file import load_key

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_FORM = msgspec.json.Decoder(CheckpointForm)
_MOST_HEIGHT = 2**32 - 1


def add_actions(actions: _SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = actions.add_parser(
        "checkpoint",
        help="fix a block by a quorum of signatures",
        description="Sign a block as its network's checkpoint, and hand the signatures to a node.",
    )
    steps = verb.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_sign(steps)
    _add_post(steps)


def _add_sign(steps: _SubParsersAction[argparse.ArgumentParser]) -> None:
    step = steps.add_parser(
        "sign",
        help="add a signature to a checkpoint",
        description="Sign a block, in a new file or in one that others have signed."
        " With --node or --height the node's block is compared or taken.",
    )
    step.add_argument("file", type=Path, metavar="FILE", help="the checkpoint")
    key = step.add_mutually_exclusive_group(required=True)
    key.add_argument("--key", type=Path, metavar="FILE", help="a key file of a signer")
    key.add_argument("--wallet", type=wallet_name, metavar="NAME", help="a wallet of a signer")
    step.add_argument("--height", type=_height, metavar="N", help="which block, in a new file")
    step.add_argument("--hash", type=_hash, metavar="HEX", help="its hash (default: ask the node)")
    _add_network(step)
    add_password_option(step)
    _finish(step, _sign)


def _add_post(steps: _SubParsersAction[argparse.ArgumentParser]) -> None:
    step = steps.add_parser(
        "post",
        help="hand a checkpoint to a node",
        description="Hand a checkpoint to a node, which tells its peers. Files that several signed"
        " apart are joined. The token needs the scope admin.",
    )
    step.add_argument("files", type=Path, nargs="+", metavar="FILE", help="of the same block")
    _add_network(step)
    _finish(step, _post)


def _add_network(step: argparse.ArgumentParser) -> None:
    step.add_argument(
        "--genesis", type=Path, metavar="FILE", help="the network's document, instead of --data"
    )
    add_data_option(step)


def _finish(step: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]) -> None:
    add_node_options(step)
    step.add_argument("--json", action="store_true", help="write the result as JSON")
    step.set_defaults(run=run, parser=step)


def _sign(options: argparse.Namespace) -> int:
    network = _network(options)
    held = _load(options.file) if options.file.exists() else _begin(options)
    _check_same(options, held)
    if options.node is not None and _node_hash(options, held.height) != held.hash:
        print_error(f"the node has another block at height {held.height}; nothing was signed")
        return FAILED
    key = _key_of(options, network)
    signed = sign_checkpoint(network, held.height, held.hash, [key])
    joined = join_checkpoints(network, [held, signed])
    _store(options.file, joined)
    _show(options, network, joined, {"file": str(options.file)})
    return DONE


def _post(options: argparse.Namespace) -> int:
    network = _network(options)
    parts = [_load(path) for path in options.files]
    if len({(part.height, part.hash) for part in parts}) > 1:
        options.parser.error("the files are of different blocks")
    joined = join_checkpoints(network, parts)
    with open_client(options) as client:
        signatures = [signature.hex() for signature in joined.signatures]
        taken = client.admin_checkpoint(joined.height, joined.hash.hex(), signatures)
    _show(options, network, joined, {"is_new": taken.is_new})
    return DONE


def _network(options: argparse.Namespace) -> Network:
    if options.genesis is None:
        return existing_network(data_directory(options))
    return build_network(decode_genesis(options.genesis.read_bytes()))


def _begin(options: argparse.Namespace) -> Checkpoint:
    """Return a checkpoint that nobody has signed, of the block that the options name."""
    if options.height is None:
        options.parser.error(f"{options.file} is new, so say which block: --height N")
    height = Height(options.height)
    return Checkpoint(height, options.hash or _node_hash(options, height), ())


def _check_same(options: argparse.Namespace, held: Checkpoint) -> None:
    for name, mine, theirs in (
        ("--height", options.height, held.height),
        ("--hash", options.hash, held.hash),
    ):
        if mine is not None and mine != theirs:
            options.parser.error(f"{options.file} is of another block than {name} says")


def _node_hash(options: argparse.Namespace, height: Height) -> BlockHash:
    with open_client(options) as client:
        return BlockHash(bytes.fromhex(client.block(height).hash))


def _key_of(options: argparse.Namespace, network: Network) -> SigningKey:
    """Return the signer's key; exits with 2 where it is not one of this network's."""
    if options.key is not None:
        key = load_key(options.key)
        if key.key_hash not in network.checkpoint_signers:
            prefix = network.genesis.address_prefix
            shown = encode_address(key.key_hash, prefix)
            options.parser.error(f"{shown} is not a checkpoint signer of {network.genesis.name}")
        return key
    keystore = open_wallet(options)
    wallet = keystore.wallet
    own = [item for item in wallet.key_hashes() if item in network.checkpoint_signers]
    if not own:
        options.parser.error(f"{options.wallet} has no signer's key of {network.genesis.name}")
    secret = keystore.unlock(read_password(options)).reveal_key(wallet.address(own[0]))
    return SigningKey(secret.raw)


def _load(path: Path) -> Checkpoint:
    form = read_json(path, _FORM)
    signatures = tuple(bytes.fromhex(signature) for signature in form.signatures)
    return Checkpoint(Height(form.height), BlockHash(bytes.fromhex(form.hash)), signatures)


def _store(path: Path, checkpoint: Checkpoint) -> None:
    signatures = [signature.hex() for signature in checkpoint.signatures]
    write_json(path, CheckpointForm(checkpoint.height, checkpoint.hash.hex(), signatures))


def _show(
    options: argparse.Namespace, network: Network, checkpoint: Checkpoint, more: dict[str, Any]
) -> None:
    prefix = network.genesis.address_prefix
    signers = [encode_address(signer, prefix) for signer in find_signers(network, checkpoint)]
    fields = {
        "height": checkpoint.height,
        "hash": checkpoint.hash.hex(),
        "signers": signers if options.json else " ".join(signers),
        "needed": network.genesis.checkpoint_quorum,
        **more,
    }
    print_fields(fields, as_json=options.json)


def _height(text: str) -> int:
    if not text.isdecimal() or int(text) > _MOST_HEIGHT:
        raise argparse.ArgumentTypeError(f"a height is a number from 0 up, not {text!r}")
    return int(text)


def _hash(text: str) -> BlockHash:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != 32:
        raise argparse.ArgumentTypeError(f"a hash has 64 hexadecimal digits, not {text!r}")
    return BlockHash(raw)
