"""The first page of an installation in which nothing has happened: it comes alive by itself."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LIMIT_MS, Window, installed, sign_in

pytestmark = pytest.mark.needs("chromium")
NOTHING_DRAWN = "Nothing to draw yet"
A_LINE = re.compile(r"0\.0,\d")


def test_overview_from_before_the_first_measurement_comes_alive_without_a_reload(browser):
    with installed() as fresh, fresh.web():
        session = sign_in(fresh, browser)
        context = browser.new_context(base_url=fresh.url, storage_state=session)
        opened = Window(context)
        page = opened.open("/")
        expect_nothing(page)
        page.evaluate("() => { globalThis.isTheSamePage = true; }")
        fresh.coordinator.start()
        opened.wait_for_live()
        hashes = fresh.mine(2)
        expect_blocks(page, hashes)
        expect_figures(page)
        expect_charts(page)
        page.locator("#cards").get_by_text("Healthy").wait_for()
        assert page.evaluate("globalThis.isTheSamePage")
        assert opened.complaints == []
        context.close()


def expect_nothing(page):
    """Nobody ever told this page anything, and it says so."""
    pill = page.locator('[data-live="connection"]')
    expect(pill).to_have_text("Coordinator away", timeout=LIMIT_MS)
    assert page.locator("#as-of").is_visible()
    assert page.locator("#as-of").inner_text() == "nothing is known yet"
    assert page.get_by_text("No blocks yet").is_visible()
    assert page.get_by_text(NOTHING_DRAWN).count() == 3
    assert page.locator(".chart:visible").count() == 0


def expect_blocks(page, hashes):
    for block_hash in hashes:
        page.locator(f'[data-ribbon] [data-hash="{block_hash}"]').wait_for()
    assert page.locator('[data-ribbon] [data-kind="tip"]').count() == 1
    page.get_by_text("No blocks yet").wait_for(state="hidden")


def expect_figures(page):
    """What is measured at once has a value, an age and, after a while, a line."""
    for name in ("hash_rate", "pool_count", "memory_percent"):
        box = page.locator(f'[data-kpi="{name}"]')
        box.locator("time[title]").wait_for()
        assert "not measured yet" not in box.inner_text()
        line = box.locator("polyline")
        expect(line).to_have_attribute("points", A_LINE, timeout=LIMIT_MS)


def expect_charts(page):
    """A line, and the table that says the same."""
    chart = page.locator('[data-chart="tx_rate"]')
    chart.scroll_into_view_if_needed()
    chart.locator("canvas").wait_for()
    card = page.locator(".card", has=chart)
    card.get_by_text("As a table").click()
    card.get_by_role("table").wait_for()
    assert card.get_by_text(NOTHING_DRAWN).count() == 0
