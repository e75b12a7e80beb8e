"""What a scenario may ask for: one TOML file, every field checked, every error with an example.

Knows forms and limits, and builds nothing. Fields that are left out have the defaults below; names
that are not below are refused. Times count from the start of the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from chaindeck.simulate import limits
from chaindeck.simulate.adversaries import KINDS
from chaindeck.simulate.errors import ScenarioRange, ScenarioShape, ScenarioSyntax

Count = Annotated[int, Meta(ge=0, le=limits.MAX_NODES)]
Nodes = Annotated[int, Meta(ge=1, le=limits.MAX_NODES)]
Seconds = Annotated[float, Meta(ge=0, le=limits.MAX_DURATION_S)]
Duration = Annotated[float, Meta(ge=1, le=limits.MAX_DURATION_S)]
Milliseconds = Annotated[float, Meta(ge=0, le=limits.MAX_LATENCY_MS)]
Percent = Annotated[float, Meta(ge=0, le=100)]
Share = Annotated[float, Meta(gt=0, le=1_000_000)]
Rate = Annotated[float, Meta(ge=0, le=limits.MAX_RATE_PER_S)]
Factor = Annotated[float, Meta(gt=0, le=1_000_000)]
Name = Annotated[str, Meta(min_length=1, max_length=40)]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file."""


class NetworkPart(_Part, frozen=True, kw_only=True):
    """The genesis document, as far as a scenario chooses it."""

    difficulty: Literal["step100", "lwma60", "none"] = "none"
    block_interval_s: Annotated[float, Meta(ge=0.1, le=3_600)] = 10.0
    max_block_kb: Annotated[int, Meta(ge=10, le=32_000)] = 8_000
    maturity: Annotated[int, Meta(ge=0, le=1_000)] = 10
    checkpoint_signers: Annotated[int, Meta(ge=0, le=limits.MAX_SIGNERS)] = 0
    """A quorum is more than half of them."""


class NodesPart(_Part, frozen=True, kw_only=True):
    """The honest nodes."""

    count: Nodes
    topology: Literal["mesh", "random", "star", "line", "sites", "none"] = "mesh"
    """Whom each knows at first: everybody; `known` others by chance; the first; the one before;
    everybody in its place and one elsewhere; nobody (then `discovery` has to find them)."""

    known: Annotated[int, Meta(ge=1, le=limits.MAX_KNOWN)] = 8
    """Addresses that each node knows, where `topology` is random."""

    discovery: bool = False
    """Whether nodes of one place find each other by multicast."""

    uplink_mbit_s: Annotated[float, Meta(gt=0, le=1_000_000)] = 100.0
    max_inbound: Annotated[int, Meta(ge=1, le=10_000)] = 117


class PlacePart(_Part, frozen=True, kw_only=True):
    """Somewhere nodes are."""

    name: Name
    share: Share = 1.0
    """Of the nodes, beside the shares of the other places."""


class WirePart(_Part, frozen=True, kw_only=True):
    """How it is to send."""

    latency_ms: Milliseconds = 1.0
    jitter_ms: Milliseconds = 0.0
    """Up to so much more, at random."""

    loss_percent: Percent = 0.0
    """Of packets, which come 200 ms later then."""


class PairPart(WirePart, frozen=True, kw_only=True):
    """How it is to send between two places, both ways."""

    places: tuple[Name, Name]


class MiningPart(_Part, frozen=True, kw_only=True):
    """Who mines. The hash rate fits the easiest target and the block interval, times `power`."""

    miners: Count = 1
    shares: tuple[Share, ...] = ()
    """Of the hash rate, the first miner's first; even where there are none."""

    power: Factor = 1.0


class BurstPart(_Part, frozen=True, kw_only=True):
    """A time with another rate of payments."""

    from_s: Seconds
    until_s: Seconds
    payments_per_s: Rate


