"""Scenario files are read strictly: every error names the field and shows a good value."""

import msgspec
import pytest

from chaindeck.simulate import limits
from chaindeck.simulate.adversaries import KINDS
from chaindeck.simulate.errors import (
    ScenarioRange,
    ScenarioShape,
    ScenarioSyntax,
    ScenarioUnknown,
)
from chaindeck.simulate.scenario import (
    EXAMPLES,
    Clock,
    Crash,
    HashRate,
    Join,
    Partition,
    Scenario,
    convert_scenario,
    read_scenario,
    shorten,
)
from chaindeck.simulate.scenarios import load_scenario, names
from tests.simulate.networks import scenario

LEAST = {"about": "A test.", "duration_s": 100, "nodes": {"count": 4}}


def made(**fields):
    return convert_scenario({**LEAST, **fields})


def refusal(kind, **fields):
    with pytest.raises(kind) as caught:
        made(**fields)
    assert "; for example " in str(caught.value)
    return caught.value.field


def test_least_scenario_has_sensible_rest():
    scenario = made()
    assert scenario.mining.miners == 1
    assert scenario.seed == 1
    assert scenario.within.latency_ms == 1
    assert not scenario.faults


def test_file_is_read_as_toml():
    raw = b'about = "x"\nduration_s = 5\n[nodes]\ncount = 2\n[[faults]]\nkind = "join"\nat_s = 1\n'
    scenario = read_scenario(raw)
    assert isinstance(scenario.faults[0], Join)
    assert scenario.duration_s == 5


@pytest.mark.parametrize("raw", [b"about =", b"\xff", b"a = 1\na = 2"])
def test_what_is_no_toml_is_refused_with_a_reason(raw):
    with pytest.raises(ScenarioSyntax):
        read_scenario(raw)


def test_file_over_the_limit_is_not_even_parsed():
    with pytest.raises(ScenarioSyntax, match="more than"):
        read_scenario(b"#" * (limits.MAX_SCENARIO_BYTES + 1))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"about": 1}, "about"),
        ({"colour": 1}, "colour"),
        ({"nodes": {}}, "nodes.count"),
        ({"nodes": {"count": "four"}}, "nodes.count"),
        ({"nodes": {"count": 4, "colour": 1}}, "nodes.colour"),
        ({"nodes": {"count": 4, "topology": "ring"}}, "nodes.topology"),
        ({"faults": [{"kind": "flood", "at_s": 1}]}, "faults[0].kind"),
        ({"faults": [{"at_s": 1}]}, "faults[0].kind"),
        ({"faults": [{"kind": "crash", "at_s": 1}]}, "faults[0].restart_s"),
        ({"pairs": [{"places": ["a"]}]}, "pairs[0].places"),
        ({"load": {"payments_per_s": -1}}, "load.payments_per_s"),
        ({"adversaries": [{"name": "silent", "count": 0}]}, "adversaries[0].count"),
    ],
)
def test_wrong_shape_names_the_field(fields, field):
    assert refusal(ScenarioShape, **fields) == field


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        (("nodes", "count"), (1, limits.MAX_NODES), (0, limits.MAX_NODES + 1)),
        (("duration_s",), (1, limits.MAX_DURATION_S), (0.9, limits.MAX_DURATION_S + 1)),
        (("seed",), (0, 2**53), (-1, 2**53 + 1)),
        (("within", "latency_ms"), (0, limits.MAX_LATENCY_MS), (-1, limits.MAX_LATENCY_MS + 1)),
        (("within", "loss_percent"), (0, 100), (-0.1, 100.1)),
        (("load", "wallets"), (2, limits.MAX_WALLETS), (1, limits.MAX_WALLETS + 1)),
        (("load", "payments_per_s"), (0, limits.MAX_RATE_PER_S), (-1, limits.MAX_RATE_PER_S + 1)),
        (("network", "block_interval_s"), (0.1, 3_600), (0.09, 3_601)),
    ],
)
def test_both_sides_of_limits(path, good, bad):
    def with_value(value):
        fields = {**LEAST}
        if len(path) == 1:
            fields[path[0]] = value
        else:
            fields[path[0]] = {**fields.get(path[0], {}), path[1]: value}
        return convert_scenario(fields)

    for value in good:
        with_value(value)
    for value in bad:
        with pytest.raises(ScenarioShape):
            with_value(value)


