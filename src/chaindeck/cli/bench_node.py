"""The steps of `chaindeck bench node`: whose coins, which measurements, each from end to end."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import uvloop

from chaindeck.cli.wallet_passwords import read_password
from chaindeck.client import NodeClient
from chaindeck.client.answers import Status
from chaindeck.client.errors import LoadImpossible
from chaindeck.client.load.drive import Drive, Plan, drive
from chaindeck.client.load.funds import Funds
from chaindeck.client.load.payments import Payer, RequestBytes, build_requests
from chaindeck.client.load.report import Report, summarize
from chaindeck.ledger.codec import block_transactions, decode_block
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.types import NetworkId, Transaction, TxId
from chaindeck.node.dev import FAUCET_KEY
from chaindeck.wallet.key_files import import_key
from chaindeck.wallet.keys import key_secret_from_hex

_STRANGER = SigningKey(b"\x02" * 32)
"""Whom the payments pay; on the network it owns nothing else."""

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
    funds = Funds(client, payer, mines=is_dev, wait_s=options.confirm_seconds, fee=options.fee)
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
        payments = self._prepare(progress)
        requests = self._pack(payments, course)
        before = self._client.status()
        plan = Plan(
            connections=course.connections,
            rate_per_s=self._options.rate,
            limit_s=self._options.seconds,
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            done = runner.run(drive(requests, self._client.access, plan))
        report = summarize(
            done, mode=course.mode, connections=course.connections, batch=course.batch
        )
        return self._follow(report, done, {item.id for item in payments}, before)

    def _prepare(self, progress: Progress) -> list[Transaction]:
        """Make coins, and sign a payment for each."""
        options = self._options
        now_s = self._client.status().time_ms // 1000
        coins = self._funds.prepare(options.count, now_s, progress)
        return [self._payer.pay(coin, _STRANGER.key_hash, options.fee, now_s) for coin in coins]

    def _pack(self, payments: list[Transaction], course: Course) -> list[RequestBytes]:
        return build_requests(
            payments,
            self._client.access,
            batch=course.batch,
            form=self._options.form,
            prefix=self._payer.prefix,
        )

    def _follow(self, report: Report, done: Drive, sent: set[TxId], before: Status) -> Report:
        """Add what the chain says once nothing waits."""
        waiting = self._funds.empty_pool()
        confirming_s = time.perf_counter() - done.started_s
        confirmed = len(sent & self._mined_since(before.height))
        return msgspec.structs.replace(
            report,
            confirmed=confirmed,
            confirmed_per_s=round(confirmed / confirming_s, 1),
            lost=max(0, report.accepted - confirmed - waiting),
        )

    def _mined_since(self, height: int) -> set[TxId]:
        tip = self._client.status().height
        return {
            transaction.id
            for number in range(height + 1, tip + 1)
            for transaction in block_transactions(decode_block(self._client.raw_block(number)))
        }
