"""Scores pages with Lighthouse: a fresh installation with live data, seen by who signed in.

Lighthouse is no part of this project; fetch it first (it wants Node 22, which the environment has):

    npm install --prefix build/lighthouse lighthouse@13
    python -m tools.lighthouse

It starts nodes, coordinator, control room and the demo's payments, signs in with a Chromium that it
keeps, and has Lighthouse use that one. A header with the session instead would not reach the socket
of a page. It exits with 1 where a score is below its floor.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from playwright.sync_api import BrowserContext, Page, sync_playwright

ROOT: Final = Path(__file__).resolve().parent.parent
LIGHTHOUSE: Final = ROOT / "build/lighthouse/node_modules/lighthouse/cli/index.js"
CHROMIUM: Final = "/usr/bin/chromium"
FLOORS: Final = {"performance": 95, "accessibility": 100, "best-practices": 95}
PRESETS: Final = {"mobile": [], "desktop": ["--preset=desktop"]}
TIMINGS: Final = {
    "first paint": "first-contentful-paint",
    "largest paint": "largest-contentful-paint",
    "blocking": "total-blocking-time",
    "shift": "cumulative-layout-shift",
    "weight": "total-byte-weight",
}
_RUN_LIMIT_S: Final = 240
_PASSWORD: Final = "a password that is long enough"  # noqa: S105 - of an installation that lives for minutes
_BIN: Final = Path(sys.executable).parent


class Deck(NamedTuple):
    """An installation that runs: where, and what its first person signs in with."""

    url: str
    first_password: str


def main() -> int:
    """Score every page under both presets, and print a table of it."""
    if not LIGHTHOUSE.exists():
        print(
            f"Lighthouse is not at {LIGHTHOUSE.relative_to(ROOT)}; the module says how to fetch it"
        )
        return 2
    with demo() as deck, browser() as (context, port):
        page = context.new_page()
        sign_in(page, deck)
        pages = find_pages(page, deck)
        session = context.storage_state()["cookies"]
        print(f"{'page':12} {'preset':8} {'perf.':>5} {'acc.':>5} {'best':>5}  timings, load")
        results = []
        for preset in PRESETS:
            for name, address in pages.items():
                _be_new(context, page)
                if name != "sign-in":
                    context.add_cookies(cast("list[Any]", session))
                results.append(_show(name, preset, measure(address, preset, port)))
    return 0 if all(results) else 1


@contextmanager
def demo() -> Iterator[Deck]:
    """A whole installation on free ports, as long as the context lasts."""
    folder = Path(tempfile.mkdtemp(prefix="cd-"))
    web, *others = _free_ports(7)
    nodes = [
        {"name": f"node-{place + 1}", "api_port": others[place], "p2p_port": others[place + 3]}
        for place in range(3)
    ]
    config = {"nodes": nodes, "web_port": web, "demo": True}
    (folder / "config.json").write_text(json.dumps(config))
    environment = {**os.environ, "CHAINDECK_HOME": str(folder), "CHAINDECK_PORT": str(web)}
    try:
        _run([_BIN / "chaindeck", "up", "--demo", "--detach"], environment)
        yield Deck(f"http://127.0.0.1:{web}", (folder / "web/first-password").read_text())
    finally:
        _run([_BIN / "chaindeck", "down"], environment)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def browser() -> Iterator[tuple[BrowserContext, int]]:
    """A Chromium that others can steer through a port."""
    (port,) = _free_ports(1)
    arguments = ["--no-sandbox", f"--remote-debugging-port={port}"]
    with tempfile.TemporaryDirectory() as profile, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, args=arguments
        )
        yield context, port
        context.close()


def find_pages(page: Page, deck: Deck) -> dict[str, str]:
    """Return the address of each page: the newest block's, those that it leads to, and others."""
    url = deck.url
    block = _wait_for_payment(page, url)
    page.goto(block)
    row = page.locator('[aria-label="Transactions"] tbody tr').nth(1)
    transaction = row.locator('[data-label="Transaction"] a').get_attribute("href") or ""
    address = row.locator('[data-label="To"] a').get_attribute("href") or ""
    page.goto("about:blank")
    return {
        "sign-in": f"{url}/sign-in",
        "overview": f"{url}/",
        "blocks": f"{url}/chain/",
        "block": block,
        "transaction": url + transaction,
        "address": url + address,
        "search": f"{url}/search?q=nobody",
    }


def measure(address: str, preset: str, port: int) -> dict[str, Any]:
    """Return what Lighthouse reports of a page."""
    done = subprocess.run(
        [
            *(_BIN / "node", LIGHTHOUSE, address, f"--port={port}", "--disable-storage-reset"),
            *("--quiet", "--output=json", f"--only-categories={','.join(FLOORS)}"),
            *PRESETS[preset],
        ],
        check=True,
        stdout=subprocess.PIPE,
        timeout=_RUN_LIMIT_S,
    )
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _show(name: str, preset: str, report: Mapping[str, Any]) -> bool:
    """Print a row; return whether all floors hold."""
    scores = {kind: round(100 * report["categories"][kind]["score"]) for kind in FLOORS}
    audits = report["audits"]
    timings = ", ".join(
        f"{word} {audits[key]['displayValue'].removeprefix('Total size was ')}"
        for word, key in TIMINGS.items()
    )
    row = " ".join(f"{scores[kind]:5}" for kind in FLOORS)
    said = f"{timings}, load {os.getloadavg()[0]:.1f}".replace("\N{NO-BREAK SPACE}", " ")
    print(f"{name:12} {preset:8} {row}  {said}", flush=True)
    for warning in report["runWarnings"]:
        print("  " + warning.partition(". ")[0])
    return all(scores[kind] >= floor for kind, floor in FLOORS.items())


def sign_in(page: Page, deck: Deck) -> None:
    page.goto(deck.url)
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(deck.first_password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("New password").fill(_PASSWORD)
    page.get_by_label("Once more").fill(_PASSWORD)
    page.get_by_role("button", name="Keep it").click()
    page.get_by_role("heading", name="Overview").wait_for()


def _be_new(context: BrowserContext, page: Page) -> None:
    """Forget what was loaded and who was signed in: every page is the first that is visited."""
    context.clear_cookies()
    context.new_cdp_session(page).send("Network.clearBrowserCache")


def _wait_for_payment(page: Page, url: str) -> str:
    """Return the address of a block that has payments; one comes within seconds."""
    block = page.locator("[data-ribbon] [data-hash]").filter(has_not_text="no fees").first
    block.wait_for(timeout=1_000 * _RUN_LIMIT_S)
    return url + (block.get_attribute("href") or "")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _run(command: list[str | Path], environment: Mapping[str, str]) -> None:
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
