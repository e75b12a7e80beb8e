"""The page about a run: whole, self-contained, and right where there is little to say."""

import re
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from chaindeck.simulate.plots import Axes, Line, bars, nice_end, plot, short, ticks
from chaindeck.simulate.report import render_report
from chaindeck.simulate.results import Fault, Recovered
from chaindeck.simulate.running import Run
from tests.simulate.networks import scenario

VOID = {"meta", "path", "rect", "br"}


class Page(HTMLParser):
    """Notes what is open, what is linked, and what is written."""

    def __init__(self, text):
        super().__init__()
        self.open = []
        self.links = []
        self.tags = set()
        self.headings = []
        self.drawn = {}
        """How many plots and bars stand below each heading."""
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag == "svg" or ("class", "bar") in attributes:
            self.drawn[self.headings[-1]] = self.drawn.get(self.headings[-1], 0) + 1
        self.links += [value for name, value in attributes if name in {"href", "src"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)
        if not self.open or self.open[-1] != "style":
            self.text += data


@pytest.fixture(scope="module")
def result():
    return Run(
        scenario(
            count=4,
            duration_s=120,
            mining={"miners": 3},
            load={"payments_per_s": 1, "conflict_percent": 20},
            faults=[
                {"kind": "partition", "at_s": 20, "heal_s": 80},
                {"kind": "crash", "at_s": 90, "restart_s": 100},
            ],
        ),
        name="<two & two>",
    ).finish()


def test_page_is_whole_and_needs_nothing_from_elsewhere(result):
    text = render_report(result)
    page = Page(text)
    assert not page.open
    assert not page.links
    assert "script" not in page.tags
    assert "prefers-color-scheme" in text
    assert "width=device-width" in text
    assert "url(" not in text
    assert "@import" not in text


def test_page_tells_what_was_measured(result):
    page = Page(render_report(result))
    for words in (
        "<two & two>", "How news spreads", "Blocks found in vain", "1 - exp(-delay / interval)",
        "Block intervals", "Payments", "Bandwidth", "Recovery", "restart after a crash",
        result.trace_hash, "Seed 1",
    ):  # fmt: skip
        assert words in page.text


def test_what_a_run_is_made_for_is_drawn(result):
    drawn = Page(render_report(result)).drawn
    assert drawn["How news spreads"] == 1
    assert drawn["Blocks found in vain"] == 2
    assert drawn["Bandwidth"] >= 2
    assert drawn["Reorganisations"] == len(result.reorganisations) >= 1
    assert drawn["Recovery"] == len(result.recoveries) >= 2


def test_bars_say_what_the_words_say(result):
    stale = replace(result.stale, rate=0.1, expected=0.05)
    recoveries = [
        Recovered("crash", 10.0, 4.0), Recovered("crash", 20.0, 1.0), Recovered("join", 30.0, None),
    ]  # fmt: skip
    text = render_report(replace(result, stale=stale, recoveries=recoveries))
    after = text.split("Blocks found in vain</h2>")[1].split("</section>")[0]
    assert re.findall(r"width:([0-9.]+)%", after) == ["100.00", "50.00"]
    after = text.split("Recovery</h2>")[1].split("</section>")[0]
    assert re.findall(r"width:([0-9.]+)%", after) == ["100.00", "25.00"]
    assert after.index("not yet") < after.index("4.0 s")


def test_page_about_a_broken_rule_begins_with_it(result):
    fault = Fault("tips-differ", "All share one tip.", "two <tips>", 3, 12.5)
    page = Page(render_report(replace(result, status="broken", fault=fault)))
    assert "tips-differ" in page.text
    assert "after 12.500 virtual seconds, at node 3" in page.text
    assert "two <tips>" in page.text


def test_page_of_an_empty_run_leaves_out_what_is_not_there():
    result = Run(scenario(count=1, duration_s=1, settle_s=1, mining={"miners": 0})).finish()
    page = Page(render_report(result))
    assert not page.open
    for words in ("How news spreads", "Blocks found in vain", "Payments", "Reorganisations"):
        assert words not in page.text


def test_long_list_of_recoveries_is_cut(result):
    many = replace(result, recoveries=result.recoveries * 40)
    page = Page(render_report(many))
    assert "The 40 slowest of" in page.text


@pytest.mark.parametrize(
    ("end", "nice"), [(0, 1), (0.7, 0.8), (9, 10), (10, 10), (11, 15), (99, 100), (1234, 1500)]
)
def test_axes_end_at_round_numbers(end, nice):
    assert nice_end(end) == pytest.approx(nice)
    assert ticks(nice_end(end))[0] == 0
    assert 3 <= len(ticks(nice_end(end))) <= 6


def test_numbers_on_axes_are_short():
    assert [short(value) for value in (0, 0.25, 2, 2.5, 1000)] == ["0", "0.25", "2", "2.5", "1,000"]


def test_plot_keeps_what_is_beyond_its_axes_at_their_edge():
    axes = Axes(x_end=10, y_end=10, x_unit="s", y_unit="%", bands=[(2, 20)])
    drawn = plot("A", [Line("b", [(5, 50), (-1, -1)], "tone-1"), Line("c", [], "tone-2")], axes)
    assert "M500.0 0.0L0.0 1000.0" in drawn
    assert 'width="800.0"' in drawn


def test_bar_of_nothing_has_no_length():
    assert "width" not in bars("A", [("b", 0.0, "0")], "")
    assert bars("A", [], "")
