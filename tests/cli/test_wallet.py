"""Wallets from the command line: made, paid, emptied, locked, and never lost by accident."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

import pytest

from chaindeck.cli import main
from chaindeck.cli.wallet_files import holding
from chaindeck.client import NodeClient
from chaindeck.ledger.genesis import encode_genesis
from chaindeck.node.dev import dev_genesis
from tests.client.servers import note_running
from tests.ledger.forge import ALICE, address
from tests.node.api.serving import serving

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home") / "node"
    folder.mkdir()
    with serving(folder) as served:
        note_running(served)
        yield served


class Desk:
    """A person at a terminal, with a home directory of their own."""

    def __init__(self, home: Path, api, capsys) -> None:
        self.home = home
        self.api = api
        self._capsys = capsys
        self.error = ""
        self.password_file = self.write_secret("password", PASSWORD)

    def write_secret(self, name: str, text: str) -> Path:
        path = self.home / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        return path

    def run(self, *arguments, code=0, password=True):
        """Run a command; return what it wrote, as JSON where it is that."""
        words = [str(item) for item in arguments]
        if password and words[0] in ("new", "import", "export", "send", "sign", "password"):
            words += ["--password-file", str(self.password_file)]
        try:
            actual: object = main(["wallet", *words, "--json"])
        except SystemExit as stopped:
            actual = stopped.code
        out, self.error = self._capsys.readouterr()
        assert actual == code, self.error
        return json.loads(out) if out else None

    def fund(self, to, coins=1_000_000_000) -> None:
        with NodeClient(f"http://127.0.0.1:{self.api.port}") as client:
            client.access.token = self.api.cookie
            client.dev_faucet(to, coins)
            client.mine(1, address(ALICE))

    def mine(self) -> None:
        self.api.mine(1)


@pytest.fixture
def desk(api, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CHAINDECK_HOME", str(tmp_path))
    monkeypatch.setenv("CPP_NODE_URL", f"http://127.0.0.1:{api.port}")
    monkeypatch.delenv("NODE_URL", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return Desk(tmp_path, api, capsys)


class Terminal(io.StringIO):
    """Standard input with a person behind it."""

    def isatty(self) -> bool:
        return True


def type_in(monkeypatch, *secrets, lines=""):
    """Have a person type secrets and lines."""
    waiting = iter(secrets)
    monkeypatch.setattr("sys.stdin", Terminal(lines))
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(waiting))


def test_wallet_is_made_paid_and_spent(desk) -> None:
    made = desk.run("new", "shop")
    assert len(made["recovery_phrase"].split()) == 24
    path = desk.home / "wallets" / "shop.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert made["recovery_phrase"].split()[0] + " " not in path.read_text()
    desk.fund(made["address"], 250_000_000)
    assert desk.run("balance", "shop") == {"spendable": 250_000_000, "immature": 0, "pending": 0}
    sent = desk.run("send", "shop", address(ALICE), "1.5", "--yes")
    assert sent["status"] == "sent"
    assert "to " + address(ALICE) in desk.error
    left = desk.run("balance", "shop")
    assert left["pending"] == 250_000_000 - 150_000_000 - sent["fee"]
    waiting, *_ = desk.run("history", "shop")
    assert waiting == {
        "height": None,
        "confirmations": 0,
        "amount": -150_000_000 - sent["fee"],
        "transaction": sent["transaction"],
    }
    desk.mine()
    rows = desk.run("history", "shop")
    assert [row["amount"] for row in rows] == [-150_000_000 - sent["fee"], 250_000_000]
    assert rows[0]["transaction"] == sent["transaction"]
    assert len(desk.run("history", "shop", "--limit", 1)) == 1


def test_history_shows_what_waits_before_what_is_mined(desk, capsys) -> None:
    made = desk.run("new", "till")
    desk.fund(made["address"], 300_000_000)
    with NodeClient(f"http://127.0.0.1:{desk.api.port}") as client:
        client.access.token = desk.api.cookie
        coming = client.dev_faucet(made["address"], 50_000_000)
    sent = desk.run("send", "till", address(ALICE), "1", "--yes")
    rows = desk.run("history", "till")
    waiting = {row["transaction"]: row["amount"] for row in rows if row["height"] is None}
    assert waiting == {
        coming: 50_000_000,
        sent["transaction"]: -100_000_000 - sent["fee"],
    }
    assert [row["height"] is None for row in rows] == [True, True, False]
    assert desk.run("history", "till", "--limit", 2) == rows[:2]
    assert main(["wallet", "history", "till"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[1].startswith("waiting  0")
    desk.mine()
    mined = {row["transaction"]: row["amount"] for row in desk.run("history", "till")}
    assert waiting.items() <= mined.items()


def test_offline_keys_sign_a_draft_that_another_machine_made(desk) -> None:
    made = desk.run("new", "vault", "--words", 12)
    xpub = desk.run("export", "vault", "--public")["public_account_key"]
    desk.run("import", "eyes", "--watch", xpub)
    desk.fund(made["address"])
    draft = desk.home / "draft.json"
    assert desk.run("send", "eyes", address(ALICE), "2", "--draft", draft)["status"]
    desk.run("send", "eyes", "--signed", draft, "--yes", code=1)
    assert "draft-incomplete" in desk.error
    desk.run("sign", "eyes", draft, "--yes", code=1)
    assert "wallet-watch-only" in desk.error
    signed = desk.home / "signed.json"
    answer = desk.run("sign", "vault", draft, "--out", signed, "--yes")
    assert answer == {"file": str(signed), "missing_signatures": 0}
    sent = desk.run("send", "eyes", "--signed", signed, "--yes")
    assert sent["status"] == "sent"
    desk.run("send", "eyes", "--signed", signed, "--yes", code=1)
    assert "pool-known" in desk.error


def test_confirmations_are_waited_for_and_the_wait_ends(desk) -> None:
    desk.fund(desk.run("new", "shop")["address"])
    words = ["send", "shop", address(ALICE), "1", "--yes"]
    sent = desk.run(*words, "--wait", 1, "--wait-seconds", 0, code=1)
    assert sent["status"] == "pooled"
    desk.mine()
    desk.run("rescan", "shop")
    desk.fund(desk.run("address", "shop")["address"])
    mined = asyncio.run_coroutine_threadsafe(_mine_what_comes(desk.api), desk.api.loop)
    sent = desk.run("send", "shop", address(ALICE), "--all", "--yes", "--wait", 1)
    assert sent["status"] == "confirmed"
    mined.result(20)


async def _mine_what_comes(api) -> None:
    """Mine a block once a payment waits: unlocking a wallet takes as long as it takes."""
    while not len(api.service.state.pool):
        await asyncio.sleep(0.01)
    await api.app.context.miner.mine(1, ALICE.key_hash)


def test_phrase_brings_a_wallet_back(desk) -> None:
    made = desk.run("new", "old")
    desk.fund(made["address"])
    phrase = desk.run("export", "old", "--phrase", "--yes")["recovery_phrase"]
    assert phrase == made["recovery_phrase"]
    secret = desk.write_secret("phrase", phrase)
    back = desk.run("import", "again", "--phrase", "--secret-file", secret)
    assert back["address"] == made["address"]
    assert back["received_addresses"] == 1
    assert desk.run("balance", "again")["spendable"] == 1_000_000_000


def test_key_goes_from_wallet_to_wallet_sealed_or_bare(desk) -> None:
    made = desk.run("new", "one")
    file = desk.home / "key.json"
    desk.run("export", "one", "--key", made["address"], "--file", file, "--yes")
    assert desk.run("import", "two", "--key-file", file)["address"] == made["address"]
    bare = desk.run("export", "two", "--key", made["address"], "--yes")["private_key"]
    secret = desk.write_secret("bare", bare)
    desk.run("import", "three", "--key", "--secret-file", secret)
    desk.run("export", "three", "--phrase", "--yes", code=2)
    desk.run("export", "three", "--public", code=2)
    desk.run("import", "four", "--address", made["address"])
    kinds = {row["name"]: row["kind"] for row in desk.run("list")}
    assert kinds == {
        "one": "phrase", "two": "key", "three": "key", "four": "watches addresses",
    }  # fmt: skip
    assert desk.run("address", "four", "--all") == [{"address": made["address"], "label": ""}]


def test_wrong_password_opens_nothing_and_loses_nothing(desk) -> None:
    made = desk.run("new", "shop")
    before = (desk.home / "wallets" / "shop.json").read_bytes()
    desk.fund(made["address"])
    wrong = desk.write_secret("wrong", "not this one")
    words = ["send", "shop", address(ALICE), "1", "--yes", "--password-file", wrong]
    desk.run(*words, code=1, password=False)
    assert "keystore-password" in desk.error
    assert (desk.home / "wallets" / "shop.json").read_bytes() == before


def test_password_is_changed(desk) -> None:
    desk.run("new", "shop")
    other = desk.write_secret("other", "another password")
    desk.run("password", "shop", "--new-password-file", other)
    desk.run("export", "shop", "--phrase", "--yes", code=1)
    assert "keystore-password" in desk.error
    desk.run("export", "shop", "--phrase", "--yes", "--password-file", other, password=False)


def test_torn_wallet_file_is_told_and_listed(desk) -> None:
    desk.run("new", "torn")
    path = desk.home / "wallets" / "torn.json"
    path.write_bytes(path.read_bytes()[:100])
    desk.run("balance", "torn", code=1)
    assert "keystore-damaged" in desk.error or "json-syntax" in desk.error
    (row,) = desk.run("list")
    assert row["state"] != "good"


def test_name_that_is_taken_overwrites_nothing(desk) -> None:
    desk.run("new", "shop")
    before = (desk.home / "wallets" / "shop.json").read_bytes()
    desk.run("new", "shop", code=1)
    assert "keystore-exists" in desk.error
    assert (desk.home / "wallets" / "shop.json").read_bytes() == before


def test_wallet_that_another_process_changes_is_refused(desk) -> None:
    desk.run("new", "shop")
    with holding("shop"):
        desk.run("address", "shop", code=3)
    assert "store-locked" in desk.error
    desk.run("address", "shop")


def test_addresses_are_handed_out_named_and_bounded(desk) -> None:
    first = desk.run("new", "shop")["address"]
    second = desk.run("address", "shop", "--label", "till two")["address"]
    desk.run("label", "shop", first, "till one")
    rows = desk.run("address", "shop", "--all")
    assert rows == [
        {"address": first, "label": "till one"},
        {"address": second, "label": "till two"},
    ]
    desk.run("label", "shop", "nowhere", "x", code=1)
    for _ in range(18):
        desk.run("address", "shop")
    desk.run("address", "shop", code=1)
    assert "wallet-gap" in desk.error
    desk.fund(second)
    desk.run("address", "shop")


def test_wallet_is_made_without_a_node(desk, monkeypatch) -> None:
    monkeypatch.setenv("NODE_URL", "http://127.0.0.1:1")
    desk.run("new", "cold", code=1)
    assert "client-unreachable" in desk.error
    assert "--genesis" in desk.error
    document = desk.home / "genesis.json"
    document.write_bytes(encode_genesis(dev_genesis()))
    assert desk.run("new", "cold", "--genesis", document)["address"].startswith("tdeck1")


@pytest.mark.parametrize(
    "words",
    [
        ["balance", "nobody"],
        ["balance", "../x"],
        ["send", "shop"],
        ["send", "shop", "a", "1", "b"],
        ["send", "shop", "a", "1", "--all"],
        ["send", "shop", "--signed", "f", "--draft", "g"],
        ["send", "shop", address(ALICE), "1.000000001"],
        ["send", "shop", address(ALICE), "-1"],
        ["balance", "shop", "--node", "nonsense"],
        ["history", "shop", "--limit", "x"],
        [],
    ],
)
def test_misuse_is_told_with_exit_code_2(desk, words) -> None:
    desk.run("new", "shop")
    with pytest.raises(SystemExit) as raised:
        main(["wallet", *words])
    assert raised.value.code == 2


def test_secrets_come_from_no_open_file_and_no_pipe(desk) -> None:
    desk.password_file.chmod(0o644)
    desk.run("new", "shop", code=2)
    assert "chmod 600" in desk.error
    desk.run("new", "shop", code=2, password=False)
    assert "--password-file" in desk.error
    desk.write_secret("password", "")
    desk.run("new", "shop", code=2)
    assert "is empty" in desk.error


def test_person_types_a_password_twice_and_confirms(desk, monkeypatch) -> None:
    type_in(monkeypatch, PASSWORD, "something else")
    desk.run("new", "shop", code=2, password=False)
    assert "differ" in desk.error
    type_in(monkeypatch, PASSWORD, PASSWORD)
    desk.fund(desk.run("new", "shop", password=False)["address"])
    type_in(monkeypatch, lines="n\n")
    desk.run("send", "shop", address(ALICE), "1", code=1, password=False)
    assert "nothing was paid" in desk.error
    type_in(monkeypatch, lines="no\n")
    desk.run("export", "shop", "--phrase", code=1, password=False)
    type_in(monkeypatch, PASSWORD, lines="y\n")
    desk.run("send", "shop", address(ALICE), "1", password=False)


def test_unconfirmed_payment_without_a_terminal_is_misuse(desk) -> None:
    desk.fund(desk.run("new", "shop")["address"])
    desk.run("send", "shop", address(ALICE), "1", code=2)
    assert "--yes" in desk.error


def test_too_little_money_is_told_in_figures(desk) -> None:
    desk.run("new", "poor")
    desk.run("send", "poor", address(ALICE), "1", "--yes", code=1)
    assert "wallet-not-enough" in desk.error
    desk.run("send", "poor", "--consolidate", "--yes", code=1)
    assert "wallet-nothing-to-consolidate" in desk.error


def test_text_for_people_has_coins_not_units(desk, capsys) -> None:
    desk.fund(desk.run("new", "shop")["address"], 123_450_000_000)
    assert main(["wallet", "balance", "shop"]) == 0
    assert "1,234.5" in capsys.readouterr().out
    assert main(["wallet", "history", "shop"]) == 0
    assert "1,234.5" in capsys.readouterr().out
