"""Pages by keyboard alone."""

import pytest

pytestmark = pytest.mark.needs("chromium")


def test_skip_link_comes_first_and_goes_to_the_page(window, system):
    opened = window()
    page = opened.open("/chain/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "page"


def test_every_stop_on_the_way_through_is_seen(window, system):
    page = window().open("/")
    for _ in range(40):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => { const one = document.activeElement; if (one === document.body) return true;
            const style = getComputedStyle(one); const box = one.closest('.search') ?? one;
            return style.outlineStyle !== 'none' || getComputedStyle(box).boxShadow !== 'none'; }"""
        )
        assert seen, page.evaluate("document.activeElement.outerHTML")


def test_search_suggests_and_arrows_choose(window, system):
    page = window().open("/")
    page.keyboard.press("/")
    page.keyboard.type("12")
    page.get_by_role("option").first.wait_for()
    page.wait_for_load_state()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Block 12").wait_for()


def test_letters_go_to_rooms_and_arrows_to_blocks(window, system):
    opened = window()
    page = opened.open("/")
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.get_by_role("heading", name="Memory pool").wait_for()
    page.goto("/block/12")
    page.keyboard.press("ArrowLeft")
    page.get_by_role("heading", name="Block 11").wait_for()
    opened.wait_for_live()
    page.keyboard.press("ArrowRight")
    page.get_by_role("heading", name="Block 12").wait_for()
    opened.wait_for_live()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    dialog.get_by_role("checkbox").check()
    page.keyboard.press("Escape")
    # A dialog that is about to close still has the keys.
    dialog.wait_for(state="hidden")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("?")
    dialog.wait_for()
    assert page.get_by_role("heading", name="Block 12").is_visible()
