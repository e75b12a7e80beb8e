"""The API for people: one page, made of the table of routes, with nothing to load and no script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from html import escape

import msgspec

from chaindeck.node.api.requests import HeaderPairs
from chaindeck.node.api.routes import Route
from chaindeck.node.feed import TOPICS

_STYLE = """
:root { color-scheme: light dark; --text: #0F1720; --soft: #475264; --line: #E1E5EB;
  --canvas: #F6F7F9; --card: #FFFFFF; --accent: #1D5FD1; }
@media (prefers-color-scheme: dark) { :root { --text: #E6EBF2; --soft: #A9B4C2; --line: #263140;
  --canvas: #0B0F14; --card: #12181F; --accent: #6AA5FF; } }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem; background: var(--canvas);
  color: var(--text); font: 14px/20px system-ui, sans-serif; }
h1 { font-size: 24px; line-height: 32px; } h2 { font-size: 18px; margin-top: 2rem; }
a { color: var(--accent); } p, dd { color: var(--soft); }
article { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  margin: .5rem 0; padding: .75rem 1rem; overflow-wrap: anywhere; }
h3 { font: 600 14px/20px ui-monospace, monospace; margin: 0; }
h3 b { color: var(--accent); display: inline-block; min-width: 3.5rem; }
article p { margin: .25rem 0 0; } code { font-family: ui-monospace, monospace; font-size: 13px; }
"""
_INTRODUCTION = """
<p>Every error is <code>{"error": {"code", "message", "field"}}</code>. Programs on the node's own
machine may read and submit without a token; all else needs <code>Authorization: Bearer ...</code>
with the scope that is named. The same as a document for programs:
<a href="/api/openapi.json">/api/openapi.json</a>.</p>
"""


def render_page(routes: Sequence[Route]) -> bytes:
    parts = [
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>Chaindeck node API</title><style>{_STYLE}</style></head><body><main>",
        "<h1>Chaindeck node API</h1>",
        _INTRODUCTION,
        *_articles(routes),
        "<h2>Events</h2><article><h3><b>WS</b> /ws/events</h3>",
        f"<p>Topics: {', '.join(TOPICS)}. Parameters: <code>topics</code>, <code>since</code> and",
        "<code>epoch</code>. Scope: read.</p></article></main></body></html>\n",
    ]
    return "\n".join(parts).encode()


def page_headers() -> HeaderPairs:
    """Let a browser load nothing, and use this very style."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    )
    return ((b"content-security-policy", policy.encode()), (b"referrer-policy", b"no-referrer"))


def _articles(routes: Sequence[Route]) -> Iterator[str]:
    section = ""
    for route in routes:
        title = route.path.split("/")[2] if route.path.startswith("/api/") else "process"
        title = title if title in ("admin", "dev", "process") else "chain"
        if title != section:
            section = title
            yield f"<h2>{escape(section.capitalize())}</h2>"
        yield _article(route)


def _article(route: Route) -> str:
    scope = f"scope {route.scope}" if route.scope else "open to all"
    body = ""
    if route.body is not None:
        also = " or packed bytes" if route.takes_bytes else ""
        body = f"<p>Body: JSON{also}.</p>"
    return (
        f"<article><h3><b>{route.method}</b> {escape(route.path)}</h3>"
        f"<p>{escape(route.summary)}.</p>{_parameters(route)}{body}"
        f"<p>{escape(scope)}, cost {route.cost}</p></article>"
    )


def _parameters(route: Route) -> str:
    names = [field.encode_name for field in msgspec.structs.fields(route.query)]
    shown = ", ".join(f"<code>{escape(name)}</code>" for name in names)
    return f"<p>Parameters: {shown}.</p>" if names else ""
