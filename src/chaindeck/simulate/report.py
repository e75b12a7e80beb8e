"""One page about one run: figures, plots and what they mean, in a single file for any reader."""

from __future__ import annotations

import math
from html import escape
from importlib import resources

from chaindeck.simulate.plots import Axes, Line, bars, nice_end, plot, short
from chaindeck.simulate.results import Curve, Percentiles, Recovered, Result, Stale

_STYLE = "report.css"
_MOST_ROWS = 40
_LONG_MS = 10_000
_EVENTS = {
    "partition": "partition",
    "crash": "restart after a crash",
    "return": "return of a node that had left",
    "join": "arrival of a fresh node",
    "end": "end of all faults",
}


def render_report(result: Result) -> str:
    """Return the page."""
    style = resources.files(__package__ or "").joinpath(_STYLE).read_text(encoding="utf-8")
    name = escape(result.scenario)
    parts = [
        _head(result),
        _fault(result),
        _figures(result),
        _spreading(result),
        _stale(result.stale),
        _intervals(result),
        _payments(result),
        _bandwidth(result),
        _reorganisations(result),
        _recoveries(result.recoveries),
        _foot(result),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{name}, simulated</title><style>{style}</style></head>"
        f"<body><main>{''.join(part for part in parts if part)}</main></body></html>\n"
    )


def _head(result: Result) -> str:
    return (
        f'<header><p class="status {result.status}">{result.status}</p>'
        f"<h1>{escape(result.scenario)}</h1><p>{escape(result.about)}</p></header>"
    )


def _fault(result: Result) -> str:
    fault = result.fault
    if fault is None:
        return ""
    node = "" if fault.node is None else f", at node {fault.node}"
    return (
        f'<section class="fault"><h2>{escape(fault.rule)}</h2><p>{escape(fault.sentence)}</p>'
        f"<p>Broken after {fault.at_s:,.3f} virtual seconds{node}:</p>"
        f"<pre>{escape(fault.detail)}</pre></section>"
    )


def _figures(result: Result) -> str:
    figures = [
        ("honest nodes", f"{result.nodes:,}"),
        ("adversaries", f"{result.adversaries:,}"),
        ("virtual time", _duration(result.virtual_s)),
        ("blocks in the chain", f"{result.height:,}"),
        ("payments", f"{result.payments_total:,}"),
        ("events", f"{result.events:,}"),
        ("events a second", f"{result.events_per_s:,.0f}"),
        ("times real time", short(result.speed)),
    ]
    cells = "".join(f"<div><dd>{value}</dd><dt>{name}</dt></div>" for name, value in figures)
    return f'<dl class="figures">{cells}</dl>'


def _spreading(result: Result) -> str:
    curves = [
        ("blocks", result.blocks_curve, result.blocks, "tone-1"),
        ("payments", result.payments_curve, result.payments, "tone-2"),
    ]
    drawn = [(name, found, tone) for name, found, _, tone in curves if found is not None]
    if not drawn:
        return ""
    end_ms = nice_end(max(found.ms[-1] for _, found, _ in drawn))
    scale, unit = (1_000, "seconds") if end_ms >= _LONG_MS else (1, "milliseconds")
    lines = [Line(name, _points(found, end_ms, scale), tone) for name, found, tone in drawn]
    axes = Axes(x_end=end_ms / scale, y_end=100, x_unit=unit, y_unit="% of nodes")
    rows = "".join(
        _percentile_row(name, spread) for name, _, spread, _ in curves if spread is not None
    )
    return (
        "<section><h2>How news spreads</h2>"
        "<p>From the moment in which a block is found, or a payment handed in, until a node has it"
        " in its chain or pool.</p>"
        f"{plot('Share of nodes reached', lines, axes)}"
        "<table><thead><tr><th></th><th>half</th><th>95 %</th><th>99 %</th><th>last</th></tr>"
        f"</thead><tbody>{rows}</tbody></table></section>"
    )


def _points(curve: Curve, end_ms: float, scale: float) -> list[tuple[float, float]]:
    points = [(ms / scale, 100 * share) for ms, share in zip(curve.ms, curve.share, strict=True)]
    # A curve that ends before its neighbour does has arrived.
    return [*points, (end_ms / scale, points[-1][1])]


def _percentile_row(name: str, spread: Percentiles) -> str:
    cells = (spread.p50_ms, spread.p95_ms, spread.p99_ms, spread.max_ms)
    written = "".join(f"<td>{_milliseconds(value)}</td>" for value in cells)
    return f"<tr><th>{name}</th>{written}</tr>"


def _stale(stale: Stale | None) -> str:
    if stale is None:
        return ""
    rows = [
        ("found in vain", stale.rate, f"{stale.rate:.2%}"),
        ("theory expects", stale.expected, f"{stale.expected:.2%}"),
    ]
    return (
        "<section><h2>Blocks found in vain</h2>"
        f"<p><b>{stale.stale} of {stale.found}</b> blocks, {stale.rate:.2%}, lost a race;"
        f" theory expects {stale.expected:.2%}.</p>"
        "<p>While a block travels, miners who have not heard of it go on with the old one. Blocks"
        f" come every {stale.interval_s:,.1f} s on average and reach a miner after"
        f" {_milliseconds(1000 * stale.delay_s)} (median, weighted by hash rate). The next one is"
        " found in that time with probability <code>1 - exp(-delay / interval)</code>; the mean of"
        " that over all blocks is what to expect. Partitions count as delay; the time in which a"
        " miner is down does not.</p>"
        + bars("Share of blocks in vain", rows, "of all blocks that were found")
        + "</section>"
    )


