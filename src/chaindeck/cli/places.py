"""Where things lie: the home directory, a node's data directory, its network."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from chaindeck.ledger.genesis import Network, build_network
from chaindeck.store.errors import FileMissing
from chaindeck.store.genesis_file import load_genesis

_DEFAULT_HOME = "~/.chaindeck"


def home(environment: Mapping[str, str] | None = None) -> Path:
    """Return `$CHAINDECK_HOME`, by default ~/.chaindeck."""
    chosen = (os.environ if environment is None else environment).get("CHAINDECK_HOME", "").strip()
    return Path(chosen or _DEFAULT_HOME).expanduser()


def add_data_option(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="the node's data directory (default: $CHAINDECK_HOME/node)",
    )


def data_directory(options: argparse.Namespace) -> Path:
    chosen: Path | None = options.data
    return chosen.expanduser() if chosen else home() / "node"


def existing_network(folder: Path) -> Network:
    """Return the network of a data directory that a node has used; raise `FileMissing`."""
    if not folder.is_dir():
        raise FileMissing(path=str(folder))
    return build_network(load_genesis(folder))
