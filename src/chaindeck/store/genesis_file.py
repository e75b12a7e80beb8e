"""`genesis.json` in the data directory: the document of the network whose chain lies beside it."""

from __future__ import annotations

from pathlib import Path

from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.genesis import Genesis, Network, build_network, decode_genesis, encode_genesis
from chaindeck.store.atomic import read_bytes, write_bytes
from chaindeck.store.errors import FileInvalid, ForeignNetwork

GENESIS_NAME = "genesis.json"


def load_genesis(folder: Path) -> Genesis:
    """Read the document of a data directory; raise `FileMissing` or `FileInvalid`."""
    path = folder / GENESIS_NAME
    try:
        return decode_genesis(read_bytes(path))
    except RuleError as error:
        where = f" (at {error.field})" if error.field else ""
        raise FileInvalid(path=str(path), reason=f"{error}{where}") from error


def check_genesis_file(folder: Path, network: Network) -> None:
    """Raise `ForeignNetwork` if the directory holds another network's document."""
    path = folder / GENESIS_NAME
    if not path.exists():
        return
    found = build_network(load_genesis(folder)).id
    if found != network.id:
        raise ForeignNetwork(path=str(path), actual=found.hex(), expected=network.id.hex())


def keep_genesis(folder: Path, network: Network) -> None:
    """Write the document where there is none."""
    path = folder / GENESIS_NAME
    if not path.exists():
        write_bytes(path, encode_genesis(network.genesis))
