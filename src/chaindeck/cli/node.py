"""`chaindeck node`: run one node in the foreground until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from chaindeck.cli.output import progress_bar
from chaindeck.cli.places import add_data_option, data_directory, existing_network
from chaindeck.node.config import NodeConfig, flag_of, load_config
from chaindeck.node.process import choose_network, run_node
from chaindeck.store.reindexing import reindex

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_FLAGS: tuple[tuple[str, str, str], ...] = (
    ("profile", "NAME", "dev or local, for a new data directory (default: local)"),
    ("genesis", "FILE", "a network's genesis document, for a new data directory"),
    ("name", "NAME", "what people call this node (default: its directory's name)"),
    ("api_host", "ADDRESS", "where the API listens (default: 127.0.0.1)"),
    ("api_port", "PORT", "the API's port, 0 for any that is free (default: 8080)"),
    ("p2p", "BOOL", "whether this node has peers (default: true, but false on dev)"),
    ("p2p_host", "ADDRESS", "where peers are accepted (default: 127.0.0.1)"),
    ("p2p_port", "PORT", "the port for peers, 0 for any that is free (default: 8333)"),
    ("p2p_tls", "BOOL", "whether links with peers are encrypted (default: false)"),
    ("peers", "LIST", "peers to keep a link with, with commas between them"),
    ("discovery", "BOOL", "whether to look for nodes by multicast (default: true)"),
    ("max_inbound", "N", "links that others may make (default: 117)"),
    (
        "mining",
        "MODE",
        "off, always, transaction, interval or hybrid (default: transaction on dev, else off)",
    ),
    ("mine_to", "ADDRESS", "whom mined blocks pay (default on dev: the faucet)"),
    ("seal_key", "FILE", "the private key that seals blocks, on networks that list miners"),
    ("mining_threads", "N", "threads of the search (default: 1)"),
    ("mining_duty", "SHARE", "share of the time spent searching (default: 0.1)"),
    ("mining_interval_ms", "MS", "for the modes interval and hybrid (default: 10000)"),
    ("prune_mb", "MB", "blocks to keep, 0 for all (default: 0)"),
    ("log_level", "LEVEL", "debug, info, warning or error (default: info)"),
    ("log_format", "FORMAT", "text or json (default: text)"),
)


def add_verb(verbs: _SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser(
        "node",
        help="run a node",
        description="Run one node in the foreground. Settings come from node.json in its data"
        " directory, then the environment, then these options.",
    )
    add_data_option(verb)
    for name, shown, about in _FLAGS:
        verb.add_argument(flag_of(name), metavar=shown, help=about)
    verb.add_argument(
        "--reindex", action="store_true", help="rebuild everything but the blocks first"
    )
    verb.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    folder = data_directory(options)
    config = read_config(folder, options)
    if options.reindex:
        existing_network(folder)
        reindex(folder, choose_network(folder, config), progress_bar("reindexing", "blocks"))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run_node(folder, config))


def read_config(folder: Path, options: argparse.Namespace) -> NodeConfig:
    """Join file, environment and the flags that were given."""
    flags: dict[str, Any] = {name: getattr(options, name) for name, _, _ in _FLAGS}
    return load_config(folder, os.environ, flags)
