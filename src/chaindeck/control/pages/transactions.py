"""One transaction, whatever became of it: on the chain, waiting, gone, or not seen yet.

What is indexed stands in records. Of all else the nodes know, and the coordinator asks them.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

import msgspec
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chaindeck.control import wiring
from chaindeck.control.limits import FIND_DEADLINE_S
from chaindeck.control.pages import failures, shown
from chaindeck.control.pages.frame import know_height
from chaindeck.records.selectors.addresses import address_labels
from chaindeck.records.selectors.chain import (
    TransactionDetails,
    chain_place,
    is_hash,
    outputs_at,
    transaction_find,
)
from chaindeck.records.selectors.pool import pool_newest
from chaindeck.records.selectors.standing import nodes_all
from chaindeck.records.types import ChainPlace
from chaindeck.rpc.errors import RpcError
from chaindeck.rpc.forms import FoundTransaction

_STATES: Final = {
    "pending": ("running", "Waiting"),
    "confirmed": ("ok", "Confirmed"),
    "dropped": ("error", "Dropped"),
}
_LISTED: Final = 1_000
"""Inputs, and outputs, of one transaction that a page has."""


@require_safe
def show(request: HttpRequest, tx_id: str) -> HttpResponse:
    """One transaction; one that nobody saw may still come."""
    tx_id = tx_id.lower()
    place = chain_place()
    know_height(request, None if place is None else place.height)
    found, told = transaction_find(tx_id), None
    if found is None or found.row["status"] == "pending":
        told = _ask(tx_id)
        # One that waits is in records now, if it was not.
        found = found or transaction_find(tx_id)
    if found is None:
        behind = shown.behind(place, shown.best_height(nodes_all()))
        unseen = {"tx_id": tx_id, "is_id": is_hash(tx_id), "told": told, "behind": behind}
        return render(request, "pages/unseen.html", unseen, status=HTTPStatus.NOT_FOUND)
    context = _context(found, told, place)
    return render(request, "pages/transaction.html", context)


def _context(
    found: TransactionDetails, told: FoundTransaction | None, place: ChainPlace | None
) -> dict[str, Any]:
    row, is_waiting = found.row, found.row["status"] == "pending"
    inputs, outputs = _flow(told) if is_waiting and told else (found.inputs, found.outputs)
    return {
        "tx": row,
        "state": _STATES[row["status"]],
        "fee_per_kb": round(1000 * row["fee"] / row["size"]) if row["size"] else 0,
        "inputs": inputs,
        "outputs": outputs,
        "depth": shown.depth(place, row["height"]) if row["status"] == "confirmed" else None,
        "queue": _queue(row, pool_newest()) if is_waiting else None,
        "labels": address_labels(),
    }


@require_safe
def raw(request: HttpRequest, tx_id: str) -> HttpResponse:
    """What a node says of a transaction, as a file."""
    return _download(request, tx_id.lower(), with_proof=False)


@require_safe
def proof(request: HttpRequest, tx_id: str) -> HttpResponse:
    """The transaction with its way to the root of its block and that block's header, as a file."""
    return _download(request, tx_id.lower(), with_proof=True)


def _download(request: HttpRequest, tx_id: str, *, with_proof: bool) -> HttpResponse:
    told = _ask(tx_id, with_proof=with_proof)
    if told is None:
        return failures.unavailable(request, "No node could be asked; try again in some seconds")
    if told.status not in (("confirmed",) if with_proof else ("confirmed", "pooled")):
        raise Http404
    text = msgspec.json.format(msgspec.json.encode(told.state), indent=2)
    kind = "proof" if with_proof else "transaction"
    name = f'attachment; filename="{kind}-{tx_id[:16]}.json"'
    return HttpResponse(
        text, content_type="application/json", headers={"Content-Disposition": name}
    )


def _ask(tx_id: str, *, with_proof: bool = False) -> FoundTransaction | None:
    """Return what the nodes know now, None where nobody can be asked."""
    if not is_hash(tx_id):
        return FoundTransaction(node="", status="unknown", state={})
    try:
        return wiring.ask(
            lambda client: client.find_transaction(tx_id, with_proof=with_proof),
            limit_s=FIND_DEADLINE_S,
        )
    except (RpcError, TimeoutError):
        return None


def _flow(told: FoundTransaction) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return inputs and outputs of a transaction that waits, as records have those of others."""
    body = told.state.get("transaction") or {"inputs": [], "outputs": []}
    places = [(spent["tx_id"], spent["output_index"]) for spent in body["inputs"][:_LISTED]]
    known = outputs_at(places)
    inputs = [
        {
            "tx_id": tx_id,
            "output_index": index,
            **known.get((tx_id, index), {"address": None, "amount": None}),
        }
        for tx_id, index in places
    ]
    outputs = [
        {**output, "amount": output["amount"] or 0, "output_index": index, "spent_by": None}
        for index, output in enumerate(body["outputs"][:_LISTED])
    ]
    return inputs, outputs


def _queue(row: dict[str, Any], pool: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return how many waiting payments pay better, as far as the histogram can tell."""
    if pool is None or not row["size"]:
        return None
    rate = 1000 * row["fee"] / row["size"]
    better = sum(
        bucket["count"] for bucket in pool["fee_histogram"] if bucket["least_per_kb"] > rate
    )
    blocks_before = sum(block["lowest_per_kb"] > rate for block in pool["projected_blocks"])
    return {"better": better, "count": pool["count"], "blocks": blocks_before + 1}
