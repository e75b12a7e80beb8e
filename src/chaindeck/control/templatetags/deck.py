"""How pages write amounts, times, hashes and states, each in one place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chaindeck.control.assets import url_of
from chaindeck.records.bulk import time_ms_of
from chaindeck.wallet.amounts import show_coins

register = template.Library()

UNITS_IN_COIN: Final = 10**8
UNKNOWN: Final = "—"
_SHOWN: Final = 8
"""Characters of a hash that are shown on either side of the gap."""

STATES: Final[dict[str, tuple[str, str]]] = {
    "ok": ("ok", "check"),
    "warn": ("warn", "alert"),
    "error": ("error", "cross"),
    "running": ("running", "play"),
    "idle": ("idle", "pause"),
}
"""Look and icon of each status; whatever is shown as a pill is one of these."""


@register.simple_tag
def asset(source: str) -> str:
    """Return where a built file is."""
    return url_of(source)


@register.simple_tag
def icon(name: str) -> SafeString:
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>',
        url_of("icons.svg"),
        name,
    )


@register.simple_tag
def pill(status: str, word: str, live: str = "") -> SafeString:
    """Say a status by colour, icon and word. `live` names what scripts keep up to date."""
    look, sign = STATES[status]
    return format_html(
        '<span class="pill" data-status="{}"{}>{}<span>{}</span></span>',
        look,
        format_html(' data-live="{}"', live) if live else "",
        icon(sign),
        word,
    )


def _is_unknown(value: object) -> bool:
    """Whether nothing is known; a template hands over empty text for what a context lacks."""
    return value is None or value == ""


@register.filter
def coins(units: int | None) -> str:
    """Write base units as coins: 1,234.5."""
    if units is None or _is_unknown(units):
        return UNKNOWN
    return show_coins(units)


@register.filter
def count(number: float | None) -> str:
    """Write a number with commas between thousands."""
    return UNKNOWN if number is None or _is_unknown(number) else f"{number:,.0f}"


@register.filter
def figure(value: float | None) -> str:
    """Write a measurement with three digits or so: 0.42, 9.8, 1,204."""
    if value is None or _is_unknown(value):
        return UNKNOWN
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


@register.filter
def offset(span_ms: int | None) -> str:
    """Write how far a clock is ahead or behind: +12 ms, +3.4 s."""
    if span_ms is None or _is_unknown(span_ms):
        return UNKNOWN
    sign = "+" if span_ms > 0 else "\N{MINUS SIGN}" if span_ms < 0 else ""
    away = abs(span_ms)
    return f"{sign}{away} ms" if away < 1_000 else f"{sign}{away / 1_000:,.1f} s"


@register.filter
def size(number: int | None) -> str:
    """Write bytes in the unit that fits."""
    if number is None or _is_unknown(number):
        return UNKNOWN
    value = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:,.0f} {unit}" if unit == "B" else f"{value:,.2f} {unit}"


@register.filter
def short(text: str) -> str:
    """Leave out the middle of a hash or an address."""
    return text if len(text) <= 2 * _SHOWN + 1 else f"{text[:_SHOWN]}…{text[-_SHOWN:]}"


@register.simple_tag
def hashed(text: str, url: str = "", kind: str = "hash") -> SafeString:
    """A hash or address that can be copied whole; hovering it lights up its equals."""
    shown = (
        format_html('<a href="{}" title="{}">{}</a>', url, text, short(text))
        if url
        else format_html('<span title="{}">{}</span>', text, short(text))
    )
    return format_html(
        '<span class="hash" data-same="{}">{}<button type="button" data-copy="{}"'
        ' aria-label="Copy {}">{}</button></span>',
        text,
        shown,
        text,
        kind,
        icon("copy"),
    )


@register.simple_tag(takes_context=True)
def when(context: template.Context, time_ms: int | None) -> SafeString | str:
    """A time: how long ago, and the absolute one on hover. Scripts keep it true."""
    if time_ms is None:
        return "never"
    now_ms = context["now_ms"]
    zone = ZoneInfo(getattr(context.get("user"), "time_zone", "UTC"))
    absolute = datetime.fromtimestamp(time_ms / 1000, zone)
    return format_html(
        '<time datetime="{}" data-ms="{}" title="{}">{}</time>',
        absolute.isoformat(timespec="milliseconds"),
        time_ms,
        f"{absolute:%Y-%m-%d %H:%M:%S %Z}",
        ago(now_ms - time_ms),
    )


@register.filter
def milliseconds(moment: datetime | None) -> int | None:
    """Return a moment as `when` takes it; there may be none."""
    return None if moment is None else time_ms_of(moment)


def ago(span_ms: int) -> str:
    """Write how long ago something was."""
    if span_ms < 0:
        return f"in {span(-span_ms)}" if span_ms < -1_000 else "now"
    return "now" if span_ms < 1_000 else f"{span(span_ms)} ago"


@register.filter
def span(span_ms: int) -> str:
    """Write a length of time in its two largest units."""
    seconds = span_ms // 1_000
    parts = (
        (seconds // 86_400, "d"),
        (seconds // 3_600 % 24, "h"),
        (seconds // 60 % 60, "min"),
        (seconds % 60, "s"),
    )
    first = next((place for place, (number, _) in enumerate(parts) if number), len(parts) - 1)
    shown = parts[first : first + (1 if first >= 2 else 2)]
    return " ".join(f"{number} {unit}" for number, unit in shown)


@register.inclusion_tag("parts/nothing.html")
def nothing(
    title: str, why: str = "", url: str = "", step: str = "", sign: str = "cube"
) -> dict[str, str]:
    """An empty panel: what is not there, why, and the next step."""
    return {"title": title, "why": why, "url": url, "step": step, "sign": sign}


@register.filter
def sparkline(values: Sequence[float]) -> SafeString:
    """Draw a series as a small line, its lowest at the bottom; scripts go on with it."""
    points = _points(values) if len(values) > 1 else ""
    return format_html(
        '<svg class="spark" viewBox="0 0 100 28" preserveAspectRatio="none" aria-hidden="true"'
        ' data-line="{}"><polygon points="{}"/><polyline points="{}"/></svg>',
        " ".join(f"{value:.6g}" for value in values),
        points and f"0,28 {points} 100,28",
        points,
    )


def _points(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    spread = (high - low) or 1.0
    step = 100 / (len(values) - 1)
    return " ".join(
        f"{place * step:.1f},{26 - 24 * (value - low) / spread:.1f}"
        for place, value in enumerate(values)
    )