CRASH = {"kind": "crash", "at_s": 10, "restart_s": 20}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"mining": {"miners": 5}}, "mining.miners"),
        ({"mining": {"miners": 2, "shares": [1]}}, "mining.shares"),
        ({"mining": {"miners": 0}, "load": {"payments_per_s": 1}}, "mining.miners"),
        ({"places": []}, "places"),
        ({"places": [{"name": "a"}, {"name": "a"}]}, "places"),
        ({"pairs": [{"places": ["here", "there"]}]}, "pairs[0].places"),
        ({"load": {"until_s": 101}}, "load.until_s"),
        (
            {"load": {"bursts": [{"from_s": 5, "until_s": 5, "payments_per_s": 1}]}},
            "load.bursts[0].until_s",
        ),
        ({"faults": [CRASH] * (limits.MAX_FAULTS + 1)}, "faults"),
        ({"faults": [{**CRASH, "at_s": 101}]}, "faults[0].at_s"),
        ({"faults": [{**CRASH, "restart_s": 10}]}, "faults[0].restart_s"),
        ({"faults": [{**CRASH, "restart_s": 101}]}, "faults[0].restart_s"),
        ({"faults": [{**CRASH, "nodes": 5}]}, "faults[0].nodes"),
        (
            {"faults": [{"kind": "partition", "at_s": 1, "heal_s": 2, "shares": [1]}]},
            "faults[0].shares",
        ),
        (
            {"faults": [{"kind": "partition", "at_s": 1, "heal_s": 2, "islands": [["moon"]]}]},
            "faults[0].islands",
        ),
        ({"adversaries": [{"name": "nobody"}]}, "adversaries[0].name"),
        ({"adversaries": [{"name": "silent", "options": {"x": 1}}]}, "adversaries[0].options"),
        (
            {"adversaries": [{"name": "silent", "options": {"dial_every_s": 0}}]},
            "adversaries[0].options",
        ),
        (
            {"adversaries": [{"name": "silent", "from_s": 5, "until_s": 5}]},
            "adversaries[0].until_s",
        ),
        ({"churn": {"until_s": 101}}, "churn.until_s"),
        ({"nodes": {"count": 4, "topology": "none"}}, "nodes.discovery"),
    ],
)
def test_what_makes_no_sense_together_names_the_field(fields, field):
    assert refusal(ScenarioRange, **fields) == field


def test_every_field_has_an_example():
    parts = [Scenario, Partition, Crash, Clock, HashRate, Join]
    seen = set()
    while parts:
        part = parts.pop()
        if part in seen:
            continue
        seen.add(part)
        for field in msgspec.structs.fields(part):
            assert field.name in EXAMPLES, f"no example of {part.__name__}.{field.name}"
            kinds = [field.type, *getattr(field.type, "__args__", ())]
            parts += [kind for kind in kinds if isinstance(kind, msgspec.StructMeta)]
    assert len(seen) > 12


def test_shorter_scenario_leaves_out_what_came_after():
    scenario = made(
        load={"until_s": 90, "bursts": [{"from_s": 10, "until_s": 60, "payments_per_s": 1}]},
        churn={"until_s": 90},
        faults=[
            CRASH,
            {**CRASH, "at_s": 30, "restart_s": 70},
            {**CRASH, "at_s": 60, "restart_s": 70},
        ],
    )
    short = shorten(scenario, 50)
    assert short.duration_s == 50
    assert [(fault.at_s, fault.restart_s) for fault in short.faults] == [(10, 20), (30, 50)]
    assert short.load.until_s == 50
    assert short.load.bursts[0].until_s == 50
    assert short.churn.until_s == 50
    longer = shorten(scenario, 500)
    assert longer.faults == scenario.faults
    assert longer.duration_s == 500


@pytest.mark.parametrize("name", names())
def test_every_shipped_scenario_is_good_and_says_what_it_is(name):
    scenario = load_scenario(name)
    assert scenario.about.endswith(".")


def test_scenario_is_found_by_name_number_or_path(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('about = "Own."\nduration_s = 5\n[nodes]\ncount = 2\n')
    assert load_scenario(str(path)).about == "Own."
    assert load_scenario("swarm-5").seed == 5
    assert load_scenario("crashes").nodes.count == 10
    with pytest.raises(ScenarioUnknown, match="three-sites"):
        load_scenario("thre-sites")
    with pytest.raises(FileNotFoundError):
        load_scenario("missing.toml")


def test_every_kind_of_adversary_says_what_it_is():
    for kind in KINDS.values():
        assert kind.about.endswith(".")
        assert (kind.peer is None) != (kind.node is None)
        for option in kind.options.values():
            assert option.least <= option.default <= option.most


@pytest.mark.parametrize(("victim", "is_fine"), [(None, False), (2, True), (3, False)])
def test_victim_is_one_of_the_nodes_and_named_where_a_kind_is_about_it(victim, is_fine):
    part = {"name": "eclipser"} if victim is None else {"name": "eclipser", "victim": victim}
    if is_fine:
        assert scenario(count=3, adversaries=[part]).adversaries[0].victim == victim
        return
    with pytest.raises(ScenarioRange) as caught:
        scenario(count=3, adversaries=[part])
    assert "victim" in str(caught.value)
