"""From a block's acceptance in a node to its drawing: a real node, coordinator, web and Chromium.

The clock starts when the order to mine is sent, so a figure holds the search for the block too, and
ends when the browser has drawn the overview with it.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from bench.control import web
from bench.harness import Benchmark
from bench.node_process import node
from bench.pages import make_session
from bench.rpc import coordinator_of, p95
from chaindeck.client import NodeClient

EVENTS = 100
_CHROMIUM = "/usr/bin/chromium"
_PAUSE_MS = 50
"""Between a drawing and the next order: blocks of a network do not follow each other at once."""

_WATCH = """() => {
    globalThis.drawn = new Map();
    const ribbon = document.querySelector("[data-ribbon]");
    const note = (hash) => requestAnimationFrame(() => {
        // A task that follows a frame runs when that frame has been drawn.
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => drawn.set(hash, performance.timeOrigin + performance.now());
        port2.postMessage(null);
    });
    new MutationObserver((changes) => {
        for (const { addedNodes } of changes) {
            for (const made of addedNodes) if (made.dataset?.hash) note(made.dataset.hash);
        }
    }).observe(ribbon, { childList: true });
}"""


def benchmarks() -> list[Benchmark]:
    """Floors and goals hold for the reference machine with nothing else running."""
    return [
        Benchmark(
            "pixels: a node's block to its drawing, median", "ms",
            lambda: statistics.median(drawings_ms()), 300, 100,
            higher_is_better=False, repetitions=1,
        ),
        Benchmark(
            "pixels: a node's block to its drawing, p95", "ms",
            lambda: p95(drawings_ms()), 300, 100,
            higher_is_better=False, repetitions=1,
        ),
    ]  # fmt: skip


@cache
def drawings_ms() -> list[float]:
    """Milliseconds from each order to the frame that shows its block."""
    with stack() as (client, page):
        _draw(client, page)
        return [_draw(client, page) for _ in range(EVENTS)]


@contextmanager
def stack() -> Iterator[tuple[NodeClient, Page]]:
    """Everything from the node to the overview in a browser, live."""
    with tempfile.TemporaryDirectory(prefix="cd-") as folder:
        home = Path(folder)
        data = home / "nodes" / "node-1"
        data.parent.mkdir()
        with node(data) as (client, _):
            entry = {"name": "node-1", "api_port": 1}
            (home / "config.json").write_text(json.dumps({"nodes": [entry]}))
            client.mine(10)
            with coordinator_of(home), web(home) as port, _overview(home, port) as page:
                yield client, page


@contextmanager
def _overview(home: Path, port: int) -> Iterator[Page]:
    url = f"http://127.0.0.1:{port}"
    session = make_session(home)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies([{"name": "chaindeck_session", "value": session, "url": url}])
        page = context.new_page()
        page.goto(url)
        page.locator('[data-live="connection"]').get_by_text("Live", exact=True).wait_for()
        page.locator("[data-ribbon] [data-hash]").first.wait_for()
        page.evaluate(_WATCH)
        yield page
        browser.close()


def _draw(client: NodeClient, page: Page) -> float:
    ordered_ms = time.time_ns() / 1e6
    (block_hash,) = client.mine(1).hashes
    shown = page.wait_for_function("(hash) => drawn.get(hash)", arg=block_hash)
    took_ms: float = shown.json_value() - ordered_ms
    page.wait_for_timeout(_PAUSE_MS)
    return took_ms
