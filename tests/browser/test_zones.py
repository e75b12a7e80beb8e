"""Times of day are those of the profile's zone, wherever the browser is."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

pytestmark = pytest.mark.needs("chromium")
PROFILE, BROWSER = "Asia/Tokyo", "America/New_York"
NOTE_WRITING = """() => {
    globalThis.written = [];
    const write = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
        globalThis.written.push(text);
        return write.call(this, text, ...rest);
    };
}"""


@pytest.fixture
def in_tokyo(window):
    """Have the profile name a zone, and UTC again afterwards."""

    def choose(zone):
        page = window().open("/profile")
        page.get_by_label("Time zone").select_option(zone)
        with page.expect_navigation():
            page.get_by_role("button", name="Keep").first.click()

    choose(PROFILE)
    yield
    choose("UTC")


def hours_of_late(zone):
    """The hours in which something of the last hour can have been."""
    now = datetime.now(ZoneInfo(zone))
    return {now.hour, (now - timedelta(hours=1)).hour}


@pytest.mark.usefixtures("in_tokyo")
def test_axes_pill_and_hovered_times_are_in_the_zone_of_the_profile(window, system):
    opened = window(timezone_id=BROWSER)
    opened.page.add_init_script(f"({NOTE_WRITING})()")
    page = opened.open_with_charts("/")
    opened.wait_for_live()
    chart = page.locator('[data-chart="hash_rate"]')
    chart.scroll_into_view_if_needed()
    chart.locator("canvas").wait_for()
    page.wait_for_function("() => written.some((text) => /^\\d\\d:\\d\\d/.test(text))")
    labels = [text for text in page.evaluate("written") if re.match(r"\d\d:\d\d", text)]
    assert {int(text[:2]) for text in labels} <= hours_of_late(PROFILE)
    assert not hours_of_late(PROFILE) & hours_of_late(BROWSER)
    page.get_by_role("button", name="Pause").click()
    pill = page.locator('[data-live="connection"]')
    pill.get_by_text("Paused, as of").wait_for()
    hour = int(pill.inner_text().partition("as of ")[2][:2])
    assert hour in hours_of_late(PROFILE)
    page.get_by_role("button", name="Go on").click()
    (block_hash,) = system.mine()
    made = page.locator(f'[data-ribbon] [data-hash="{block_hash}"] time')
    made.wait_for()
    drawn = page.locator("#as-of time")
    for time in (made, drawn):
        day, clock, _ = time.get_attribute("title").split()
        at = datetime.fromtimestamp(int(time.get_attribute("data-ms")) / 1_000, ZoneInfo(PROFILE))
        assert (day, clock) == (f"{at:%Y-%m-%d}", f"{at:%H:%M:%S}")
