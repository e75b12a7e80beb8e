"""`chaindeck bench`: measure what runs. `bench node` sends payments and counts them in blocks."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from chaindeck.cli import bench_node
from chaindeck.cli.output import DONE, FAILED, print_error, print_json, print_table, progress_bar
from chaindeck.cli.wallet_node import add_node_options, open_client
from chaindeck.client.limits import (
    MAX_LOAD_BATCH,
    MAX_LOAD_CONNECTIONS,
    MAX_LOAD_PAYMENTS,
    MAX_LOAD_S,
)
from chaindeck.client.load.report import Report

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_COLUMNS = (
    "mode", "connections", "batch", "accepted", "accepted_per_s", "refused", "confirmed",
    "confirmed_per_s", "waiting", "lost", "p50_ms", "p95_ms", "p99_ms", "p999_ms", "max_ms",
)  # fmt: skip


def add_verb(verbs: _SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser(
        "bench",
        help="measure a running node",
        description="Measure what runs.",
    )
    actions = verb.add_subparsers(title="actions", metavar="ACTION", required=True)
    node = actions.add_parser(
        "node",
        help="send signed payments to a node, and count what it takes and mines",
        description="Send signed payments to a node, and count what it takes and mines. All are"
        " signed before the clock runs, up to 200,000; the change of what blocks hold pays for the"
        " rest. Without --connections and --batch three measurements are made: one connection,"
        " four, and batches of 100. On a development node the faucet pays and blocks are mined"
        " when coins run out and at the end.",
    )
    add_node_options(node)
    _add_load_options(node)
    node.add_argument("--json", action="store_true", help="write the result as JSON")
    node.set_defaults(run=run, parser=node)


def _add_load_options(node: argparse.ArgumentParser) -> None:
    count = _number(int, 1, MAX_LOAD_PAYMENTS)
    node.add_argument(
        "--count",
        type=count,
        metavar="N",
        help="payments (default: 20000, or as many as fit into --duration)",
    )
    node.add_argument(
        "--duration",
        type=_number(float, 0.1, MAX_LOAD_S),
        metavar="SECONDS",
        help="stop sending after so long (default: when all are sent)",
    )
    node.add_argument(
        "--rate",
        type=_number(float, 0.1, 1e6),
        metavar="R",
        help="payments a second (default: as fast as the node answers)",
    )
    node.add_argument(
        "--connections",
        type=_number(int, 1, MAX_LOAD_CONNECTIONS),
        metavar="N",
        help="connections, one request at a time on each",
    )
    node.add_argument(
        "--batch", type=_number(int, 1, MAX_LOAD_BATCH), metavar="N", help="payments in a request"
    )
    node.add_argument(
        "--form", choices=("packed", "json"), default="packed", help="(default: packed)"
    )
    node.add_argument(
        "--fee", type=_number(int, 0, 1_000_000), default=1_000, metavar="UNITS",
        help="of each payment, in base units (default: 1000)",
    )  # fmt: skip
    node.add_argument(
        "--key-file",
        type=Path,
        metavar="FILE",
        help="a funded private key, sealed or in hexadecimal (default: the development faucet's)",
    )
    node.add_argument(
        "--password-file", type=Path, metavar="FILE", help="the password of a sealed key file"
    )
    node.add_argument(
        "--confirm-seconds",
        type=_number(float, 0.1, MAX_LOAD_S),
        default=120.0,
        metavar="S",
        help="how long to wait for blocks (default: 120)",
    )
    node.add_argument(
        "--allow-remote", action="store_true", help="load a node that is not on this machine"
    )


def run(options: argparse.Namespace) -> int:
    """Measure and show; 1 where a payment was refused or lost."""
    with open_client(options) as client:
        if not client.access.is_loopback and not options.allow_remote:
            options.parser.error(
                f"{client.access.url} is not on this machine; a load can take a node out of"
                " service. Say --allow-remote if it is yours"
            )
        reports = bench_node.measure(client, options, progress_bar("preparing", "payments"))
    show(reports, as_json=options.json)
    is_clean = not any(report.refused or report.lost for report in reports)
    return DONE if is_clean else FAILED


def show(reports: list[Report], *, as_json: bool) -> None:
    rows = [msgspec.to_builtins(report) for report in reports]
    if as_json:
        print_json(rows)
        return
    print_table(_COLUMNS, rows, as_json=False)
    for report in reports:
        if report.first_refusal:
            print_error(f"{report.mode}: the first refusal was {report.first_refusal}")


def _number(kind: type[int | float], least: float, most: float) -> Callable[[str], float]:
    """Return a parser of numbers in a range."""

    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = kind(least - 1)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"a number from {least:g} to {most:g}, not {text!r}")
        return value

    return parse
