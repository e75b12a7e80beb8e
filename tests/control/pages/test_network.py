"""The node list and the page of one node."""

from chaindeck.records.bulk import now_ms
from chaindeck.records.services.metrics import metrics_append
from chaindeck.records.services.nodes import node_update
from chaindeck.records.services.system import status_set


def test_nodes_are_listed_with_state_and_lag(viewer, chain):
    node_update(name="node-1", state="up", is_active=True, chain_height=1_012, peers=2)
    node_update(name="node-2", state="lagging", is_active=True, chain_height=1_000)
    node_update(name="<i>node", state="down", is_active=False, chain_height=5)
    text = viewer.open("/network/")
    assert 'data-label="Behind">12<' in text
    assert 'data-label="Behind">0<' in text
    assert 'data-label="Behind">—<' in text
    assert "<i>node" not in text
    for word in ("Up", "Lagging", "Down"):
        assert f"<span>{word}</span>" in text


def test_node_page_has_facts_and_measured_history(viewer, chain):
    columns = {"chain_height": 12, "tip_hash": chain.tip, "clock_offset_ms": -2_500}
    node_update(name="node-1", state="up", is_active=True, is_ours=True, **columns)
    now = now_ms()
    for number in range(5):
        values = {"node-1.cpu_percent": 3.5, "node-1.memory_bytes": 2e8}
        metrics_append(values=values, time_ms=now - 5_000 * number)
    text = viewer.open("/nodes/node-1")
    assert f"/block/{chain.tip}" in text
    assert "this installation" in text
    assert "\N{MINUS SIGN}2.5 s" in text
    assert text.count("data-points=") == 2
    viewer.open("/nodes/node-9", status=404)


def test_no_node_says_what_starts_one(viewer):
    assert "chaindeck up" in viewer.open("/network/")


def test_index_that_cannot_go_on_says_why(viewer, chain):
    data = {"nodes": {}, "coordinator": {"following": "sick"}}
    for problems, is_told in (({"following": "block 7 is <gone>"}, True), ({}, False)):
        status_set(
            node_status="up", coordinator_status="running", data={**data, "problems": problems}
        )
        assert ("block 7 is &lt;gone&gt;" in viewer.open("/network/")) is is_told


def test_query_count_does_not_grow_with_nodes(viewer, chain):
    node_update(name="node-0", state="up", is_active=True)
    before = viewer.queries("/network/")
    for number in range(30):
        node_update(name=f"node-{number}", state="up", is_active=True)
    assert viewer.queries("/network/") == before <= 8
