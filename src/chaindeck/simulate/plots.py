"""Plots as HTML with one stretched SVG each: lines, dots and bars that any width suits.

The drawing is stretched to the width there is, and what is written stands beside it as text, so
that it has one size on a telephone and on a wall. Strokes do not scale. No script, no file from
elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import msgspec

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_TICKS = 4


class Line(msgspec.Struct, frozen=True):
    """One line or cloud of dots."""

    name: str
    points: Sequence[tuple[float, float]]
    tone: str
    """A CSS class of the page: tone-1, tone-2, tone-quiet."""

    is_dots: bool = False


class Axes(msgspec.Struct, frozen=True, kw_only=True):
    """What a plot shows from where to where."""

    x_end: float
    y_end: float
    x_unit: str
    y_unit: str
    bands: Sequence[tuple[float, float]] = ()
    """Spans of x that are shaded."""


def nice_end(value: float) -> float:
    """Return a round number that is not below a value."""
    return nice_step(value) * math.ceil(value / nice_step(value) - 1e-9) if value > 0 else 1.0


def nice_step(end: float) -> float:
    """Return a round distance that fits a few times into an axis."""
    if end <= 0:
        return 1.0
    raw = end / _TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    return next(step * power for step in _STEPS if step * power >= raw * (1 - 1e-9))


def ticks(end: float) -> list[float]:
    step = nice_step(end)
    return [step * place for place in range(int(end / step + 1e-9) + 1)]


def short(value: float) -> str:
    """Write a number for an axis: no more digits than it needs."""
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"


def plot(title: str, lines: Sequence[Line], axes: Axes) -> str:
    """Return one plot with its legend."""
    shapes = [_band(start, end, axes) for start, end in axes.bands]
    shapes += [_grid(value, axes) for value in ticks(axes.y_end)]
    shapes += [_shape(line, axes) for line in lines if line.points]
    legend = "".join(
        f'<span class="key"><i class="{line.tone}"></i>{escape(line.name)}</span>'
        for line in lines
        if line.name
    )
    across = "".join(
        f'<span style="left:{value / axes.x_end:.2%}">{short(value)}</span>'
        for value in ticks(axes.x_end)
    )
    up = "".join(
        f'<span style="bottom:{value / axes.y_end:.2%}">{short(value)}</span>'
        for value in ticks(axes.y_end)
    )
    return (
        f'<figure><figcaption>{escape(title)}<span class="keys">{legend}</span></figcaption>'
        f'<div class="plot"><div class="up">{up}</div>'
        f'<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" role="img"'
        f' aria-label="{escape(title)}">{"".join(shapes)}</svg>'
        f'<div class="across">{across}</div></div>'
        f'<p class="units">{escape(axes.y_unit)} over {escape(axes.x_unit)}</p></figure>'
    )


def bars(title: str, rows: Sequence[tuple[str, float, str]], note: str) -> str:
    """Return one bar for each name and value, with what is written behind it."""
    most = max((value for _, value, _ in rows), default=0) or 1
    body = "".join(
        f'<div class="bar"><span>{escape(name)}</span>'
        f'<span class="track">{_filled(value / most)}</span>'
        f"<span>{escape(label)}</span></div>"
        for name, value, label in rows
    )
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<div class="bars">{body}</div><p class="units">{escape(note)}</p></figure>'
    )


def _filled(share: float) -> str:
    return f'<i style="width:{share:.2%}"></i>' if share else ""


def _shape(line: Line, axes: Axes) -> str:
    places = [_place(x, y, axes) for x, y in line.points]
    if line.is_dots:
        dots = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places)
        return f'<path class="dots {line.tone}" d="{dots}"/>'
    way = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    return f'<path class="line {line.tone}" d="M{way}"/>'


def _place(x: float, y: float, axes: Axes) -> tuple[float, float]:
    return (
        1000 * min(1.0, max(0.0, x / axes.x_end)),
        1000 * (1 - min(1.0, max(0.0, y / axes.y_end))),
    )


def _grid(value: float, axes: Axes) -> str:
    _, y = _place(0, value, axes)
    return f'<path class="grid" d="M0 {y:.1f}H1000"/>'


def _band(start: float, end: float, axes: Axes) -> str:
    (left, _), (right, _) = _place(start, 0, axes), _place(end, 0, axes)
    return f'<rect class="band" x="{left:.1f}" width="{right - left:.1f}" y="0" height="1000"/>'
