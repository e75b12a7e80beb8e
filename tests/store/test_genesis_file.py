"""The genesis document beside the chain."""

import pytest

from chaindeck.store import ChainStore
from chaindeck.store.errors import FileInvalid, FileMissing
from chaindeck.store.genesis_file import GENESIS_NAME, keep_genesis, load_genesis
from tests.ledger.forge import dev_network


def test_document_is_kept_and_read_back(tmp_path):
    network = dev_network()
    keep_genesis(tmp_path, network)
    assert load_genesis(tmp_path) == network.genesis


def test_document_in_other_words_is_left_alone(tmp_path):
    network = dev_network()
    keep_genesis(tmp_path, network)
    path = tmp_path / GENESIS_NAME
    path.write_bytes(path.read_bytes() + b"\n")
    ChainStore.open(tmp_path, network).close()
    assert path.read_bytes().endswith(b"\n")


def test_missing_document_is_named(tmp_path):
    with pytest.raises(FileMissing, match=GENESIS_NAME):
        load_genesis(tmp_path)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [(b'"maturity":1', b'"maturity":-1', r"at maturity\)"), (b"}", b"", "not JSON")],
)
def test_broken_document_names_the_field(tmp_path, before, after, reason):
    network = dev_network()
    keep_genesis(tmp_path, network)
    path = tmp_path / GENESIS_NAME
    path.write_bytes(path.read_bytes().replace(before, after, 1))
    with pytest.raises(FileInvalid, match=reason):
        ChainStore.open(tmp_path, network)