class LoadPart(_Part, frozen=True, kw_only=True):
    """Wallets that pay each other."""

    payments_per_s: Rate = 0.0
    wallets: Annotated[int, Meta(ge=2, le=limits.MAX_WALLETS)] = 20
    from_s: Seconds = 10.0
    until_s: Seconds | None = None
    """The end of the run without one."""

    bursts: tuple[BurstPart, ...] = ()
    conflict_percent: Percent = 0.0
    """Payments of which two are made of the same coin, and handed to different nodes."""

    waiting_kb: Annotated[int, Meta(ge=0, le=limits.MAX_WAITING_KB)] = 0
    """Payments that wait at every node from `from_s` on, as if all had spread before."""

    roaming_percent: Percent = 0.0
    """Payments that a wallet hands to any node rather than to its own."""


class ChurnPart(_Part, frozen=True, kw_only=True):
    """Nodes that come and go."""

    from_s: Seconds = 0.0
    until_s: Seconds | None = None
    leaves_per_minute: Annotated[float, Meta(ge=0, le=60_000)] = 1.0
    away_s: Annotated[float, Meta(gt=0, le=86_400)] = 60.0
    """For how long on average."""

    fresh_percent: Percent = 0.0
    """Of those who come back, how many have lost all they had."""


class Partition(_Part, frozen=True, kw_only=True, tag_field="kind", tag="partition"):
    """The network falls into islands, by shares of the nodes at random or by place."""

    at_s: Seconds
    heal_s: Seconds
    shares: tuple[Share, ...] = (50.0, 50.0)
    islands: tuple[tuple[Name, ...], ...] = ()
    """Places that stay together. Those not named are one island more."""


class Crash(_Part, frozen=True, kw_only=True, tag_field="kind", tag="crash"):
    """Nodes end at once and start again, drawn by chance where their numbers are not given."""

    at_s: Seconds
    nodes: Nodes = 1
    numbers: tuple[Count, ...] = ()
    restart_s: Seconds
    torn_writes: Annotated[int, Meta(ge=0, le=limits.JOURNAL_BATCHES)] = 0
    """Changes that their disks had taken and lose."""

    is_silent: bool = False
    """Whether the power goes, so that peers are not told."""


class Clock(_Part, frozen=True, kw_only=True, tag_field="kind", tag="clock"):
    """Clocks of some nodes are set, or run at another speed, until they are put right."""

    at_s: Seconds
    until_s: Seconds
    nodes: Nodes = 1
    step_ms: Annotated[int, Meta(ge=-limits.MAX_CLOCK_STEP_MS, le=limits.MAX_CLOCK_STEP_MS)] = 0
    drift_ppm: Annotated[int, Meta(ge=-limits.MAX_DRIFT_PPM, le=limits.MAX_DRIFT_PPM)] = 0


class HashRate(_Part, frozen=True, kw_only=True, tag_field="kind", tag="hash-rate"):
    """The hash rate is another from now on: so many times what the scenario started with."""

    at_s: Seconds
    power: Factor


class Join(_Part, frozen=True, kw_only=True, tag_field="kind", tag="join"):
    """Fresh nodes come, which know a few addresses and have to sync."""

    at_s: Seconds
    nodes: Nodes = 1


Fault = Partition | Crash | Clock | HashRate | Join


class AdversaryPart(_Part, frozen=True, kw_only=True):
    """Some of a kind of adversary."""

    name: Name
    count: Annotated[int, Meta(ge=1, le=limits.MAX_ADVERSARIES)] = 1
    from_s: Seconds = 0.0
    until_s: Seconds | None = None
    """When they end; without it they stay to the end of the run."""

    known: Annotated[int, Meta(ge=1, le=limits.MAX_KNOWN)] = 20
    """Honest nodes whose addresses each knows."""

    victim: Annotated[int, Meta(ge=0, le=limits.MAX_NODES)] | None = None
    """The number of the only honest node that they know then."""

    power: Annotated[float, Meta(ge=0, le=100)] = 0.0
    """Hash rate of those that have a chain of their own: so many times what all honest miners
    start with together."""

    options: dict[str, float] = {}


