"""The page for people names every route, loads nothing and runs nothing."""

import base64
import hashlib
import re

from chaindeck.node.api.table import list_routes


def test_page_names_every_route_with_its_scope(api):
    answer = api.get("/api/docs")
    text = answer.body.decode()
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    for route in list_routes(has_miner=True, has_dev_tools=True, has_peers=True):
        assert route.path in text
        assert route.scope is None or f"scope {route.scope}" in text


def test_page_has_no_script_and_its_policy_allows_its_own_style_only(api):
    answer = api.get("/api/docs")
    text = answer.body.decode()
    assert not re.search(r"<script|src=|javascript:|onload|http://|https://|style=", text)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert "unsafe" not in policy


def test_page_suits_light_and_dark(api):
    text = api.get("/api/docs").body.decode()
    assert "color-scheme: light dark" in text
    assert "prefers-color-scheme: dark" in text
