"""A page that stays open for eight hours, and one that hears twenty events a second.

The first lives on a clock of its own: minutes pass in milliseconds, and a feed tells it what has
happened meanwhile. The long form, all eight hours, runs with `CHAINDECK_TEST_PROFILE=prove`.
"""

import json
import os

import pytest

from tests.browser.feeds import Feed
from tests.conftest import PROFILE_VARIABLE

pytestmark = pytest.mark.needs("chromium")
IS_LONG = os.environ.get(PROFILE_VARIABLE) == "prove"
HOURS = 8 if IS_LONG else 1
FULL_S = 3_600
"""After that every chart has as many points as it keeps."""

SETTLED_S = 300
STEP_S = 15
GROWTH = 0.10
COLLECTIONS = 8
BUSY_S = 60 if IS_LONG else 15
LONG_TASK_MS = 50


class Counts:
    """What a page holds, after all garbage is gone.

    A collection keeps whatever the stack of its moment seems to point at, up to a whole list of
    blocks that was replaced a moment ago. So it is asked for several times, and the least counts:
    what leaks is there every time.
    """

    def __init__(self, opened) -> None:
        self._page = opened.page
        self._session = opened.context.new_cdp_session(opened.page)
        self._session.send("HeapProfiler.enable")

    def take(self) -> dict[str, int]:
        found = [self._collect() for _ in range(COLLECTIONS)]
        return {name: min(one[name] for one in found) for name in found[0]}

    def _collect(self) -> dict[str, int]:
        self._page.evaluate("0")
        self._session.send("HeapProfiler.collectGarbage")
        heap = self._session.send("Runtime.getHeapUsage")["usedSize"]
        counters = self._session.send("Memory.getDOMCounters")
        return {
            "heap": int(heap),
            "nodes": counters["nodes"],
            "listeners": counters["jsEventListeners"],
        }


def live_through(page, feed, seconds):
    for _ in range(seconds // STEP_S):
        feed.say(feed.pass_time(STEP_S * 1_000))
        page.clock.run_for(STEP_S * 1_000)
    height = f"#{feed.height:,}"
    page.locator('[data-live="height"]').get_by_text(height).wait_for()


def open_with_feed(opened, system, path):
    page = opened.page
    page.clock.install()
    feed = Feed(page, system.height(), page.evaluate("Date.now()"))
    page.goto(path)
    opened.wait_for_live()
    return page, feed


def test_kiosk_of_many_hours_keeps_its_memory_and_its_nodes(window, system, capsys):
    opened = window(viewport={"width": 1920, "height": 1080})
    opened.open_with_charts("/?kiosk")
    page, feed = open_with_feed(opened, system, "/?kiosk")
    # Each is drawn when it is first in sight, which a frame decides and not the clock.
    for chart in page.locator("[data-chart]:not([hidden])").all():
        chart.scroll_into_view_if_needed()
        chart.locator("canvas").wait_for()
    counts = Counts(opened)
    live_through(page, feed, FULL_S)
    before = counts.take()
    live_through(page, feed, HOURS * 3_600)
    after = counts.take()
    with capsys.disabled():
        print(f"\n{HOURS} h of kiosk: {before} before, {after} after, {feed.seq:,} events")
    assert after["heap"] < before["heap"] * (1 + GROWTH)
    assert after["nodes"] < before["nodes"] * (1 + GROWTH)
    assert after["listeners"] <= before["listeners"] * (1 + GROWTH)
    assert page.locator("[data-ribbon] [data-hash]").count() == 8


def main_thread_tasks_ms(trace):
    """Return the processor time of each task of the thread that draws the page."""
    events = json.loads(trace)["traceEvents"]
    threads = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"].get("name") == "CrRendererMain"
    }
    return [
        event["tdur"] / 1_000
        for event in events
        if event["name"] == "ThreadControllerImpl::RunTask"
        and event.get("ph") == "X"
        and (event["pid"], event["tid"]) in threads
    ]


def test_twenty_events_a_second_make_no_long_task(window, system, browser, capsys):
    opened = window()
    page, feed = open_with_feed(opened, system, "/")
    live_through(page, feed, SETTLED_S)
    page.clock.resume()
    browser.start_tracing(page=page, categories=["toplevel"])
    for _ in range(BUSY_S):
        events = feed.pass_time(1_000)
        while len(events) < 20:
            events += feed.block()
        feed.say(events)
        # The pace is what is tested.
        page.wait_for_timeout(1_000)
    tasks = main_thread_tasks_ms(browser.stop_tracing())
    with capsys.disabled():
        print(f"\n{len(tasks)} tasks, the longest {max(tasks):.1f} ms of processor time")
    assert len(tasks) > BUSY_S
    assert max(tasks) < LONG_TASK_MS
