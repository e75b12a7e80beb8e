"""Whole simulated networks: nodes meet as their topology says, and adversaries live among them."""

import pytest

from chaindeck.protocol.effects import Close, Dial, JudgeBlock, Send, SendDatagram, WakeAt
from chaindeck.protocol.inputs import PeerConnected, Started, TimerFired
from chaindeck.protocol.messages import Ping
from chaindeck.simulate.building import address_of, place_nodes
from chaindeck.simulate.hosting import Guest
from chaindeck.simulate.machines import Readings
from chaindeck.simulate.node import SimulatedNode
from chaindeck.simulate.running import Run
from chaindeck.simulate.world import Site
from tests.simulate.networks import begun, live, scenario


def links(run):
    return [len(node.machine.core.ready) for node in run.nodes]


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ({"topology": "mesh"}, [4] * 5),
        ({"topology": "none", "discovery": True}, [4] * 5),
    ],
)
def test_nodes_that_know_or_find_everybody_are_all_linked(nodes, expected):
    assert links(begun(20, count=5, nodes=nodes)) == expected


@pytest.mark.parametrize("topology", ["star", "line", "sites", "random"])
def test_nodes_that_know_few_find_the_others(topology):
    fields = {"places": [{"name": "a"}, {"name": "b"}]} if topology == "sites" else {}
    run = begun(100, count=6, nodes={"topology": topology, "known": 2}, duration_s=200, **fields)
    assert min(links(run)) >= 1
    run.invariants.quiet(run.nodes)


def test_large_network_gossips_over_few_links():
    run = begun(60, count=80, nodes={"topology": "random", "known": 60})
    assert not any(node.machine.topology.is_mesh for node in run.nodes)
    assert max(links(run)) < 40


def test_places_get_nodes_by_their_shares_in_turns():
    places = place_nodes(scenario(places=[{"name": "a", "share": 3}, {"name": "b"}]), 400)
    assert 290 < places.count(0) < 310
    assert {0, 1} == set(places[:4])


def test_addresses_differ():
    assert len({address_of(number) for number in range(3_000)}) == 3_000


def test_fresh_start_forgets_and_syncs():
    run = begun(100, duration_s=200, mining={"miners": 2})
    node = run.nodes[2]
    height = node.state.tip.header.height
    assert height
    node.wipe_out()
    node.wipe_out()
    assert len(node.keeper.active) == 1
    node.start()
    live(run, 20)
    assert node.state.tip.header.height >= height


class Script:
    """An adversary that does what it is told at each input."""

    def __init__(self, effects):
        self.effects = effects
        self.heard = []

    def step(self, now_ms, happened):
        self.heard.append(happened)
        return self.effects.pop(type(happened), [])


def hosted(run, effects):
    number = len(run.world.residents)
    script = Script(effects)
    guest = Guest(run.world, script, Site(number, 0, address_of(number), 1e6))
    run.world.admit(guest)
    guest.start()
    return guest, script


def test_guest_dials_speaks_wakes_and_closes():
    run = begun(5)
    target = run.nodes[0].address
    now_ms = run.world.now_ms
    guest, script = hosted(
        run,
        {
            Started: [
                Dial(target),
                WakeAt(now_ms + 500),
                SendDatagram(None, b"hi"),
                JudgeBlock(None, None),
            ],
        },
    )
    live(run, 0.4)
    connected = next(item for item in script.heard if isinstance(item, PeerConnected))
    script.effects[TimerFired] = [Send(connected.link, b"noise" * 9), Close(connected.link)]
    live(run, 3)
    assert any(isinstance(item, TimerFired) for item in script.heard)
    assert run.world.bytes_sent[guest.number] == 45
    assert run.world.peer_of(guest, connected.link) is None


def test_guest_that_ends_hears_nothing_any_more():
    run = begun(5)
    guest, script = hosted(
        run, {Started: [Dial(run.nodes[0].address), WakeAt(run.world.now_ms + 900)]}
    )
    live(run, 0.5)
    guest.stop()
    guest.stop()
    heard = len(script.heard)
    guest.hear(TimerFired())
    live(run, 5)
    assert len(script.heard) == heard


def test_silent_peers_are_timed_out_and_do_no_harm():
    result = Run(
        scenario(
            mining={"miners": 2},
            load={"payments_per_s": 1},
            adversaries=[{"name": "silent", "count": 3, "options": {"dial_every_s": 0.5}}],
        )
    ).finish()
    assert result.status == "done"
    assert result.adversaries == 3
    assert result.fates["mined"] == result.payments_total


def test_adversary_with_a_chain_mines_and_ends_when_the_scenario_says():
    run = begun(
        55,
        mining={"miners": 1},
        adversaries=[
            {"name": "withholder", "power": 1, "from_s": 2, "until_s": 50},
            {"name": "silent", "from_s": 2, "until_s": 50},
        ],
    )
    withholder, silent = run.world.residents[3:]
    assert isinstance(withholder, SimulatedNode)
    assert not withholder.is_honest
    assert withholder.life == 1
    assert not withholder.is_up
    assert not silent.is_up
    assert run._spectator.miners[3].found


def test_frame_is_read_once_for_all_and_only_where_it_is_whole():
    run = begun(30, count=4, mining={"miners": 1}, load={"payments_per_s": 2, "from_s": 2})
    readings = run.library.readings
    assert len(readings) > 5
    for data, message in list(readings._messages.items()):
        assert readings.read(data) is message
        assert not isinstance(message, Ping)
        assert readings.read(data[:-1]) is None
        assert readings.read(data + data) is None
    assert readings.read(b"") is None


def test_readings_are_forgotten_beyond_their_limit(monkeypatch):
    monkeypatch.setattr("chaindeck.simulate.machines.READ_BYTES", 10)
    run = begun(20, count=4, mining={"miners": 1})
    readings = Readings(run.network.magic, 1_000)
    for data in list(run.library.readings._messages):
        readings.read(data)
    assert len(readings) <= 2


def test_interrupted_run_has_a_result():
    run = Run(scenario(mining={"miners": 1}))

    def interrupt(done, total):
        if done > 20:
            raise KeyboardInterrupt

    result = run.finish(interrupt)
    assert result.status == "interrupted"
    assert 20 < result.virtual_s < 30
