"""The first page: cards, figures, attention, feed, and how often it asks."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from chaindeck.control.limits import STANDING_OLD_MS
from chaindeck.control.pages import overview
from chaindeck.records.bulk import now_ms
from chaindeck.records.selectors.standing import status_find
from chaindeck.records.services.activity import activity_log
from chaindeck.records.services.chain import chain_apply
from chaindeck.records.services.metrics import metrics_append
from chaindeck.records.services.nodes import network_measure, node_update
from chaindeck.records.services.pool import pool_tell
from chaindeck.records.services.system import status_set
from tests.control.pages.pools import POOL

NODES = {"node-1": "up", "node-2": "down", "node-3": "lagging"}
PARTS = {"hub": "well", "redis": "sick"}


def fill(measurements=30, height=12):
    now = now_ms()
    for number in range(measurements):
        at = now - 5_000 * (measurements - number)
        network_measure(
            total_nodes=3,
            network_height=height,
            tx_count=10,
            time_ms=at,
            hash_rate=2_310_000.0 + number,
            tx_rate=9.5,
            blocks_per_minute=6.0,
            propagation_ms=38.0,
            pool_count=7,
        )
        metrics_append(values={"machine.memory_percent": 40.0 + number / 10}, time_ms=at)
    status_set(
        node_status="degraded",
        coordinator_status="running",
        data={"nodes": NODES, "coordinator": PARTS},
    )
    pool_tell(data=POOL)


def test_overview_shows_cards_ribbon_figures_and_charts(viewer, chain):
    fill()
    text = viewer.open("/")
    for words in ("1 of 3", "1 of 2", "Not set up", "2,310", "10", "38", "projected"):
        assert words in text, words
    assert text.count("data-line=") == 6
    assert text.count("data-points=") == 3
    assert "as a table" in text


def test_overview_asks_at_most_eight_times_whatever_the_rows(viewer, chain):
    fill(2)
    few = viewer.queries("/")
    chain_apply(blocks=chain.grow(20))
    fill(60)
    for number in range(60):
        activity_log(action="note", description=f"line {number}")
        node_update(name=f"node-{number}", state="up", is_active=True)
    many = viewer.queries("/")
    assert few == many
    assert many <= 8


def test_what_needs_attention_stands_with_the_worst_first(viewer, chain):
    fill(height=20)
    text = viewer.open("/")
    attention = text[text.index('id="attention"') : text.index('id="activity"')]
    titles = re.findall(r"<b>(?:<a [^>]*>)?([^<]+)", attention)
    assert titles == ["node-2", "coordinator: redis", "node-3", "The index"]
    assert "behind by 8" in text


def test_all_well_says_so(viewer, chain):
    fill()
    data = {"nodes": {"node-1": "up"}, "coordinator": {"hub": "well"}}
    status_set(node_status="up", coordinator_status="running", data=data)
    assert "Nothing. Nodes answer" in viewer.open("/")


WELL = {"nodes": {"node-1": "up"}, "coordinator": {"hub": "well"}}


def fill_well():
    """All is well, as of the time returned."""
    fill(height=20)
    status_set(node_status="up", coordinator_status="running", data=WELL)
    found = status_find()
    assert found is not None
    return found["last_updated_ms"]


def expect_unknown(text, heard_ms):
    for words in ("Unknown", "Away", "when last seen", "nobody knows how nodes and parts are"):
        assert words in text, words
    for words in ("Healthy", "Running", "Nothing. Nodes answer", "behind by"):
        assert words not in text, words
    as_of = text[text.index('id="as-of"') : text.index("</h1>") + 400]
    assert f'data-ms="{heard_ms}"' in as_of


def test_nothing_is_said_to_be_well_while_the_coordinator_is_away(viewer, chain, coordinator):
    heard_ms = fill_well()
    coordinator.is_away, coordinator.heard_ms = True, heard_ms
    viewer.person.time_zone = "Asia/Tokyo"
    viewer.person.save()
    text = viewer.open("/")
    expect_unknown(text, heard_ms)
    at = datetime.fromtimestamp(heard_ms / 1_000, ZoneInfo("Asia/Tokyo"))
    assert f"Coordinator away, as of {at:%H:%M:%S}" in text
    assert 'data-zone="Asia/Tokyo" data-stale' in text
    assert f'data-as-of="{heard_ms}"' in text
    coordinator.is_away = False
    text = viewer.open("/")
    assert "Healthy" in text
    assert "data-stale" not in text


def test_page_of_an_installation_that_nobody_ever_told_of_has_no_time(viewer, coordinator):
    coordinator.is_away = True
    text = viewer.open("/")
    assert "<span>Coordinator away</span>" in text
    assert "nothing is known yet" in text
    assert 'data-as-of=""' in text


def test_what_was_written_too_long_ago_is_not_of_now(viewer, chain, monkeypatch):
    heard_ms = fill_well()
    monkeypatch.setattr(overview, "now_ms", lambda: heard_ms + STANDING_OLD_MS)
    assert "Healthy" in viewer.open("/")
    monkeypatch.setattr(overview, "now_ms", lambda: heard_ms + STANDING_OLD_MS + 1)
    expect_unknown(viewer.open("/"), heard_ms)


def test_figures_and_charts_without_a_measurement_can_be_filled_by_scripts(viewer, chain):
    text = viewer.open("/")
    assert text.count('data-line=""') == 6
    assert text.count('data-is="age">not measured yet') == 6
    assert len(re.findall(r'data-points="\[\[\],\[\]\]"[^>]* hidden', text)) == 3


def test_feed_shows_ten_lines_and_more_on_demand(viewer, chain):
    for number in range(60):
        activity_log(action="note", description=f"line {number}<script>", user="<i>somebody</i>")
    text = viewer.open("/")
    assert text.count("line ") >= 10
    assert len(re.findall(r"line \d+&lt;script&gt;", text)) == 10
    assert "<i>somebody" not in text
    more = viewer.open("/?feed=more")
    assert len(re.findall(r"line \d+&lt;script&gt;", more)) == 50


def test_dashboard_address_is_the_overview(viewer, chain):
    assert "<h1>Overview</h1>" in viewer.open("/dashboard/")


def test_no_page_has_an_inline_style_or_script(admin, chain):
    fill()
    node_update(name="node-1", state="up", is_active=True, chain_height=12)
    paths = (
        "/",
        "/chain/",
        "/block/12",
        "/mempool",
        "/network/",
        "/nodes/node-1",
        "/about",
        "/design",
    )
    for path in paths:
        text = admin.open(path)
        assert not re.search(r"<[^>]+\sstyle=", text), path
        assert not re.search(r"<[^>]+\son[a-z]+=", text), path
        assert not re.search(r"<script(?![^>]*\ssrc=)", text), path
        assert "http://" not in text.replace("http://www.w3.org", ""), path


def test_kiosk_says_so_to_the_style_sheet_and_how_to_leave(viewer, chain):
    text = viewer.open("/?kiosk")
    assert "data-kiosk>" in text
    assert 'href="/">Leave kiosk</a>' in text
    assert "data-kiosk>" not in viewer.open("/")


def test_ground_of_a_block_is_its_share_of_what_the_network_allows(viewer, chain):
    pool_tell(data={**POOL, "max_block_bytes": 10 * POOL["projected_blocks"][0]["bytes"]})
    text = viewer.open("/")
    assert re.search(r'data-kind="next"[^>]*data-fill="10"', text)
    assert f'data-full="{10 * POOL["projected_blocks"][0]["bytes"]}"' in text
    pool_tell(data=POOL)
    assert re.search(r'data-kind="next"[^>]*data-fill="0"', viewer.open("/"))
