"""Scenarios drawn from a seed: networks and troubles that nobody would have thought of.

The same number draws the same scenario on every machine, options of adversaries included; a commit
that changes this file draws others. `chaindeck simulate swarm-17` runs the seventeenth.
"""

from __future__ import annotations

import random
from typing import Any, Final

from chaindeck.simulate.adversaries import KINDS
from chaindeck.simulate.scenario import Scenario, convert_scenario

_PLACES: Final = ("office", "plant", "depot", "harbour")
_MOST_FAULTS: Final = 5
_DISCOVERING: Final = 12

Fields = dict[str, Any]


def draw_scenario(seed: int) -> Scenario:
    """Return the scenario of a seed."""
    dice = random.Random(f"{seed} scenario")  # noqa: S311 - a run that repeats, not a secret
    duration_s = dice.randrange(60, 300)
    count = dice.choice((2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 55))
    interval_s = dice.choice((2.0, 5.0, 10.0, 10.0, 30.0))
    places = dice.sample(_PLACES, dice.choice((1, 1, 2, 3)))
    fields: Fields = {
        "about": f"Drawn from seed {seed}.",
        "duration_s": duration_s,
        "settle_s": 420,
        "seed": seed,
        "network": _draw_network(dice, interval_s),
        "nodes": _draw_nodes(dice, count),
        "places": [{"name": name, "share": dice.choice((1, 1, 3))} for name in places],
        "within": _draw_wire(dice, 5),
        "between": _draw_wire(dice, 200),
        "mining": {"miners": dice.randrange(1, min(count, 8) + 1)},
        "load": _draw_load(dice, duration_s),
        "faults": _draw_faults(dice, count, duration_s, interval_s, places),
        "adversaries": _draw_adversaries(dice, duration_s),
    }
    if dice.random() < 0.1:
        fields["network"]["checkpoint_signers"] = dice.choice((3, 4, 7))
        fields["adversaries"].append(_draw_adversary(dice, "equivocator", duration_s))
    if dice.random() < 0.3:
        fields["churn"] = {
            "leaves_per_minute": dice.uniform(0.5, 6),
            "away_s": dice.uniform(1, 60),
            "fresh_percent": dice.choice((0, 0, 30, 100)),
        }
    return convert_scenario(fields)


def _draw_network(dice: random.Random, interval_s: float) -> Fields:
    return {
        "difficulty": dice.choice(("none", "none", "step100", "lwma60")),
        "block_interval_s": interval_s,
        "maturity": dice.choice((0, 1, 10)),
        "max_block_kb": dice.choice((10, 100, 8_000)),
    }


def _draw_nodes(dice: random.Random, count: int) -> Fields:
    topology = dice.choice(("mesh", "mesh", "random", "star", "line", "sites"))
    return {
        "count": count,
        "topology": topology,
        "known": dice.randrange(2, 12),
        # Everybody checks the signature of everybody's announcements, which takes its time.
        "discovery": count <= _DISCOVERING and dice.random() < 0.4,
        "uplink_mbit_s": dice.choice((1, 10, 100, 1000)),
        "max_inbound": dice.choice((117, 117, 117, 8)),
    }


def _draw_wire(dice: random.Random, most_ms: int) -> Fields:
    latency_ms = round(dice.uniform(0, most_ms), 3)
    return {
        "latency_ms": latency_ms,
        "jitter_ms": round(dice.uniform(0, latency_ms), 3),
        "loss_percent": dice.choice((0, 0, 0.1, 3)),
    }


def _draw_load(dice: random.Random, duration_s: int) -> Fields:
    load: Fields = {
        "payments_per_s": dice.choice((0, 0.2, 1, 3)),
        "wallets": dice.choice((2, 5, 20)),
        "conflict_percent": dice.choice((0, 0, 5, 30)),
        "roaming_percent": dice.choice((0, 20, 100)),
    }
    if dice.random() < 0.3:
        from_s = dice.randrange(10, duration_s - 10)
        burst = {"from_s": from_s, "until_s": from_s + 5, "payments_per_s": 40}
        load["bursts"] = [burst]
    return load


def _draw_faults(
    dice: random.Random, count: int, duration_s: int, interval_s: float, places: list[str]
) -> list[Fields]:
    faults = []
    for _ in range(dice.randrange(_MOST_FAULTS + 1)):
        at_s = dice.randrange(duration_s - 20)
        # A branch of a hundred blocks is parked by design, and then two sides remain.
        longest_s = int(min(duration_s - at_s, 60 * interval_s))
        until_s = at_s + dice.randrange(1, longest_s + 1)
        nodes = dice.randrange(1, count + 1)
        faults.append(_draw_fault(dice, at_s, until_s, nodes, places))
    return faults


def _draw_fault(
    dice: random.Random, at_s: int, until_s: int, nodes: int, places: list[str]
) -> Fields:
    match dice.randrange(6):
        case 0:
            part: Fields = {"kind": "partition", "at_s": at_s, "heal_s": until_s}
            if len(places) > 1 and dice.random() < 0.5:
                part["islands"] = [[places[0]]]
            else:
                part["shares"] = [dice.randrange(1, 10) for _ in range(dice.choice((2, 2, 3)))]
            return part
        case 1 | 2:
            return {
                "kind": "crash",
                "at_s": at_s,
                "restart_s": min(until_s, at_s + dice.choice((1, 10, 100))),
                "nodes": nodes,
                "torn_writes": dice.randrange(3),
                "is_silent": dice.random() < 0.3,
            }
        case 3:
            return {
                "kind": "clock",
                "at_s": at_s,
                "until_s": until_s,
                "nodes": max(1, nodes // 3),
                "step_ms": dice.choice((-100_000, -20_000, -5_000, 5_000, 20_000, 100_000)),
                "drift_ppm": dice.choice((0, 0, 1_000, -10_000)),
            }
        case 4:
            return {"kind": "hash-rate", "at_s": at_s, "power": dice.choice((0.1, 0.5, 2, 4))}
        case _:
            return {"kind": "join", "at_s": at_s, "nodes": dice.randrange(1, 4)}


def _draw_adversaries(dice: random.Random, duration_s: int) -> list[Fields]:
    """Draw one or two kinds for one run in two, with every option anywhere in its range."""
    names = sorted(
        name for name, kind in KINDS.items() if not (kind.needs_signers or kind.needs_victim)
    )
    some = dice.sample(names, dice.choice((0, 0, 1, 2)))
    return [_draw_adversary(dice, name, duration_s) for name in some]


def _draw_adversary(dice: random.Random, name: str, duration_s: int) -> Fields:
    options = {
        key: round(dice.uniform(option.least, min(option.most, 3 * option.default)), 3)
        for key, option in KINDS[name].options.items()
        if dice.random() < 0.5
    }
    from_s = dice.randrange(duration_s)
    return {
        "name": name,
        "count": dice.choice((1, 1, 3)),
        "from_s": from_s,
        **({"until_s": duration_s} if dice.random() < 0.7 else {}),
        "known": dice.choice((1, 20)),
        "power": dice.choice((0, 0.1, 0.3)),
        "options": options,
    }
