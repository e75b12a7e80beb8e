"""`chaindeck bench node` measures a node in a process of its own, and leaves strangers alone."""

from __future__ import annotations

import argparse
import hashlib
import json

import pytest

from chaindeck.cli import bench_node, main
from chaindeck.client.limits import MAX_LOAD_COINS, MAX_LOAD_PAYMENTS
from chaindeck.node.dev import FAUCET_KEY
from chaindeck.wallet.key_files import export_key
from chaindeck.wallet.keys import key_secret
from tests.functional.processes import node
from tests.wallet.samples import CHEAP, PASSWORD


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with node(tmp_path_factory.mktemp("home") / "node") as process:
        yield process


@pytest.fixture
def measure(running, monkeypatch, capsys):
    monkeypatch.setenv("CHAINDECK_HOME", str(running.folder.parent))
    monkeypatch.setenv("NODE_URL", running.url)

    def run(*arguments, code=0):
        try:
            actual: object = main(["bench", "node", *map(str, arguments)])
        except SystemExit as stopped:
            actual = stopped.code
        captured = capsys.readouterr()
        assert actual == code, captured.err
        return captured

    return run


def test_suite_loses_nothing(measure) -> None:
    rows = json.loads(measure("--count", 200, "--json").out)
    assert [row["mode"] for row in rows] == ["one by one", "four connections", "batches"]
    for row in rows:
        assert (row["accepted"], row["confirmed"], row["lost"]) == (200, 200, 0)
        assert 0 < row["p50_ms"] <= row["p99_ms"] <= row["max_ms"]


def test_one_course_is_shown_as_a_table(measure) -> None:
    out = measure("--count", 20, "--connections", 2, "--form", "json", "--rate", 500).out
    head, row = out.splitlines()
    assert head.split()[0] == "mode"
    assert "one by one" in row


def test_rate_and_duration_say_how_many(measure) -> None:
    rows = json.loads(measure("--rate", 200, "--duration", 0.5, "--json").out)
    assert [(row["sent"], row["confirmed"], row["lost"]) for row in rows] == [(100, 100, 0)] * 3


@pytest.mark.parametrize(
    ("count", "rate", "duration", "payments", "coins"),
    [
        (None, None, None, 20_000, 20_000),
        (7, 5.0, 600.0, 7, 7),
        (None, 2_000.0, 600.0, 1_200_000, 120_000),
        (None, 0.3, 1.0, 1, 1),
        (480_000, None, None, 480_000, MAX_LOAD_COINS),
        (None, None, 600.0, MAX_LOAD_PAYMENTS, MAX_LOAD_COINS),
        (None, 1e6, 3_600.0, MAX_LOAD_PAYMENTS, MAX_LOAD_COINS),
    ],
)
def test_coins_are_those_under_way_however_many_payments(
    count, rate, duration, payments, coins
) -> None:
    given = argparse.Namespace(count=count, rate=rate, duration=duration)
    assert bench_node._count(given) == payments
    assert min(payments, bench_node._coins_under_way(rate, 10_000)) == coins


def test_funded_key_is_taken_from_a_file(measure, running, tmp_path) -> None:
    secret = key_secret(hashlib.sha256(b"chaindeck development faucet, a public key").digest())
    assert secret.key_hash == FAUCET_KEY.key_hash
    bare, sealed, password = (tmp_path / name for name in ("bare", "sealed", "password"))
    bare.write_text(secret.key + "\n")
    sealed.write_bytes(export_key(secret, PASSWORD, CHEAP))
    password.write_text(PASSWORD)
    password.chmod(0o600)
    measure("--count", 5, "--batch", 5, "--key-file", bare)
    measure("--count", 5, "--batch", 5, "--key-file", sealed, "--password-file", password)
    bare.write_text("zz")
    assert "key-private" in measure("--count", 5, "--key-file", bare, code=1).err


def test_key_without_coins_is_told(measure, tmp_path) -> None:
    bare = tmp_path / "bare"
    bare.write_text("07" * 32)
    assert "client-load" in measure("--count", 5, "--key-file", bare, code=1).err


@pytest.mark.parametrize(
    "words",
    [["--count", "0"], ["--count", "x"], ["--duration", "0"], ["--batch", "1001"], ["--rate", "0"],
     ["--node", "http://example.org:8080"], ["--node", "x"]],
)  # fmt: skip
def test_misuse_and_strangers_are_refused(measure, words) -> None:
    measure(*words, code=2)
