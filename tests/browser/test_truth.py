"""A page never ticks on about what it does not know: lines that die, and tabs that sleep."""

import json
import re

import pytest
from playwright.sync_api import WebSocketRoute

from tests.coordinator.processes import wait_for

pytestmark = pytest.mark.needs("chromium")
PILL = '[data-live="connection"]'
LIVE = re.compile(r"/ws/live$")
STALE = "() => document.documentElement.hasAttribute('data-stale')"
AWAY = f"html[data-stale] {PILL}[data-status=warn]"
GREY = "node => getComputedStyle(node).filter"
FIGURE_TIME = """document.querySelector('[data-kpi="hash_rate"] time')"""
CHART = """document.querySelector('[data-chart="hash_rate"] canvas')"""
FRESH = "() => !document.documentElement.hasAttribute('data-stale')"


class Valve:
    """Stands between a page and the control room's sockets: open, deaf or shut."""

    def __init__(self, page) -> None:
        self.is_open = True
        self.is_deaf = False
        self.lines: list[WebSocketRoute] = []
        page.route_web_socket(LIVE, self._join)

    def _join(self, line: WebSocketRoute) -> None:
        if not self.is_open:
            line.close(code=1012, reason="shut")
            return
        self.lines.append(line)
        server = line.connect_to_server()
        line.on_message(lambda text: None if self.is_deaf else server.send(text))
        server.on_message(lambda text: None if self.is_deaf else line.send(text))

    def shut(self) -> None:
        """Cut what is open, and let nothing through any more."""
        self.is_open = False
        for line in self.lines:
            line.close(code=1012, reason="shut")
        self.lines.clear()


def heights_of(page):
    return [
        int(text.replace(",", ""))
        for text in page.locator("[data-ribbon] [data-hash] b").all_inner_texts()
    ]


def expect_whole(page, hashes):
    for block_hash in hashes:
        page.locator(f'[data-ribbon] [data-hash="{block_hash}"]').wait_for()
    heights = heights_of(page)
    assert heights == list(range(heights[0], heights[0] - 8, -1))


def test_half_open_line_is_noticed_and_what_it_swallowed_is_made_up_for(window, system):
    opened = window()
    page = opened.page
    valve = Valve(page)
    page.clock.install()
    page.goto("/")
    opened.wait_for_live()
    valve.is_deaf = True
    hashes = system.mine(2)
    wait_for(lambda: system.height() == system.node.get("/api/status")["height"])
    page.clock.run_for(19_000)
    assert page.locator(PILL).inner_text() == "Live", "a beat may be a little late"
    valve.is_deaf = False
    valve.is_open = False
    page.clock.run_for(4_000)
    page.wait_for_function(STALE)
    assert "Reconnecting, as of" in page.locator(PILL).inner_text()
    valve.is_open = True
    page.clock.resume()
    opened.wait_for_live()
    page.wait_for_function(FRESH)
    expect_whole(page, hashes)


@pytest.mark.parametrize("code", [1013, 4429, None])
def test_page_whose_first_line_never_opens_greys_and_polls(code, window, system):
    def refuse(line):
        """Close it, or answer nothing at all."""
        if code is not None:
            line.close(code=code, reason="not now")

    opened = window()
    page = opened.page
    page.clock.install()
    page.route_web_socket(LIVE, refuse)
    page.goto("/")
    page.clock.run_for(3_000)
    page.wait_for_function(STALE)
    page.locator(PILL).get_by_text("Connecting, as of").wait_for()
    hashes = system.mine(2)
    wait_for(lambda: system.height() == system.node.get("/api/status")["height"])
    before = page.locator(PILL).inner_text()
    page.clock.run_for(11_000)
    expect_whole(page, hashes)
    page.wait_for_function(f"() => document.querySelector('{PILL}').innerText !== '{before}'")


def open_away(opened):
    """Open the overview once the web has noticed that nobody answers any more."""

    def is_drawn_away():
        opened.page.goto("/")
        return opened.page.locator(AWAY).count() == 1

    wait_for(is_drawn_away)
    return opened.page


def test_page_drawn_while_the_coordinator_is_away_says_so_and_of_when_it_is(window, system):
    bare = window(java_script_enabled=False)
    system.coordinator.kill()
    try:
        for opened in (bare, window()):
            page = open_away(opened)
            assert re.search(r"away, as of \d\d:\d\d:\d\d", page.locator(PILL).inner_text())
            cards = page.locator("#cards").inner_text()
            assert "Unknown" in cards
            assert "Away" in cards
            assert "when last seen" in cards
            assert not re.search("Healthy|Running", cards)
            assert "nobody knows how nodes and parts are" in page.locator("#attention").inner_text()
            known_ms = int(page.locator("#as-of time").get_attribute("data-ms"))
            assert known_ms == system.updated_ms()
            assert page.locator(".kpis").evaluate(GREY) == "grayscale(1)"
    finally:
        system.coordinator.start()
    opened.wait_for_live()
    page.wait_for_function(FRESH)
    page.locator("#cards").get_by_text("Healthy").wait_for()
    page.locator("#attention").get_by_text("Nothing. Nodes answer").wait_for()


def test_page_that_sees_the_coordinator_go_says_no_longer_that_all_is_well(window, system):
    opened = window()
    page = opened.open("/")
    opened.wait_for_live()
    page.locator("#cards").get_by_text("Running").wait_for()
    system.coordinator.kill()
    try:
        page.locator("#cards").get_by_text("Unknown").wait_for()
        page.locator("#attention").get_by_text("nobody knows").wait_for()
    finally:
        system.coordinator.start()
    page.locator("#attention").get_by_text("Nothing. Nodes answer").wait_for()