class Scenario(_Part, frozen=True, kw_only=True):
    """One run."""

    about: str
    duration_s: Duration
    settle_s: Duration = 180.0
    """After that, all faults undone and no payment made, how long the network has to agree."""

    seed: Annotated[int, Meta(ge=0, le=2**53)] = 1
    network: NetworkPart = NetworkPart()
    nodes: NodesPart
    places: tuple[PlacePart, ...] = (PlacePart(name="here"),)
    within: WirePart = WirePart()
    """Inside each place."""

    between: WirePart = WirePart(latency_ms=50.0, jitter_ms=5.0)
    """Between places of which `pairs` says nothing."""

    pairs: tuple[PairPart, ...] = ()
    mining: MiningPart = MiningPart()
    load: LoadPart = LoadPart()
    churn: ChurnPart | None = None
    faults: tuple[Fault, ...] = ()
    adversaries: tuple[AdversaryPart, ...] = ()


LEAST_SIGNERS: Final = 3
"""With fewer, a quorum is all of them."""

_DECODER = msgspec.json.Decoder(Scenario)

EXAMPLES: Mapping[str, str] = {
    "about": 'about = "Five nodes in one office."',
    "duration_s": "duration_s = 600",
    "settle_s": "settle_s = 180",
    "seed": "seed = 7",
    "network": "[network]",
    "nodes": "[nodes] with count = 12; in a fault, nodes = 2",
    "places": '[[places]] with name = "office"; in a pair, places = ["office", "plant"]',
    "within": "[within] with latency_ms = 1",
    "between": "[between] with latency_ms = 40",
    "pairs": '[[pairs]] with places = ["office", "plant"] and latency_ms = 12',
    "mining": "[mining] with miners = 3",
    "load": "[load] with payments_per_s = 1",
    "churn": "[churn] with leaves_per_minute = 2",
    "faults": '[[faults]] with kind = "crash", at_s = 60 and restart_s = 90',
    "adversaries": '[[adversaries]] with name = "silent" and count = 3',
    "kind": 'kind = "partition", "crash", "clock", "hash-rate" or "join"',
    "difficulty": 'difficulty = "step100"',
    "block_interval_s": "block_interval_s = 10",
    "max_block_kb": "max_block_kb = 8000",
    "maturity": "maturity = 10",
    "checkpoint_signers": "checkpoint_signers = 3",
    "count": "count = 12",
    "topology": 'topology = "random"',
    "known": "known = 8",
    "discovery": "discovery = true",
    "uplink_mbit_s": "uplink_mbit_s = 100",
    "max_inbound": "max_inbound = 117",
    "name": 'name = "silent"',
    "share": "share = 2",
    "latency_ms": "latency_ms = 40",
    "jitter_ms": "jitter_ms = 5",
    "loss_percent": "loss_percent = 0.5",
    "miners": "miners = 3",
    "shares": "shares = [60, 40]",
    "victim": "victim = 7",
    "power": "power = 0.01",
    "from_s": "from_s = 60",
    "until_s": "until_s = 120",
    "payments_per_s": "payments_per_s = 2.5",
    "wallets": "wallets = 20",
    "bursts": "[[load.bursts]] with from_s = 60, until_s = 70 and payments_per_s = 50",
    "conflict_percent": "conflict_percent = 1",
    "waiting_kb": "waiting_kb = 2500",
    "roaming_percent": "roaming_percent = 10",
    "leaves_per_minute": "leaves_per_minute = 2",
    "away_s": "away_s = 60",
    "fresh_percent": "fresh_percent = 20",
    "at_s": "at_s = 60",
    "heal_s": "heal_s = 180",
    "islands": 'islands = [["office"], ["plant", "depot"]]',
    "numbers": "numbers = [7]",
    "restart_s": "restart_s = 90",
    "torn_writes": "torn_writes = 1",
    "is_silent": "is_silent = true",
    "step_ms": "step_ms = -20000",
    "drift_ppm": "drift_ppm = 500",
    "options": "options = { dial_every_s = 0.5 }",
}
"""A good value of every field, by its name."""


