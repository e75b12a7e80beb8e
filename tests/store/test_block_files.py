"""Chains as lines of JSON: out, in again, and every way a line can be refused."""

import json
import random

import pytest

from chaindeck.ledger.codec import block_transactions
from chaindeck.ledger.errors import CoinbaseValue, NotEnoughWork, RuleError
from chaindeck.ledger.json_form import transaction_from_json
from chaindeck.store import block_files
from chaindeck.store.block_files import export_blocks, export_lines, import_blocks
from chaindeck.store.errors import FileMissing, ImportGap, ImportLine, ImportMismatch, Pruned
from chaindeck.store.verification import verify
from tests.ledger.forge import DAVE, TDECK, Forge, coinbase
from tests.store.chains import Chain, expect_equal, forge_block, grow, small_store, store_chain


@pytest.fixture
def path(tmp_path, chain):
    """The chain as a file."""
    with small_store(tmp_path / "from", chain) as store:
        store_chain(store, chain)
        assert export_blocks(store, tmp_path / "chain.ndjson") == 25
    return tmp_path / "chain.ndjson"


@pytest.fixture
def empty(tmp_path, chain):
    with small_store(tmp_path / "to", chain) as store:
        yield store


def test_chain_comes_back_as_it_was(path, empty, chain):
    seen = []
    assert import_blocks(empty, path, lambda done, height: seen.append((done, height))) == 24
    assert seen == [(20, 19), (25, 24)]
    expect_equal(empty, [forge_block(chain, at)[1] for at in range(1, 25)])
    assert verify(empty).disagreement is None


def test_what_is_in_already_is_passed_over(path, empty, chain):
    store_chain(empty, chain, 1)
    assert import_blocks(empty, path) == 0
    for _ in range(4):
        empty.disconnect(empty.tip())
    assert import_blocks(empty, path) == 4
    assert empty.tip() == chain.tip.header.hash


def test_lines_can_be_read_by_people_and_scripts(path, chain):
    lines = path.read_text().splitlines()
    _, block = forge_block(chain, 3)
    form = json.loads(lines[3])
    assert (form["height"], form["hash"], form["raw"]) == (3, block.hash.hex(), block.raw.hex())
    assert [
        transaction_from_json(json.dumps(item).encode(), TDECK) for item in form["transactions"]
    ] == list(block_transactions(block))


def test_part_of_a_chain_is_exported(path, empty, chain):
    store_chain(empty, chain)
    whole = path.read_bytes().splitlines(keepends=True)
    assert list(export_lines(empty, 3, 5)) == whole[3:6]
    assert list(export_lines(empty, 23)) == whole[23:]
    assert list(export_lines(empty, 25, 30)) == []


def test_reorganisation_meanwhile_ends_the_walk(empty, chain):
    store_chain(empty, chain)
    rival = Chain(chain.network)
    grow(rival, random.Random(9), 4)
    walk = export_lines(empty, 1, 4)
    next(walk)
    with empty.writing() as batch:
        while batch.state.height:
            batch.disconnect(batch.tip())
        for at in range(1, 5):
            batch.connect(*forge_block(rival, at), rival.changes[at - 1])
    assert list(walk) == []


def test_progress_of_an_export_is_told(tmp_path, empty, chain):
    seen = []
    export_blocks(empty, tmp_path / "a", lambda done, total: seen.append((done, total)))
    assert seen == [(1, 1)]


def test_pruned_chain_cannot_be_exported(tmp_path, empty, chain):
    store_chain(empty, chain)
    with empty.writing() as batch:
        batch.prune(1)
    with pytest.raises(Pruned):
        export_blocks(empty, tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_missing_file_is_named(tmp_path, empty):
    with pytest.raises(FileMissing):
        import_blocks(empty, tmp_path / "none")


def change(line, **values):
    return json.dumps({**json.loads(line), **values}).encode() + b"\n"


@pytest.mark.parametrize(
    ("spoil", "error", "code", "reason"),
    [
        (lambda line: b"{\n", ImportLine, "import-line", "line 3: Input data was truncated"),
        (lambda line: b"\xff\n", ImportLine, "import-line", "line 3"),
        (lambda line: line[:-1], ImportLine, "import-line", "line 3: .*trailing|cut off"),
        (lambda line: change(line, raw="xyz"), ImportLine, "import-line", "line 3: non-hex"),
        (lambda line: change(line, height=9), ImportMismatch, "import-mismatch", "height is not"),
        (lambda line: change(line, hash="00"), ImportMismatch, "import-mismatch", "hash is not"),
        (lambda line: b"", ImportGap, "import-gap", "line 3: block 3 does not follow .* height 1"),
    ],
)
def test_bad_line_is_refused_by_number(path, empty, monkeypatch, spoil, error, code, reason):
    monkeypatch.setattr(block_files, "IMPORT_BATCH_BLOCKS", 2)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = spoil(lines[2])
    path.write_bytes(b"".join(lines))
    with pytest.raises(error, match=reason) as caught:
        import_blocks(empty, path)
    assert caught.value.code == code
    assert empty.height() == 1
    assert verify(empty).disagreement is None


def test_line_beyond_the_limit_is_refused(path, empty, monkeypatch):
    longest = max(map(len, path.read_bytes().splitlines(keepends=True)))
    monkeypatch.setattr(block_files, "MAX_IMPORT_LINE_BYTES", longest)
    assert import_blocks(empty, path) == 24
    monkeypatch.setattr(block_files, "MAX_IMPORT_LINE_BYTES", longest - 1)
    with pytest.raises(ImportLine, match="too long"):
        import_blocks(empty, path)


def test_block_that_breaks_a_rule_is_the_ledgers_error(tmp_path, path, empty, chain):
    forge = Forge(chain.network)
    cases = (
        (forge.assemble(reward=coinbase(1, DAVE.key_hash, 10**15)).raw, CoinbaseValue),
        (forge.assemble().raw[:88] + b"\xff" * 8 + forge.assemble().raw[96:], NotEnoughWork),
        (b"", RuleError),
    )
    from chaindeck.kernel import hash256

    for raw, error in cases:
        form = {"height": 1, "hash": hash256(raw[:96]).hex(), "raw": raw.hex()}
        (tmp_path / "bad").write_text(json.dumps(form) + "\n")
        with pytest.raises(error):
            import_blocks(empty, tmp_path / "bad")
        assert empty.height() == 0
