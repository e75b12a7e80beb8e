"""`chaindeck simulate`: let a whole network live in virtual time, and look at every step of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from chaindeck.cli.output import (
    DONE,
    FAILED,
    MISUSE,
    print_error,
    print_fields,
    print_json,
    print_table,
    progress_bar,
)
from chaindeck.simulate.errors import SimulateError
from chaindeck.simulate.report import render_report
from chaindeck.simulate.results import Percentiles, Result
from chaindeck.simulate.running import Run
from chaindeck.simulate.scenario import Scenario, convert_scenario, shorten
from chaindeck.simulate.scenarios import load_scenario, names

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_verb(verbs: _SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser(
        "simulate",
        help="simulate a network of nodes in virtual time",
        description="Simulate a network: the very code that nodes run, in one process and in"
        " virtual time, with links, clocks, crashes and adversaries drawn from one seed. Rules are"
        " looked at after every step; a broken one ends the run with exit code 1 and the command"
        " that repeats it.",
    )
    verb.add_argument(
        "scenario",
        nargs="?",
        default="small-office",
        metavar="SCENARIO",
        help="a shipped scenario, a TOML file, or swarm-N for one drawn from the number N"
        " (default: small-office)",
    )
    verb.add_argument("--list", action="store_true", help="list the shipped scenarios, and end")
    verb.add_argument("--seed", type=int, metavar="N", help="of all chance (default: the file's)")
    verb.add_argument("--nodes", type=int, metavar="N", help="honest nodes (default: the file's)")
    verb.add_argument(
        "--duration", type=float, metavar="SECONDS", help="virtual time (default: the file's)"
    )
    verb.add_argument(
        "--replay",
        metavar="HASH",
        help="the trace hash of an earlier run, or its start: exit 1 unless this run's is the same",
    )
    verb.add_argument("--report", type=Path, metavar="FILE", help="write a page about the run")
    verb.add_argument("--json", action="store_true", help="write the result as JSON")
    verb.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Simulate and show; 1 where a rule broke, 2 for no scenario, or no place for the page."""
    if options.list:
        rows = [{"scenario": name, "about": load_scenario(name).about} for name in names()]
        print_table(("scenario", "about"), rows, as_json=options.json)
        return DONE
    try:
        scenario = _chosen(options)
        if options.report:
            _check_place(options.report)
    except SimulateError as error:
        where = f", at {error.field}" if error.field else ""
        print_error(f"{error} ({error.code}{where})")
        return MISUSE
    except OSError as error:
        print_error(f"{error.filename}: {error.strerror}")
        return MISUSE
    name = options.scenario
    result = Run(scenario, name=name).finish(progress_bar(name, "virtual s"))
    # Shown first: whatever becomes of the page, a long run is not lost.
    _show(result, as_json=options.json)
    if options.report:
        options.report.write_text(render_report(result), encoding="utf-8")
    return _judge(result, options)


def _check_place(path: Path) -> None:
    """Raise `OSError` where no page can be written; a page that is there stays until the end."""
    place = path.resolve()
    is_new = not place.exists()
    place.open("ab").close()
    if is_new:
        place.unlink()


def _chosen(options: argparse.Namespace) -> Scenario:
    """Return the scenario with what the command line changes of it, checked again."""
    scenario = load_scenario(options.scenario)
    if options.seed is not None:
        scenario = replace(scenario, seed=options.seed)
    if options.nodes is not None:
        scenario = replace(scenario, nodes=replace(scenario.nodes, count=options.nodes))
    if options.duration is not None:
        scenario = shorten(scenario, options.duration)
    return convert_scenario(msgspec.to_builtins(scenario))


def _judge(result: Result, options: argparse.Namespace) -> int:
    if result.fault is not None:
        fault = result.fault
        print_error(f"{fault.rule}: {fault.sentence}")
        node = "" if fault.node is None else f", node {fault.node}"
        print(f"  at {fault.at_s:.6f} virtual s{node}", file=sys.stderr)
        print(f"  {fault.detail.rstrip()}", file=sys.stderr)
        print(f"  again: {_again(result, options)}", file=sys.stderr)
        return FAILED
    if options.replay and not result.trace_hash.startswith(options.replay):
        print_error(f"another run than {options.replay}: {result.trace_hash}")
        return FAILED
    return DONE


def _again(result: Result, options: argparse.Namespace) -> str:
    """Return the command that repeats a run on the same commit."""
    parts = ["chaindeck simulate", options.scenario, f"--seed {result.seed}"]
    if options.nodes is not None:
        parts.append(f"--nodes {options.nodes}")
    if options.duration is not None:
        parts.append(f"--duration {options.duration:g}")
    return " ".join([*parts, f"--replay {result.trace_hash[:16]}"])


def _show(result: Result, *, as_json: bool) -> None:
    if as_json:
        print_json(msgspec.to_builtins(result, str_keys=True))
        return
    fields: dict[str, object] = {
        "scenario": f"{result.scenario}, seed {result.seed}",
        "status": result.status,
        "nodes": result.nodes,
        "virtual_time": f"{result.virtual_s:,.0f} s in {result.wall_s:,.1f} s,"
        f" {result.speed:,.1f} x real time",
        "events": f"{result.events:,}, {result.events_per_s:,.0f} a second",
        "height": result.height,
        "blocks_reach_nodes": _spread(result.blocks),
        "payments_reach_nodes": _spread(result.payments),
    }
    if result.payments_total:
        fates = [f"{count:,} {fate}" for fate, count in result.fates.items() if count]
        fields["payments"] = f"{result.payments_total:,}: {', '.join(fates)}"
    if result.stale is not None:
        fields["stale_blocks"] = (
            f"{result.stale.stale} of {result.stale.found}, {result.stale.rate:.2%};"
            f" expected {result.stale.expected:.2%}"
        )
    fields["trace"] = result.trace_hash
    print_fields(fields, as_json=False)


def _spread(found: Percentiles | None) -> str:
    if found is None:
        return "none followed"
    return f"p50 {found.p50_ms:,.0f} ms, p95 {found.p95_ms:,.0f} ms, p99 {found.p99_ms:,.0f} ms"
