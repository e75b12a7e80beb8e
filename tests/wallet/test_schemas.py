"""The published schemas are those of the code, and files that were written keep to their names."""

import json
import re

import pytest

from chaindeck.wallet.drafts import build_draft, draft_to_json
from chaindeck.wallet.key_files import export_key
from chaindeck.wallet.keystore import protect
from chaindeck.wallet.schemas import file_schemas
from chaindeck.wallet.selection import select_coins
from chaindeck.wallet.wallet import hd_wallet
from tests.meta.tree import read_text
from tests.wallet.samples import CHEAP, KEY, KEYS, NETWORK, PASSWORD, PHRASE, coin, pay

BLOCK = re.compile(r"```json\n(.*?)```", re.DOTALL)
OUTPUTS = [pay(5)]
WRITTEN = {
    "chaindeck-wallet": protect(hd_wallet(NETWORK, PHRASE), PASSWORD, CHEAP).encode(),
    "chaindeck-key": export_key(KEY, PASSWORD, CHEAP),
    "chaindeck-draft": draft_to_json(
        build_draft(
            NETWORK, select_coins([coin(1, 9)], OUTPUTS, 0), OUTPUTS, KEYS[0].key_hash, 0
        )
    ),
}  # fmt: skip


def test_document_prints_the_schemas_of_the_code():
    printed = [json.loads(block) for block in BLOCK.findall(read_text("docs/wallet.md"))]
    assert printed == list(file_schemas().values())


@pytest.mark.parametrize("name", WRITTEN)
def test_written_file_has_the_fields_of_its_schema(name):
    schema = file_schemas()[name]
    content = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    document = json.loads(WRITTEN[name])
    assert set(content["required"]) <= set(document) <= set(content["properties"])
    assert document["format"] == name