def read_scenario(raw: bytes) -> Scenario:
    """Read and check a scenario file. Raises a `SimulateError` that names the field."""
    if len(raw) > limits.MAX_SCENARIO_BYTES:
        raise ScenarioSyntax(reason=f"more than {limits.MAX_SCENARIO_BYTES} bytes")
    try:
        document = msgspec.toml.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ScenarioSyntax(reason=str(error)) from None
    return convert_scenario(document)


def convert_scenario(document: object) -> Scenario:
    """Check plain values. Raises a `SimulateError` that names the field."""
    try:
        # Through JSON, as only a decoder takes 5 for a float, and says where something is.
        scenario = _DECODER.decode(msgspec.json.encode(document))
    except msgspec.ValidationError as error:
        raise _shape_error(str(error)) from None
    check_scenario(scenario)
    return scenario


def _shape_error(message: str) -> ScenarioShape:
    reason, _, path = message.partition(" - at `$")
    field = path.strip(".`")
    quoted = reason.split("`")
    named = quoted[1] if "field" in reason and len(quoted) > 1 else ""
    last = named or field.rpartition(".")[2].partition("[")[0]
    where = ".".join(part for part in (field, named) if part)
    if "unknown field" in reason:
        reason = f"there is no field {where}"
        example = EXAMPLES.get(field.rpartition(".")[2].partition("[")[0], EXAMPLES["about"])
    else:
        example = EXAMPLES.get(last, EXAMPLES["about"])
    return ScenarioShape(field=where or None, reason=reason, example=example)


def shorten(scenario: Scenario, duration_s: float) -> Scenario:
    """Return a scenario of another duration; what would end later ends with it, or never comes."""
    load, churn = scenario.load, scenario.churn
    bursts = [burst for burst in load.bursts if burst.from_s < duration_s]
    changed = replace(
        load,
        until_s=load.until_s and min(load.until_s, duration_s),
        bursts=tuple(replace(burst, until_s=min(burst.until_s, duration_s)) for burst in bursts),
    )
    faults = [fault for fault in scenario.faults if fault.at_s < duration_s]
    return replace(
        scenario,
        duration_s=duration_s,
        load=changed,
        churn=churn and replace(churn, until_s=churn.until_s and min(churn.until_s, duration_s)),
        faults=tuple(_ending_by(fault, duration_s) for fault in faults),
    )


def _ending_by(fault: Fault, end_s: float) -> Fault:
    match fault:
        case Partition(heal_s=at_s):
            return replace(fault, heal_s=min(at_s, end_s))
        case Crash(restart_s=at_s):
            return replace(fault, restart_s=min(at_s, end_s))
        case Clock(until_s=at_s):
            return replace(fault, until_s=min(at_s, end_s))
    return fault


# What no single field can say


def check_scenario(scenario: Scenario) -> None:
    """Raise the first reason why a scenario makes no sense as a whole."""
    _check_mining(scenario)
    _check_places(scenario)
    _check_load(scenario)
    if len(scenario.faults) > limits.MAX_FAULTS:
        raise _range("faults", f"at most {limits.MAX_FAULTS} faults")
    for position, fault in enumerate(scenario.faults):
        _check_fault(scenario, f"faults[{position}]", fault)
    for position, part in enumerate(scenario.adversaries):
        _check_adversary(f"adversaries[{position}]", part)
        if KINDS[part.name].needs_victim and part.victim is None:
            raise _range(f"adversaries[{position}].victim", f"{part.name} is about one node")
        if part.victim is not None and part.victim >= scenario.nodes.count:
            raise _range(
                f"adversaries[{position}].victim",
                f"one of the {scenario.nodes.count} nodes, from 0",
            )
        if KINDS[part.name].needs_signers and scenario.network.checkpoint_signers < LEAST_SIGNERS:
            raise _range(
                "network.checkpoint_signers",
                f"{part.name} holds a quorum of at least {LEAST_SIGNERS}",
            )
    if scenario.churn is not None and (scenario.churn.until_s or scenario.duration_s) > (
        scenario.duration_s
    ):
        raise _range("churn.until_s", "the run ends before")
    if scenario.nodes.topology == "none" and not scenario.nodes.discovery:
        raise _range("nodes.discovery", "nodes that know nobody have to find each other")


