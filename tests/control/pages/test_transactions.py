"""The page of a transaction in all its states, over real records and a scripted node."""

import json

from asgiref.sync import sync_to_async
from django.urls import reverse

from chaindeck.records.selectors.chain import transaction_find, transactions_page
from chaindeck.records.services.pool import pool_add, pool_drop, pool_tell
from chaindeck.rpc.errors import PartUnreachable
from chaindeck.rpc.forms import FoundTransaction
from tests.control.pages.pools import POOL, waiting

TX = "ab" * 32


def have_nodes_say(coordinator, status, **state):
    """Let the coordinator answer from now on; returns what it is asked."""
    asked = []

    async def find(form):
        asked.append(form)
        return FoundTransaction(node="node-1", status=status, state={"id": form.id, **state})

    coordinator.desk.find = find
    return asked


def test_confirmed_transaction_shows_flow_and_depth(viewer, chain, coordinator):
    row = next(
        row for row in transactions_page().rows if not row["is_reward"] and row["height"] == 11
    )
    text = viewer.open(f"/tx/{row['id']}")
    assert "Confirmed" in text
    assert "2 blocks deep" in text
    assert text.count(row["id"]) > 1
    assert "not spent" in text or "spent in" in text


def test_waiting_transaction_tells_its_place_by_fees(viewer, chain, coordinator):
    pool_add(transactions=[waiting(chain)])
    pool_tell(data=POOL)
    text = viewer.open(f"/tx/{'ab' * 32}")
    assert "Waiting" in text
    assert "About 4 of 7 waiting pay better; it fits into the next block" in text


def test_dropped_transaction_tells_why(viewer, chain, coordinator):
    pool_add(transactions=[waiting(chain)])
    pool_drop(reasons={"ab" * 32: "<b>conflict</b>"})
    text = viewer.open(f"/tx/{'ab' * 32}")
    assert "Dropped" in text
    assert "&lt;b&gt;conflict" in text
    assert "<b>conflict" not in text


def test_unknown_transaction_has_a_page_that_waits_for_it(viewer, chain, coordinator):
    text = viewer.open(f"/tx/{'cd' * 32}", status=404)
    assert "Nobody here has seen it" in text
    assert f'data-refresh="chain transaction:{"cd" * 32}"' in text


def test_waiting_transaction_shows_its_flow_as_a_node_tells_it(viewer, chain, coordinator):
    wait = waiting(chain)
    pool_add(transactions=[wait])
    (tx_id, index), amount = wait.spends, chain.coins[-1][1]
    body = {
        "inputs": [
            {"tx_id": tx_id, "output_index": index},
            {"tx_id": "cd" * 32, "output_index": 7},
        ],
        "outputs": [
            {"address": wait.outputs[0][0], "amount": 123_000_000, "data": None},
            {"address": None, "amount": None, "data": "c0ffee"},
        ],
    }
    asked = have_nodes_say(coordinator, "pooled", transaction=body)
    text = viewer.open(f"/tx/{TX}")
    assert [form.id for form in asked] == [TX]
    assert f'href="/tx/{tx_id}"' in text
    assert "made before indexing began" in text, "an output that no index has"
    assert "1.23" in text
    assert "c0ffee" in text
    assert "not spent" not in text
    assert amount


def test_transaction_that_only_a_node_knows_to_wait_is_shown_as_waiting(viewer, chain, coordinator):
    async def find(form):
        await sync_to_async(pool_add)(transactions=[waiting(chain)])
        body: dict[str, list[object]] = {"inputs": [], "outputs": []}
        return FoundTransaction(node="n", status="pooled", state={"transaction": body})

    coordinator.desk.find = find
    assert transaction_find(TX) is None
    assert "Waiting" in viewer.open(f"/tx/{TX}")


def test_transaction_in_a_block_that_is_not_indexed_says_so(viewer, chain, coordinator):
    have_nodes_say(coordinator, "confirmed", height=1_234)
    text = viewer.open(f"/tx/{TX}", status=404)
    assert "It is in block 1,234" in text
    assert "Not indexed yet" in text


def test_transaction_that_a_node_gave_up_tells_why(viewer, chain, coordinator):
    have_nodes_say(coordinator, "dropped", reason="<i>expired")
    text = viewer.open(f"/tx/{TX}", status=404)
    assert "gave it up: &lt;i&gt;expired" in text


def test_page_says_that_nobody_could_be_asked(viewer, chain, coordinator):
    coordinator.desk.trouble = PartUnreachable(address="node-1", reason="away")
    assert "No node could be asked" in viewer.open(f"/tx/{TX}", status=404)
    pool_add(transactions=[waiting(chain)])
    assert "Waiting" in viewer.open(f"/tx/{TX}")


def test_downloads_hold_what_a_node_says(viewer, chain, coordinator):
    asked = have_nodes_say(coordinator, "confirmed", proof={"branch": ["00"]})
    for name, with_proof in (("transaction-raw", False), ("transaction-proof", True)):
        answer = viewer.client.get(reverse(name, args=[TX]))
        assert answer.status_code == 200
        assert json.loads(answer.content) == {"id": TX, "proof": {"branch": ["00"]}}
        assert "attachment" in answer["Content-Disposition"]
        assert asked[-1].with_proof is with_proof


def test_downloads_of_what_is_not_there_say_so(viewer, chain, coordinator):
    have_nodes_say(coordinator, "pooled")
    viewer.open(reverse("transaction-raw", args=[TX]))
    viewer.open(reverse("transaction-proof", args=[TX]), status=404)
    viewer.open(reverse("transaction-raw", args=["nonsense"]), status=404)
    coordinator.desk.trouble = PartUnreachable(address="node-1", reason="away")
    text = viewer.open(reverse("transaction-raw", args=[TX]), status=503)
    assert "No node could be asked" in text


def test_what_is_no_id_is_called_none_and_nobody_is_asked(viewer, chain, coordinator):
    asked = have_nodes_say(coordinator, "unknown")
    text = viewer.open("/tx/zz", status=404)
    assert "This is no transaction id" in text
    assert "leave this page open" not in text
    assert asked == []


def test_only_what_waits_or_is_unseen_is_asked_about(viewer, chain, coordinator):
    asked = have_nodes_say(coordinator, "unknown")
    viewer.open(f"/tx/{transactions_page().rows[0]['id']}")
    viewer.open("/tx/nonsense", status=404)
    assert asked == []
    viewer.open(f"/tx/{TX}", status=404)
    assert len(asked) == 1
