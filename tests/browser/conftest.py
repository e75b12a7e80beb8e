"""A whole system of its own for the session, and a browser that notes every complaint of a page."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, sync_playwright

from tests.browser.elsewhere import Elsewhere, elsewhere
from tests.coordinator.processes import COMMAND, CoordinatorProcess, free_port, home_node, wait_for
from tests.functional.processes import NodeProcess
from tests.records.growing import OWNERS, address

PASSWORD = "a password that is long enough"
CHROMIUM = Path("/usr/bin/chromium")
SHOTS = Path(__file__).parents[2] / "build" / "screenshots"
AXE = Path(__file__).parents[2] / "frontend/node_modules/axe-core/axe.min.js"
LIMIT_MS = 20_000
BLOCKS = 30
MEASURED_CHARTS = 2
"""Throughput and hash rate, after two measurements; the interval takes a minute of blocks."""


class System:
    """One development node that mines when told, a coordinator, and the control room."""

    def __init__(
        self,
        home: Path,
        node: NodeProcess,
        coordinator: CoordinatorProcess,
        elsewhere: Elsewhere,
    ) -> None:
        self.home = home
        self.elsewhere = elsewhere
        self.node = node
        self.coordinator = coordinator
        self.url = ""
        self.session: StorageState | None = None

    def mine(self, blocks: int = 1) -> list[str]:
        order = {"blocks": blocks, "address": address(OWNERS[0])}
        hashes: list[str] = self.node.post("/api/mine", order)["hashes"]
        return hashes

    def pay(self, amount: int = 5_000) -> str:
        order = {"address": address(OWNERS[1]), "amount": amount}
        tx_id: str = self.node.post("/api/dev/faucet", order)["id"]
        return tx_id

    def height(self) -> int:
        ((height,),) = self.coordinator.query(
            "SELECT COALESCE(MAX(height), -1) FROM follower_cursors"
        )
        return int(height)

    def measurements(self) -> int:
        ((count,),) = self.coordinator.query("SELECT COUNT(*) FROM network_stats")
        return int(count)

    def updated_ms(self) -> int:
        """Return when the coordinator wrote down last how things stand."""
        ((text,),) = self.coordinator.query("SELECT last_updated FROM system_status")
        return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)

    @contextlib.contextmanager
    def web(self) -> Iterator[None]:
        with (self.home / "web.log").open("wb") as log:
            process = subprocess.Popen(
                [COMMAND, "web"],
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={
                    **os.environ,
                    "CHAINDECK_HOME": str(self.home),
                    "CHAINDECK_PORT": str(free_port()),
                    "ALLOWED_ORIGINS": self.elsewhere.origin,
                },
            )
        running = self.home / "web" / "running.json"

        def is_ready() -> bool:
            assert process.poll() is None, (self.home / "web.log").read_text()
            return running.exists()

        try:
            wait_for(is_ready)
            self.url = json.loads(running.read_text())["address"]
            yield
        finally:
            process.terminate()
            process.wait(10)


@contextlib.contextmanager
def installed() -> Iterator[System]:
    """A fresh home with a node that answers; coordinator and web are for the caller to start."""
    folder = Path(tempfile.mkdtemp(prefix="cd-"))
    home = folder / "h"
    home.mkdir(mode=0o700)
    try:
        with home_node(home) as node, elsewhere() as site:
            coordinator = CoordinatorProcess(home)
            try:
                yield System(home, node, coordinator, site)
            finally:
                if coordinator.is_running:
                    coordinator.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def system() -> Iterator[System]:
    with installed() as running:
        running.coordinator.start()
        running.mine(BLOCKS)
        running.pay()
        running.mine()
        wait_for(lambda: running.height() == BLOCKS + 1)
        with running.web():
            yield running


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A browser of the test's own: an open one keeps a loop in this thread, and Django minds."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def session(system: System, browser: Browser) -> object:
    """Sign in once as the first administrator, who must choose a new password."""
    if system.session is None:
        system.session = sign_in(system, browser)
    return system.session


def sign_in(system: System, browser: Browser) -> StorageState:
    context = browser.new_context(base_url=system.url)
    page = context.new_page()
    page.set_default_timeout(LIMIT_MS)
    page.goto("/mempool")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill((system.home / "web" / "first-password").read_text())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/new-password")
    page.goto("/chain/")
    assert page.url.endswith("/new-password"), "nothing opens before a new password is chosen"
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("Once more").fill(PASSWORD)
    page.get_by_role("button", name="Keep it").click()
    page.get_by_role("heading", name="Overview").wait_for()
    state = context.storage_state()
    context.close()
    return state


class Window:
    """A context of the browser, whose pages may complain of nothing."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.complaints: list[str] = []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(LIMIT_MS)
        # A page that is not there, or not so, is told of by the browser itself.
        self.page.on(
            "console",
            lambda said: (
                self.complaints.append(said.text)
                if said.type in {"error", "warning"} and "a status of 40" not in said.text
                else None
            ),
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: str) -> Page:
        self.page.goto(path)
        return self.page

    def open_with_charts(self, path: str) -> Page:
        """Open a page that draws, once the installation is old enough for it to have something."""

        def has_charts() -> bool:
            self.page.goto(path)
            return self.page.locator("[data-chart]:not([hidden])").count() >= MEASURED_CHARTS

        wait_for(has_charts)
        return self.page

    def wait_for_live(self) -> None:
        pill = """document.querySelector('[data-live="connection"]')"""
        self.page.wait_for_function(f"() => {pill}.textContent.trim() === 'Live'")


@pytest.fixture
def window(system: System, browser: Browser, session: object):
    """Make windows; at the end none of them may have complained."""
    made: list[Window] = []

    def make(**options: object) -> Window:
        given = {"viewport": {"width": 1440, "height": 900}, **options}
        context = browser.new_context(base_url=system.url, storage_state=session, **given)
        made.append(Window(context))
        return made[-1]

    yield make
    complaints = [text for one in made for text in one.complaints]
    for one in made:
        one.context.close()
    assert complaints == []
