"""Addresses: sums, history, labels and downloads."""

import asyncio
import csv
import io
import re
from typing import Any

from asgiref.sync import sync_to_async
from django.test import AsyncClient

from chaindeck.control.pages import addresses
from chaindeck.control.pages.addresses import csv_text
from chaindeck.records.selectors.addresses import (
    address_coins,
    address_history,
    address_labels,
    address_summary,
)
from chaindeck.records.services.chain import chain_apply
from chaindeck.records.services.pending import reports_waiting
from tests.records.growing import OWNERS, address

OWNER = address(OWNERS[0])
KEY = OWNERS[0].hex()


def test_address_shows_sums_history_and_chart(viewer, chain):
    summary = address_summary(KEY)
    assert summary is not None
    text = viewer.open(f"/address/{OWNER}")
    assert f"<dd>{summary['tx_count']:,}</dd>" in text
    assert text.count('data-label="Transaction"') == min(25, summary["tx_count"])
    assert 'data-chart="balance"' in text


def test_coins_are_listed_with_what_made_them_page_by_page(viewer, chain, monkeypatch):
    monkeypatch.setattr(addresses, "_COINS", 3)
    chain_apply(blocks=chain.grow(40, 6))
    made = [row["tx_id"] for row in address_coins(KEY, limit=1_000).rows]
    assert len(made) > 6
    found: list[str] = []
    path: str | None = f"/address/{OWNER}"
    while path:
        text = viewer.open(path)
        coins = text[text.index('id="coins-title"') :].partition("</section>")[0]
        found += re.findall(r'data-same="([0-9a-f]+)"', coins)
        more = re.search(r'href="(\?coins=\d+)#coins"', coins)
        path = f"/address/{OWNER}{more[1]}" if more else None
    assert found == made
    viewer.open(f"/address/{OWNER}?coins=x", status=400)


def test_history_pages_join_without_gap_or_repeat(viewer, chain):
    chain_apply(blocks=chain.grow(40, 6))
    found: list[str] = []
    path: str | None = f"/address/{OWNER}"
    while path:
        text = viewer.open(path)
        history = text[text.index('id="history-title"') : text.index('id="label-title"')]
        found += re.findall(
            r'data-label="Transaction"><span class="hash" data-same="([0-9a-f]+)"', history
        )
        more = re.search(r'href="(\?[^"]*after=\d+)"', text)
        path = f"/address/{OWNER}{more[1]}" if more else None
    whole = [row["tx_id"] for row in address_history(KEY, limit=1_000).rows]
    assert len(whole) > 25
    assert found == whole


def test_what_is_no_address_of_this_network_is_not_found(viewer, chain):
    viewer.open("/address/nonsense", status=404)
    viewer.open(f"/address/{OWNER[:-1]}q", status=404)


def test_address_that_nobody_paid_is_shown_empty(viewer, chain):
    from chaindeck.ledger.types import KeyHash

    text = viewer.open(f"/address/{address(KeyHash(b'z' * 20))}")
    assert "Nothing has happened here" in text
    assert "It takes two changes; this had fewer." in text
    assert "every five seconds" not in text


def test_operator_names_and_watches_an_address_and_takes_both_back(operator, chain):
    path = f"/address/{OWNER}/label"
    assert operator.client.post(path, {"label": "<b>till</b>", "watch": "on"}).status_code == 302
    text = operator.open(f"/address/{OWNER}")
    assert "&lt;b&gt;till" in text
    assert "<b>till" not in text
    assert "Watched" in text
    operator.client.post(path, {"label": ""})
    assert address_labels() == {}


def test_who_names_an_address_stands_in_the_log(operator, chain):
    path = f"/address/{OWNER}/label"
    operator.client.post(path, {"label": " till ", "watch": "on"})
    operator.client.post(path, {"label": ""})
    bodies = [pending.body for pending in reports_waiting(limit=10)]
    assert [(body["action"], body["user_name"]) for body in bodies] == [
        ("address-labelled", "operator")
    ] * 2
    assert bodies[0]["description"] == f"{OWNER} is called 'till', and is watched"
    assert bodies[1]["description"] == f"{OWNER} has no name"


def test_name_that_is_too_long_is_refused_and_not_cut(operator, chain):
    answer = operator.client.post(f"/address/{OWNER}/label", {"label": "x" * 121})
    assert answer.status_code == 400
    assert "a name has at most 120 characters" in answer.content.decode()
    assert address_labels() == {}
    assert reports_waiting(limit=10) == []


def test_viewer_may_not_name_an_address(viewer, chain):
    answer = viewer.client.post(f"/address/{OWNER}/label", {"label": "mine"})
    assert answer.status_code == 403
    assert address_labels() == {}
    assert (
        "<form"
        not in viewer.open(f"/address/{OWNER}")
        .partition('id="label-title"')[2]
        .partition("</section>")[0]
    )


def test_cells_that_a_spreadsheet_would_run_are_made_harmless():
    text = csv_text([["=1+1", "+1", "-1", "@sum", "\tx", "plain", -5, 7]])
    assert next(csv.reader(io.StringIO(text))) == [
        "'=1+1",
        "'+1",
        "'-1",
        "'@sum",
        "'\tx",
        "plain",
        "-5",
        "7",
    ]


def test_csv_has_the_whole_history(viewer, chain):
    async def download():
        client = AsyncClient()
        await sync_to_async(client.force_login)(viewer.person)
        answer: Any = await client.get(f"/address/{OWNER}/history.csv")
        assert answer.headers["Content-Disposition"].startswith("attachment")
        return b"".join([part async for part in answer.streaming_content])

    rows = list(csv.DictReader(io.StringIO(asyncio.run(download()).decode())))
    history = address_history(KEY, limit=1_000).rows
    assert [row["transaction"] for row in rows] == [row["tx_id"] for row in history]
    assert [int(row["balance"]) for row in rows] == [row["balance"] for row in history]
