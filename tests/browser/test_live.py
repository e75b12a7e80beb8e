"""What happens while a page is open."""

import json
import re

import pytest

from tests.coordinator.processes import wait_for

pytestmark = pytest.mark.needs("chromium")
MAIN_SCRIPT = re.compile(r"/main-[0-9a-f]+\.js$")
ELSEWHERE = re.compile(r"/elsewhere/ws/live$")
ADD_DASHBOARD = """async (source) => {
    await import("/static/chaindeck-live.js");
    const made = document.createElement("live-dashboard");
    made.setAttribute("src", source);
    document.querySelector("main").append(made);
}"""
HOUR_MS = 3_600_000
GREY = "node => getComputedStyle(node).filter"
PILL = '[data-live="connection"]'


def shown_heights(page):
    return page.locator("[data-ribbon] [data-hash] b").all_inner_texts()


def test_new_block_slides_into_the_ribbon_and_the_list_stays_where_it_is(window, system):
    opened = window()
    page = opened.open("/chain/")
    opened.wait_for_live()
    first_row = page.locator("tbody tr td").first.inner_text()
    (block_hash,) = system.mine()
    block = page.locator(f'[data-ribbon] [data-hash="{block_hash}"]')
    block.wait_for()
    assert block.get_attribute("data-kind") == "tip"
    assert page.locator('[data-ribbon] [data-kind="tip"]').count() == 1
    assert page.locator("[data-ribbon] [data-hash]").count() == 8
    assert page.locator("tbody tr td").first.inner_text() == first_row
    page.get_by_role("link", name=re.compile("1 new, show")).click()
    assert page.locator("tbody tr td").first.inner_text() == block.locator("b").inner_text()
    page.locator('[data-live="height"]').wait_for()


def test_coordinator_that_dies_is_told_and_nothing_is_missed_after_it(window, system):
    opened = window()
    page = opened.open("/")
    opened.wait_for_live()
    system.coordinator.kill()
    page.wait_for_function("() => document.documentElement.hasAttribute('data-stale')")
    assert "Coordinator away, as of" in page.locator(PILL).inner_text()
    assert page.locator(".kpis").evaluate("node => getComputedStyle(node).filter") == "grayscale(1)"
    hashes = system.mine(3)
    system.coordinator.start()
    opened.wait_for_live()
    page.wait_for_function("() => !document.documentElement.hasAttribute('data-stale')")
    for block_hash in hashes:
        page.locator(f'[data-ribbon] [data-hash="{block_hash}"]').wait_for()
    heights = [int(text.replace(",", "")) for text in shown_heights(page)]
    assert heights == list(range(heights[0], heights[0] - 8, -1))


def test_line_that_breaks_comes_back_with_what_was_missed(window, system):
    opened = window()
    page = opened.open("/")
    opened.wait_for_live()
    opened.context.set_offline(True)
    page.evaluate("dispatchEvent(new Event('offline'))")
    (block_hash,) = system.mine()
    opened.context.set_offline(False)
    page.locator(f'[data-ribbon] [data-hash="{block_hash}"]').wait_for()


def test_waiting_transaction_is_confirmed_and_waits_again_after_a_reorganisation(window, system):
    opened = window()
    tx_id = system.pay()
    page = opened.open(f"/tx/{tx_id}")
    opened.wait_for_live()
    title = page.locator(".title")
    title.get_by_text("Waiting").wait_for()
    (block_hash,) = system.mine()
    title.get_by_text("Confirmed").wait_for()
    assert "1 block deep" in title.inner_text()
    system.mine(2)
    title.get_by_text("3 blocks deep").wait_for()
    before = system.height()
    system.node.post("/api/admin/invalidate", {"hash": block_hash})
    title.get_by_text("Waiting").wait_for()
    system.mine(4)
    title.get_by_text("Confirmed").wait_for()
    wait_for(lambda: system.height() > before)
    page.goto(f"/block/{block_hash}")
    page.get_by_text("Taken back").wait_for()