def test_polling_takes_over_where_no_socket_opens_and_ends_when_one_does(window, system):
    opened = window()
    page = opened.open_with_charts("/")
    valve = Valve(page)
    page.clock.install()
    page.goto("/")
    opened.wait_for_live()
    page.locator('[data-chart="hash_rate"]').scroll_into_view_if_needed()
    page.locator('[data-chart="hash_rate"] canvas').wait_for()
    table = page.locator("#table-hash_rate")
    table.get_by_text("As a table").click()
    page.get_by_role("heading", name="Overview").click()
    valve.shut()
    page.clock.run_for(3_000)
    page.wait_for_function(STALE)
    figure_at, picture = page.evaluate(
        f"() => [Number({FIGURE_TIME}.dataset.ms), {CHART}.toDataURL()]"
    )
    measured = system.measurements()
    wait_for(lambda: system.measurements() > measured)
    hashes = system.mine(2)
    wait_for(lambda: system.height() == system.node.get("/api/status")["height"])
    page.clock.run_for(11_000)
    expect_whole(page, hashes)
    page.wait_for_function(f"() => Number({FIGURE_TIME}.dataset.ms) > {figure_at}")
    page.wait_for_function(f"() => {CHART}.toDataURL() !== {json.dumps(picture)}")
    row = table.locator("tbody time").first
    assert row.is_visible(), "what was open stays open"
    assert int(row.get_attribute("data-ms")) > figure_at
    tip = f"#{system.node.get('/api/status')['height']:,}"
    page.locator('[data-live="height"]').get_by_text(tip).wait_for()
    assert "Reconnecting" in page.locator(PILL).inner_text(), "what is polled is not live"
    valve.is_open = True
    page.clock.resume()
    opened.wait_for_live()
    (block_hash,) = system.mine()
    expect_whole(page, [block_hash])


def test_node_that_dies_is_shown_down_and_up_again(window, system):
    opened = window()
    page = opened.open("/network/")
    opened.wait_for_live()
    row = page.locator("#nodes tbody tr")
    row.get_by_text("Up", exact=True).wait_for()
    overview = window()
    overview.open("/")
    overview.wait_for_live()
    system.node.kill()
    try:
        row.get_by_text("Down").wait_for()
        card = overview.page.locator("#cards")
        card.get_by_text("None answers").wait_for()
        overview.page.locator("#attention").get_by_text("it does not answer").wait_for()
        # The line is well: what is shown is of now, and says that the node is not.
        assert page.locator(PILL).inner_text() == "Live"
    finally:
        system.node.start()
    row.get_by_text("Up", exact=True).wait_for()
    card.get_by_text("Healthy").wait_for()
    hashes = system.mine(2)
    expect_whole(overview.page, hashes)


def test_tab_that_slept_shows_what_happened_meanwhile(window, system):
    opened = window()
    page = opened.open("/")
    opened.wait_for_live()
    session = opened.context.new_cdp_session(page)
    session.send("Page.setWebLifecycleState", {"state": "frozen"})
    hashes = system.mine(3)
    wait_for(lambda: system.height() == system.node.get("/api/status")["height"])
    session.send("Page.setWebLifecycleState", {"state": "active"})
    expect_whole(page, hashes)
    opened.wait_for_live()


def test_frames_that_come_twice_or_out_of_nowhere_break_nothing(window, system):
    opened = window()
    page = opened.page
    valve = Valve(page)
    page.goto("/")
    opened.wait_for_live()
    hashes = system.mine(1)
    expect_whole(page, hashes)
    (line,) = valve.lines
    line.send(json.dumps({"type": "something-new"}))
    line.send(json.dumps({"type": "gap", "seq": 1, "topics": ["block"]}))
    hashes = system.mine(2)
    expect_whole(page, hashes)


def test_block_that_comes_while_the_ribbon_is_asked_for_again_stays(window, system):
    opened = window()
    page = opened.page
    valve = Valve(page)
    page.goto("/")
    opened.wait_for_live()
    old_page = page.request.get("/").text().replace('class="now"', 'class="now" data-old')
    held = []
    page.route("**/", lambda route: held.append(route))  # noqa: PLW0108 - it wants a function
    with page.expect_request(lambda request: request.url == f"{system.url}/"):
        valve.lines[0].send(json.dumps({"type": "gap", "seq": 1, "topics": ["block"]}))
    hashes = system.mine(2)
    expect_whole(page, hashes)
    wait_for(lambda: held != [])
    for route in held:
        route.fulfill(body=old_page, content_type="text/html")
    page.locator("[data-ribbon] [data-old]").wait_for()
    expect_whole(page, hashes)


def test_page_whose_line_is_refused_stays_says_so_and_polls(window, system):
    opened = window()
    page = opened.page
    page.clock.install()
    page.route_web_socket(LIVE, lambda line: line.close(code=4403, reason="another origin"))
    page.goto("/")
    page.locator(PILL).get_by_text("Live line refused, as of").wait_for()
    page.evaluate("() => { globalThis.isTheSamePage = true; }")
    hashes = system.mine(2)
    wait_for(lambda: system.height() == system.node.get("/api/status")["height"])
    page.clock.run_for(11_000)
    expect_whole(page, hashes)
    assert page.evaluate("globalThis.isTheSamePage"), "loading again would end in the same refusal"


def test_page_of_somebody_who_was_signed_out_asks_to_sign_in(window, system):
    opened = window()
    page = opened.page
    valve = Valve(page)
    page.goto("/")
    opened.wait_for_live()
    opened.context.clear_cookies()
    (line,) = valve.lines
    line.close(code=4401, reason="signed out")
    page.get_by_role("heading", name="Sign in").wait_for()
