"""Browsers are named in words, by what they really send."""

import pytest

from chaindeck.control.people.agents import agent_words

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Linux",
        ),
        (
            (
                f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/150.0.0.0 Safari/537.36"
                " Edg/150.0.0.0"
            ),
            "Edge on Windows",
        ),
        (
            f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/150.0.0.0 Safari/537.36",
            "Chrome on Linux",
        ),
        (
            (
                f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {WEBKIT} Chrome/150.0.0.0 Mobile"
                " Safari/537.36"
            ),
            "Chrome on Android",
        ),
        (
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like"
                " Gecko) Version/18.5 Safari/605.1.15"
            ),
            "Safari on macOS",
        ),
        (
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML"
                ", like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
            ),
            "Safari on iPhone",
        ),
        (
            f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} HeadlessChrome/150.0.0.0 Safari/537.36",
            "Chrome without a window on Linux",
        ),
        ("curl/8.14.1", "curl"),
        ("A program of somebody's own on Linux", ""),
        ("", ""),
    ],
)
def test_browser_and_system_are_named(agent, words):
    assert agent_words(agent) == words
