"""How pages write amounts, times, hashes and states."""

import json
from pathlib import Path

import pytest
from django.template import Context

from chaindeck.control import assets
from chaindeck.control.pages.shown import fill, rates
from tests.records.databases import prepare_django

prepare_django()
from chaindeck.control.templatetags import deck  # noqa: E402 - Django is configured first

CASES = json.loads((Path(__file__).parents[2] / "frontend/text.cases.json").read_text())
WRITERS = {
    **{name: getattr(deck, name) for name in ("span", "ago", "count", "figure", "size", "short")},
    "coins": deck.coins,
    "fill": lambda given: fill(*given),
    "rates": rates,
}


@pytest.fixture(autouse=True)
def built(monkeypatch):
    monkeypatch.setattr(assets, "manifest", lambda: {"icons.svg": "icons.svg"})


@pytest.mark.parametrize("name", sorted(CASES))
def test_server_says_what_scripts_say(name):
    assert [WRITERS[name](given) for given, _ in CASES[name]] == [said for _, said in CASES[name]]


@pytest.mark.parametrize("writer", [deck.coins, deck.count, deck.figure, deck.offset, deck.size])
@pytest.mark.parametrize("unknown", [None, ""])
def test_what_is_not_known_is_a_dash(writer, unknown):
    assert writer(unknown) == "—"


@pytest.mark.parametrize(
    ("span_ms", "said"),
    [
        (0, "0 ms"),
        (12, "+12 ms"),
        (-999, "\N{MINUS SIGN}999 ms"),
        (1_000, "+1.0 s"),
        (-3_420, "\N{MINUS SIGN}3.4 s"),
    ],
)
def test_clock_is_ahead_or_behind(span_ms, said):
    assert deck.offset(span_ms) == said


def test_time_says_how_long_ago_and_when_exactly():
    text = deck.when(Context({"now_ms": 1_700_000_065_000}), 1_700_000_000_000)
    assert ">1 min ago</time>" in text
    assert 'title="2023-11-14 22:13:20 UTC"' in text
    assert deck.when(Context({"now_ms": 0}), None) == "never"


def test_hash_is_short_to_the_eye_whole_to_the_clipboard_and_escaped():
    text = deck.hashed('"><script>' + "a" * 60, "/tx/1", "id")
    assert "<script>" not in text
    assert 'data-copy="&quot;&gt;&lt;script&gt;' in text
    assert 'href="/tx/1"' in text


def test_pill_has_look_icon_and_word():
    text = deck.pill("warn", "<late>", "connection")
    assert 'data-status="warn"' in text
    assert "#alert" in text
    assert "&lt;late&gt;" in text
    assert 'data-live="connection"' in text


@pytest.mark.parametrize("state", sorted(deck.STATES))
def test_every_state_has_an_icon_that_is_drawn(state):
    icons = (Path(__file__).parents[3] / "frontend/icons.svg").read_text()
    assert f'id="{deck.STATES[state][1]}"' in icons


def test_sparkline_needs_two_values_and_fills_its_height():
    assert 'data-line="1"><polygon points=""/><polyline points=""/>' in deck.sparkline([1.0])
    assert 'data-line=""' in deck.sparkline([])
    text = deck.sparkline([1.0, 3.0, 2.0])
    assert 'points="0.0,26.0 50.0,2.0 100.0,14.0"' in text
    assert "26.0" in deck.sparkline([5.0, 5.0])


def test_empty_panel_says_why_and_what_next():
    assert deck.nothing("No", "why", "/x", "Go")["step"] == "Go"
    assert deck.asset("icons.svg") == "/static/icons.svg"
