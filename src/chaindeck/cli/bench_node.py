"""The steps of `chaindeck bench node`: whose coins, which measurements, each from end to end."""

from __future__ import annotations

import argparse
import asyncio
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import uvloop

from chaindeck.cli.wallet_passwords import read_password
from chaindeck.client import NodeClient
from chaindeck.client.errors import LoadImpossible
from chaindeck.client.limits import (
    LOAD_INTERVALS,
    MAX_LOAD_COINS,
    MAX_LOAD_PAYMENTS,
    MAX_LOAD_S,
)
from chaindeck.client.load.circulation import Circulation, Order, least_coin
from chaindeck.client.load.drive import Plan
from chaindeck.client.load.funds import Funds
from chaindeck.client.load.payments import Payer
from chaindeck.client.load.report import Report, summarize
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.types import NetworkId
from chaindeck.node.dev import FAUCET_KEY
from chaindeck.wallet.key_files import import_key
from chaindeck.wallet.keys import key_secret_from_hex

_STRANGER = SigningKey(b"\x02" * 32)
"""Whom the payments pay; on the network it owns nothing else."""

_USUAL_COUNT = 20_000
"""Payments of a measurement for which nothing was said: some seconds."""

Progress = Callable[[int, int], None]


class Course(NamedTuple):
    """One measurement to make."""

    mode: str
    connections: int
    batch: int


_SUITE = (
    Course("one by one", 1, 1),
    Course("four connections", 4, 1),
    Course("batches", 1, 100),
)


def measure(client: NodeClient, options: argparse.Namespace, progress: Progress) -> list[Report]:
    """Make the measurements that were asked for. Raises a `ClientError`."""
    status = client.status()
    is_dev = status.profile == "dev"
    payer = Payer(
        _choose_key(options, is_dev=is_dev),
        NetworkId(bytes.fromhex(status.network.id)),
        status.network.address_prefix,
    )
    funds = Funds(client, payer, mines=is_dev, wait_s=options.confirm_seconds)
    return [
        _Measurement(client, options, funds, payer).run(course, progress)
        for course in _courses(options)
    ]


def _courses(options: argparse.Namespace) -> tuple[Course, ...]:
    if options.connections is None and options.batch is None:
        return _SUITE
    connections, batch = options.connections or 1, options.batch or 1
    mode = "one by one" if batch == 1 else "batches"
    return (Course(mode, connections, batch),)


def _choose_key(options: argparse.Namespace, *, is_dev: bool) -> SigningKey:
    if options.key_file is not None:
        return _load_key(options)
    if not is_dev:
        raise LoadImpossible(
            reason="only a development node has a faucet; name a funded key with --key-file"
        )
    return FAUCET_KEY


def _load_key(options: argparse.Namespace) -> SigningKey:
    """Read a sealed key file, or a bare key in hexadecimal."""
    path: Path = options.key_file
    raw = path.read_bytes()
    if raw.lstrip()[:1] != b"{":
        return SigningKey(key_secret_from_hex(raw.decode("ascii", "replace")).raw)
    return SigningKey(import_key(raw, read_password(options, f"Password of {path}: ")).raw)


class _Measurement:
    """One course from the first coin to the last block."""

    def __init__(
        self, client: NodeClient, options: argparse.Namespace, funds: Funds, payer: Payer
    ) -> None:
        self._client = client
        self._options = options
        self._funds = funds
        self._payer = payer

    def run(self, course: Course, progress: Progress) -> Report:
        circulation = self._prepare(course, progress)
        plan = Plan(
            connections=course.connections,
            rate_per_s=self._options.rate,
            limit_s=self._options.duration or MAX_LOAD_S,
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            done = runner.run(circulation.run(self._client.access, plan))
        circulation.settle()
        confirming_s = time.perf_counter() - done.started_s
        waiting = circulation.count_waiting()
        return msgspec.structs.replace(
            summarize(done, mode=course.mode, batch=course.batch),
            coins=circulation.coins,
            confirmed=circulation.confirmed,
            confirmed_per_s=round(circulation.confirmed / confirming_s, 1),
            waiting=waiting,
            lost=circulation.missing - waiting,
        )

    def _prepare(self, course: Course, progress: Progress) -> Circulation:
        """Make the coins, and sign a payment for each."""
        options, status = self._options, self._client.status()
        count = _count(options)
        wanted = min(count, _coins_under_way(options.rate, status.network.block_interval_ms))
        order = Order(
            count=count,
            to=_STRANGER.key_hash,
            batch=course.batch,
            form=options.form,
            fee=options.fee,
            timestamp_s=status.time_ms // 1000,
        )
        coins = self._funds.prepare(wanted, least=least_coin(order, wanted), progress=progress)
        circulation = Circulation(self._client, self._funds, self._payer, coins, order)
        circulation.prepare()
        return circulation


def _count(options: argparse.Namespace) -> int:
    """Return how many payments to send at most."""
    count: int | None = options.count
    rate_per_s: float | None = options.rate
    duration_s: float | None = options.duration
    if count is not None:
        return count
    if duration_s is None:
        return _USUAL_COUNT
    if rate_per_s is None:
        return MAX_LOAD_PAYMENTS
    return min(MAX_LOAD_PAYMENTS, math.ceil(rate_per_s * duration_s))


def _coins_under_way(rate_per_s: float | None, interval_ms: int) -> int:
    """Return how many coins keep a load going whose payments wait for blocks this far apart."""
    if rate_per_s is None:
        return MAX_LOAD_COINS
    return min(MAX_LOAD_COINS, math.ceil(rate_per_s * interval_ms / 1000 * LOAD_INTERVALS))