def test_transaction_that_came_while_its_page_was_on_its_way_is_shown(window, system):
    opened = window()
    system.coordinator.kill()
    try:
        tx_id = system.pay()
        page, held = opened.page, []
        page.route(MAIN_SCRIPT, lambda route: held.append(route))  # noqa: PLW0108 - it wants a function
        with page.expect_request(MAIN_SCRIPT):
            page.goto(f"/tx/{tx_id}", wait_until="commit")
        title = page.locator(".title")
        title.get_by_text("Not known").wait_for()
    finally:
        system.coordinator.start()
    known = f"SELECT 1 FROM transactions WHERE tx_hash = '{tx_id}'"
    wait_for(lambda: system.coordinator.query(known) != [])
    (route,) = held
    route.continue_()
    title.get_by_text("Waiting").wait_for()
    system.mine()


def test_pause_stops_and_goes_on_where_it_was(window, system):
    opened = window()
    page = opened.open("/")
    opened.wait_for_live()
    page.get_by_role("button", name="Pause").click()
    page.locator(PILL).get_by_text("Paused").wait_for()
    (block_hash,) = system.mine()
    wait_for(
        lambda: system.coordinator.query(f"SELECT 1 FROM blocks WHERE hash = '{block_hash}'") != []
    )
    assert page.locator(f'[data-ribbon] [data-hash="{block_hash}"]').count() == 0
    page.get_by_role("button", name="Go on").click()
    page.locator(f'[data-ribbon] [data-hash="{block_hash}"]').wait_for()


def test_hash_is_copied_whole(window, system):
    opened = window()
    opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = opened.open("/block/5")
    button = page.get_by_role("button", name="Copy block hash").first
    whole = button.get_attribute("data-copy")
    button.click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == whole


def test_dashboard_element_drops_into_any_page(window, system):
    opened = window()
    page = opened.open("/about")
    page.evaluate(ADD_DASHBOARD, system.url.replace("http", "ws") + "/ws/live")
    page.locator('live-dashboard[state="live"]').wait_for()
    system.mine()
    height = f"{system.node.get('/api/status')['height']:,}"
    page.locator('live-dashboard [part="height"]').get_by_text(height).wait_for()
    page.locator('live-dashboard [part="nodes"]').get_by_text("1 of 1").wait_for()


def test_dashboard_element_forgets_nodes_that_are_gone_and_says_of_when_it_is(window, system):
    opened = window()
    page, lines = opened.page, []
    page.route_web_socket(ELSEWHERE, lambda line: lines.append(line))  # noqa: PLW0108 - it wants a function
    page.goto("/about")
    page.evaluate(ADD_DASHBOARD, "ws://127.0.0.1/elsewhere/ws/live")
    wait_for(lambda: lines != [] or page.wait_for_timeout(0))
    (line,) = lines

    def say(kind, **more):
        line.send(json.dumps({"type": kind, "seq": 9, **more}))

    def nodes(*names):
        up = {"kind": "changed", "topic": "node", "time_ms": 0, "seq": 1, "data": {"state": "up"}}
        say("snapshot", topic="node", events=[{**up, "key": name} for name in names])

    say("hello", epoch="e", time_ms=HOUR_MS, source={"state": "live"})
    shown = page.locator('live-dashboard [part="nodes"]')
    nodes("a", "b", "c")
    shown.get_by_text("3 of 3").wait_for()
    say("gap", topics=["chain"])
    shown.get_by_text("3 of 3").wait_for()
    say("gap", topics=["node"])
    shown.get_by_text("—").wait_for()
    nodes("a", "b")
    shown.get_by_text("2 of 2").wait_for()
    age = page.locator('live-dashboard [part="age"]')
    assert re.fullmatch(r"as of 01:\d\d:\d\d", age.inner_text())
    assert shown.evaluate(GREY) == "none"
    say("source", state="away", since_ms=12 * HOUR_MS)
    page.locator('live-dashboard[state="away"]').wait_for()
    age.get_by_text("as of 12:00:00").wait_for()
    assert shown.evaluate(GREY) == "grayscale(1)"