def _check_mining(scenario: Scenario) -> None:
    mining = scenario.mining
    if mining.miners > scenario.nodes.count:
        raise _range("mining.miners", f"more miners than the {scenario.nodes.count} nodes")
    if mining.shares and len(mining.shares) != mining.miners:
        raise _range("mining.shares", f"one for each of the {mining.miners} miners")


def _check_places(scenario: Scenario) -> None:
    names = [place.name for place in scenario.places]
    if not names or len(names) > limits.MAX_PLACES:
        raise _range("places", f"1 to {limits.MAX_PLACES} places")
    if len(set(names)) < len(names):
        raise _range("places", "two places have one name")
    for position, pair in enumerate(scenario.pairs):
        for name in pair.places:
            if name not in names:
                raise _range(f"pairs[{position}].places", f"there is no place {name!r}")


def _check_load(scenario: Scenario) -> None:
    load = scenario.load
    if load.until_s is not None and load.until_s > scenario.duration_s:
        raise _range("load.until_s", "the run ends before")
    for position, burst in enumerate(load.bursts):
        if not burst.from_s < burst.until_s <= scenario.duration_s:
            field = f"load.bursts[{position}].until_s"
            raise _range(field, "after its from_s, and within the run")
    if (load.payments_per_s or load.bursts) and not scenario.mining.miners:
        raise _range("mining.miners", "payments need somebody who mines them")


def _check_fault(scenario: Scenario, field: str, fault: Fault) -> None:
    if fault.at_s > scenario.duration_s:
        raise _range(f"{field}.at_s", "the run ends before")
    for name in ("heal_s", "restart_s", "until_s"):
        end_s = getattr(fault, name, None)
        if end_s is not None and not fault.at_s < end_s <= scenario.duration_s:
            raise _range(f"{field}.{name}", "after its at_s, and within the run")
    if isinstance(fault, Crash | Clock) and fault.nodes > scenario.nodes.count:
        raise _range(f"{field}.nodes", f"there are {scenario.nodes.count} nodes")
    if isinstance(fault, Partition):
        known = {place.name for place in scenario.places}
        for name in (name for island in fault.islands for name in island):
            if name not in known:
                raise _range(f"{field}.islands", f"there is no place {name!r}")
        if not fault.islands and len(fault.shares) < 2:
            raise _range(f"{field}.shares", "at least two islands")


def _check_adversary(field: str, part: AdversaryPart) -> None:
    kind = KINDS.get(part.name)
    if kind is None:
        raise _range(f"{field}.name", f"no adversary is called {part.name!r}: {', '.join(KINDS)}")
    if part.until_s is not None and part.until_s <= part.from_s:
        raise _range(f"{field}.until_s", "after its from_s")
    for name, value in part.options.items():
        option = kind.options.get(name)
        if option is None:
            known = ", ".join(kind.options) or "none"
            raise _range(f"{field}.options", f"{part.name} has no option {name!r}, but {known}")
        if not option.least <= value <= option.most:
            raise _range(f"{field}.options", f"{name} from {option.least:g} to {option.most:g}")


def _range(field: str, reason: str) -> ScenarioRange:
    last = field.rpartition(".")[2].partition("[")[0]
    return ScenarioRange(field=field, reason=reason, example=EXAMPLES[last])
