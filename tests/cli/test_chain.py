"""A stopped node's chain can be checked, carried away and brought back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chaindeck.cli import main
from chaindeck.ledger.genesis import encode_genesis
from chaindeck.store import ChainStore
from tests.ledger.forge import Forge


@pytest.fixture
def forge() -> Forge:
    return Forge()


@pytest.fixture
def folder(tmp_path: Path, forge: Forge) -> Path:
    """A data directory with five blocks."""
    with ChainStore.open(tmp_path / "node", forge.network) as store:
        for _ in range(5):
            block = forge.extend()
            store.connect(forge.tip, block, forge.changes[-1])
    return tmp_path / "node"


def run(*arguments: object) -> int:
    return main(["chain", *map(str, arguments)])


def result(capsys: pytest.CaptureFixture[str]):
    return json.loads(capsys.readouterr().out)


def test_good_chain_is_verified(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify", "--data", folder, "--json") == 0
    found = result(capsys)
    assert found["verdict"] == "everything agrees"
    assert (found["blocks"], found["coins"]) == (6, 7)
    assert run("verify", "--data", folder) == 0
    assert "everything agrees" in capsys.readouterr().out


def test_damaged_chain_fails_with_what_disagrees(
    folder: Path, forge: Forge, capsys: pytest.CaptureFixture[str]
) -> None:
    with ChainStore.open(folder, forge.network) as store:
        outpoint = next(iter(store.iterate_coins()))[0]
        store.settle()
        with store.database.writing() as transaction:
            transaction.delete(outpoint, db=store.database.tables["coins"])
    assert run("verify", "--data", folder, "--json") == 1
    assert result(capsys)["verdict"] != "everything agrees"


def test_exported_chain_is_imported_elsewhere(
    folder: Path, forge: Forge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, document = tmp_path / "chain.ndjson", tmp_path / "genesis.json"
    document.write_bytes(encode_genesis(forge.network.genesis))
    assert run("export", file, "--data", folder, "--json") == 0
    assert result(capsys) == {"blocks": 6, "file": str(file)}
    other = tmp_path / "other"
    assert run("import", file, "--data", other, "--genesis", document, "--json") == 0
    assert result(capsys) == {"new_blocks": 5, "height": 5}
    assert run("verify", "--data", other) == 0


def test_new_node_starts_from_a_snapshot(
    folder: Path, forge: Forge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, document = tmp_path / "coins.snapshot", tmp_path / "genesis.json"
    document.write_bytes(encode_genesis(forge.network.genesis))
    assert run("snapshot", file, "--data", folder, "--json") == 0
    written = result(capsys)
    assert written["height"] == 5
    other = tmp_path / "other"
    wrong = ["start-from", file, "--data", other, "--genesis", document, "--coins-hash", "00" * 32]
    assert run(*wrong) == 1
    assert "snapshot-coins" in capsys.readouterr().err
    right = [*wrong[:-1], written["coins_hash"], "--json"]
    assert run(*right) == 0
    assert result(capsys) == written
    assert run("verify", "--data", other, "--json") == 0
    found = result(capsys)
    assert (found["first_block_kept"], found["verdict"]) == (6, "everything agrees")
    assert found["coins_hash_before_it"] == written["coins_hash"]
    assert len(found["unchecked"]) == 2
    assert run("verify", "--data", other) == 0
    assert "unchecked             payments and signatures of the blocks 1 to 5" in (
        capsys.readouterr().out
    )
    assert run("reindex", "--data", other) == 1
    said = capsys.readouterr().err
    assert "store-not-rebuildable" in said
    assert f"move {other / 'chain.lmdb'} away" in said
    (other / "chain.lmdb").rename(tmp_path / "away")
    assert run("start-from", file, "--data", other) == 0
    assert run("verify", "--data", other) == 0


def test_chain_is_rebuilt_from_its_blocks(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("reindex", "--data", folder, "--json") == 0
    assert result(capsys)["height"] == 5
    assert run("verify", "--data", folder) == 0


def test_directory_in_use_is_refused(
    folder: Path, forge: Forge, capsys: pytest.CaptureFixture[str]
) -> None:
    with ChainStore.open(folder, forge.network):
        assert run("verify", "--data", folder) == 3
    assert "store-locked" in capsys.readouterr().err


def test_missing_directory_and_file_are_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("verify", "--data", tmp_path / "nowhere") == 1
    assert "nowhere" in capsys.readouterr().err
    assert run("import", tmp_path / "absent.ndjson", "--data", folder) == 1
    assert "absent.ndjson" in capsys.readouterr().err
    assert run("import", folder, "--data", folder) == 1


def test_home_is_where_the_variable_says(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHAINDECK_HOME", str(folder.parent))
    assert run("verify") == 0
    assert "everything agrees" in capsys.readouterr().out


def test_action_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        run()
    assert raised.value.code == 2
    assert "ACTION" in capsys.readouterr().err
