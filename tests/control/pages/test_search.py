"""One box that finds everything."""

import pytest

from chaindeck.records.selectors.chain import transactions_page
from chaindeck.records.services.labels import label_set
from tests.records.growing import OWNERS, address


def goes_to(visitor, text):
    answer = visitor.client.get("/search", {"q": text})
    return answer.headers.get("Location") if answer.status_code == 302 else None


@pytest.mark.parametrize("text", ["12", "#12", " 12 ", "0012"])
def test_height_goes_to_its_block(viewer, chain, text):
    assert goes_to(viewer, text) == "/block/12"


def test_hash_id_address_and_label_go_where_they_belong(viewer, chain):
    tx_id, owner = transactions_page().rows[0]["id"], address(OWNERS[0])
    label_set(address=owner, label="The till", is_watched=False)
    assert goes_to(viewer, chain.tip.upper()) == f"/block/{chain.tip}"
    assert goes_to(viewer, tx_id) == f"/tx/{tx_id}"
    assert goes_to(viewer, tx_id[:10]) == f"/tx/{tx_id}"
    assert goes_to(viewer, owner.upper()) == f"/address/{owner}"
    assert goes_to(viewer, "TILL") == f"/address/{owner}"


def test_id_that_is_not_indexed_goes_to_the_page_that_asks_the_nodes(viewer, chain):
    assert goes_to(viewer, "AB" * 32) == f"/tx/{'ab' * 32}"


def test_day_goes_to_the_blocks_before_its_end(viewer, chain):
    assert goes_to(viewer, "2099-01-01") == "/chain/?day=2099-01-01"
    assert goes_to(viewer, "1999-01-01") is None


def test_nothing_found_says_what_can_be(viewer, chain):
    text = viewer.open("/search?q=<script>nothing</script>")
    assert "Nothing here means that" in text
    assert "<script>nothing" not in text
    assert "What are you looking for?" in viewer.open("/search")


def test_several_meanings_are_listed(viewer, chain):
    for number in (0, 1):
        label_set(address=address(OWNERS[number]), label=f"till {number}", is_watched=False)
    text = viewer.open("/search?q=till")
    assert "till 0" in text
    assert "till 1" in text


def test_suggestions_come_as_json(viewer, chain):
    answer = viewer.client.get("/search", {"q": "12", "suggest": "1"})
    rows = answer.json()["suggestions"]
    assert rows == [{"title": "Block 12", "kind": "height", "url": "/block/12"}]
    assert viewer.client.get("/search", {"q": "", "suggest": "1"}).json() == {"suggestions": []}
