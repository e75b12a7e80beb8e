"""Every page on a real system: no complaint, no sideways scrolling, nothing that axe-core finds."""

import pytest

from tests.browser.conftest import AXE, SHOTS
from tests.records.growing import OWNERS, address

pytestmark = pytest.mark.needs("chromium")
PAGES = {
    "overview": "/",
    "kiosk": "/?kiosk",
    "blocks": "/chain/",
    "block": "/block/31",
    "transaction": "",
    "unseen": f"/tx/{'ab' * 32}",
    "address": f"/address/{address(OWNERS[0])}",
    "mempool": "/mempool",
    "network": "/network/",
    "node": "/nodes/node-1",
    "search": "/search?q=nothing-of-that-name",
    "about": "/about",
    "profile": "/profile",
    "tokens": "/tokens",
    "people": "/people",
    "api": "/api/docs",
    "design": "/design",
    "malformed": "/chain/?after=nonsense",
    "not-there": "/nowhere",
}
AXE_RULES = (
    "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
)


def address_of(name, system):
    if PAGES[name]:
        return PAGES[name]
    ((tx_id,),) = system.coordinator.query(
        "SELECT tx_hash FROM transactions WHERE id >= 0 AND fee >= 0 ORDER BY id DESC LIMIT 1"
    )
    return f"/tx/{tx_id}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_clean_and_accessible(window, system, scheme):
    opened = window(color_scheme=scheme)
    SHOTS.mkdir(parents=True, exist_ok=True)
    found = {}
    for name in PAGES:
        page = opened.open(address_of(name, system))
        page.evaluate(AXE.read_text())
        result = page.evaluate(AXE_RULES)
        for rule in result["violations"]:
            found[name, rule["id"]] = [node["html"][:160] for node in rule["nodes"][:3]]
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.screenshot(path=SHOTS / f"{name}-{scheme}-1440.png", full_page=True)
    assert found == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 768])
def test_pages_fit_narrow_screens(window, system, width, scheme):
    opened = window(viewport={"width": width, "height": 800}, color_scheme=scheme)
    wide = {}
    for name in PAGES:
        page = opened.open(address_of(name, system))
        extra = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if extra > 0:
            wide[name] = extra
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.screenshot(path=SHOTS / f"{name}-{scheme}-{width}.png", full_page=True)
    assert wide == {}


def test_compact_rows_are_lower_and_every_link_stays_large_enough(window, system):
    opened = window()
    heights = {}
    for density in ("compact", "comfortable"):
        page = opened.open("/profile")
        page.get_by_label("Density").select_option(density)
        with page.expect_navigation():
            page.get_by_role("button", name="Keep").first.click()
        page = opened.open("/chain/")
        assert (page.locator("html").get_attribute("data-density") == "compact") is (
            density == "compact"
        )
        heights[density] = page.locator("tbody tr").nth(1).bounding_box()["height"]
        links = page.locator("tbody td a").evaluate_all(
            "links => links.map((link) => link.getBoundingClientRect().height)"
        )
        assert min(links) >= 24
        page.screenshot(path=SHOTS / f"blocks-{density}-1440.png", full_page=True)
    assert heights["compact"] < heights["comfortable"]


def test_pages_hold_at_double_zoom(window, system):
    # 200 % zoom of a 1280 px window is 640 px at two device pixels each.
    opened = window(viewport={"width": 640, "height": 400}, device_scale_factor=2)
    for name in ("overview", "blocks", "design"):
        page = opened.open(address_of(name, system))
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name


def test_everything_is_readable_without_scripts(window, system):
    opened = window(java_script_enabled=False, viewport={"width": 390, "height": 800})
    for name in PAGES:
        opened.open(address_of(name, system))
        assert opened.page.locator("h1").count() == 1, name
    page = opened.open("/")
    assert (
        page.get_by_role("navigation", name="Rooms").get_by_role("link", name="Blocks").is_visible()
    )
    page.get_by_role("searchbox").or_(page.get_by_role("combobox")).fill("7")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Block 7").wait_for()
    page.get_by_role("link", name="Previous").click()
    page.get_by_role("heading", name="Block 6").wait_for()


def test_first_visit_is_small_and_loads_nothing_from_elsewhere(window, system):
    opened = window()
    foreign, sizes = [], []

    def note(response):
        if not response.url.startswith(system.url):
            foreign.append(response.url)
        sizes.append(response.request.sizes()["responseBodySize"])

    opened.page.on("requestfinished", lambda request: note(request.response()))
    opened.open("/").wait_for_load_state("networkidle")
    assert foreign == []
    assert 10_000 < sum(sizes) <= 120 * 1024


def test_reduced_motion_leaves_nothing_moving(window, system):
    opened = window(reduced_motion="reduce")
    opened.open("/")
    opened.wait_for_live()
    system.mine()
    new = opened.page.locator("[data-new]").first
    new.wait_for()
    assert new.evaluate("node => getComputedStyle(node).animationDuration") == "1e-05s"


def test_chart_below_the_fold_is_drawn_when_it_comes_into_sight(window, system):
    page = window(viewport={"width": 390, "height": 700}).open_with_charts("/")
    chart = page.locator('[data-chart="hash_rate"]')
    assert chart.locator("canvas").count() == 0
    chart.scroll_into_view_if_needed()
    chart.locator("canvas").wait_for()
    below = page.locator('[data-chart="tx_rate"]')
    page.reload()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    below.locator("canvas").wait_for()