def _intervals(result: Result) -> str:
    if not result.intervals:
        return ""
    took = sorted(interval for _, interval in result.intervals)
    y_end = nice_end(took[min(len(took) - 1, int(len(took) * 0.99))] * 1.1)
    mean_s = sum(took) / len(took)
    lines = [
        Line("one block", result.intervals, "tone-1", is_dots=True),
        Line("mean", [(0, mean_s), (result.virtual_s, mean_s)], "tone-2"),
    ]
    shaded = " Shaded: the network was parted." if result.islands else ""
    axes = Axes(
        x_end=result.virtual_s,
        y_end=y_end,
        x_unit="virtual seconds",
        y_unit="seconds since the block before",
        bands=result.islands,
    )
    return (
        "<section><h2>Block intervals</h2>"
        f"<p>{mean_s:,.1f} s on average, {took[-1]:,.1f} s at most.{shaded}</p>"
        f"{plot('Interval of each block', lines, axes)}</section>"
    )


def _payments(result: Result) -> str:
    if not result.payments_total:
        return ""
    rows = [(fate, float(count), f"{count:,}") for fate, count in result.fates.items() if count]
    note = (
        "Refused and dropped payments were told why: most are the losing halves of two that spend"
        " one coin, and what builds on them. Lost is what only a node had that crashed."
    )
    return f"<section><h2>Payments</h2>{bars('What became of them', rows, note)}</section>"


def _bandwidth(result: Result) -> str:
    found = result.bandwidth
    if found is None:
        return ""
    rows = [(f"to {_kilobytes(end)}", float(count), f"{count:,}") for end, count in found.histogram]
    return (
        "<section><h2>Bandwidth</h2>"
        f"<p>Half of the nodes sent up to {_kilobytes(found.p50)} a second, 95 % up to"
        f" {_kilobytes(found.p95)}, the busiest {_kilobytes(found.max)}.</p>"
        + bars("Nodes by what they sent a second", rows, "over the whole run")
        + "</section>"
    )


def _reorganisations(result: Result) -> str:
    if not result.reorganisations:
        return ""
    rows = [
        (_blocks(depth), float(count), f"{count:,}")
        for depth, count in result.reorganisations.items()
    ]
    return (
        "<section><h2>Reorganisations</h2>"
        + bars("How many blocks were undone", rows, "counted once for each node")
        + "</section>"
    )


def _recoveries(recoveries: list[Recovered]) -> str:
    if not recoveries:
        return ""
    slowest = sorted(recoveries, key=lambda item: -_lasting(item))[:_MOST_ROWS]
    rows = "".join(
        f"<tr><th>{_event(item)}</th><td>{item.at_s:,.0f} s</td><td>{_took(item)}</td></tr>"
        for item in slowest
    )
    drawn = [
        (f"{_event(item)}, {item.at_s:,.0f} s", item.took_s or 0.0, _took(item)) for item in slowest
    ]
    left_out = len(recoveries) - _MOST_ROWS
    more = f"<p>The {_MOST_ROWS} slowest of {len(recoveries)}.</p>" if left_out > 0 else ""
    return (
        "<section><h2>Recovery</h2>"
        "<p>Until all who were concerned had as much work as the best of all had then, the slowest"
        " first.</p>"
        + bars("Time to catch up", drawn, "seconds; what is not over yet has no bar")
        + "<table><thead><tr><th>after</th><th>at</th><th>took</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>{more}</section>"
    )


def _event(item: Recovered) -> str:
    return _EVENTS.get(item.what, item.what)


def _lasting(item: Recovered) -> float:
    return math.inf if item.took_s is None else item.took_s


def _took(item: Recovered) -> str:
    return "not yet" if item.took_s is None else _milliseconds(1000 * item.took_s)


def _foot(result: Result) -> str:
    return (
        f"<footer><p>Seed {result.seed}, Chaindeck {escape(result.version)},"
        f" {result.wall_s:,.1f} s of real time.</p>"
        f"<p>Trace <code>{result.trace_hash}</code>: the same scenario, seed and commit give the"
        " same.</p></footer>"
    )


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:,.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def _milliseconds(value: float) -> str:
    if value >= 10_000:
        return f"{value / 1000:,.0f} s"
    return f"{value / 1000:,.1f} s" if value >= 1_000 else f"{value:,.3g} ms"


def _kilobytes(value: float) -> str:
    if value >= 1_000:
        return f"{value / 1000:,.2f} MB"
    return f"{value:,.1f} KB" if value >= 1 else f"{1000 * value:,.0f} B"


def _blocks(count: int) -> str:
    return "1 block" if count == 1 else f"{count} blocks"
