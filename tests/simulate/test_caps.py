"""The table of caps knows every container of a machine, and each is looked at."""

from collections import deque

from chaindeck.ledger.recent import RecentSet
from chaindeck.protocol.core import Core
from chaindeck.protocol.links import Link
from chaindeck.protocol.machine import Machine
from chaindeck.protocol.types import Settings
from chaindeck.simulate.caps import (
    CAPS_A_LINK,
    COUNTS,
    LINK_CAPS,
    MACHINE_CAPS,
    find_crowd,
    find_overflow,
)
from tests.simulate.networks import begun

SIZED = (dict, list, set, frozenset, deque, tuple, RecentSet)

BOUNDED_ELSEWHERE = {
    "_hearers": "fixed",
    "_takers": "fixed",
    "core.links": "find_crowd, and what a node dials",
    "core.ready": "of core.links",
    "core.by_key": "of core.links",
    "core.effects": "empty between steps",
    "core.when_left": "fixed",
    "topology.eager": "of core.links",
    "topology.lazy": "of core.links",
    "topology.book._sources": "of the book",
    "payments._orphans_of": "of payments._orphans",
    "sync._path": "headers of a branch with work, as the chain itself",
    "sync._told": "fixed",
}
LINK_ELSEWHERE = {"buckets": "fixed", "opening": "fixed"}


def containers(thing, prefix="", seen=None):
    """Names of everything below that holds many, as far as it is the machine's own."""
    seen = set() if seen is None else seen
    names = []
    for name, value in vars(thing).items():
        path = f"{prefix}{name}"
        if isinstance(value, SIZED):
            names.append(path)
        elif hasattr(value, "__dict__") and id(value) not in seen and _is_part(value):
            seen.add(id(value))
            names += containers(value, f"{path}.", seen)
    return names


def _is_part(value):
    is_ours = type(value).__module__.startswith("chaindeck.protocol")
    return is_ours and not isinstance(value, Settings | Machine)


def test_every_container_of_a_machine_has_a_cap():
    run = begun(5)
    machine = run.nodes[0].machine
    seen = {id(machine.core), id(machine.topology), id(machine.sync)}
    found = set(containers(machine.core, "core."))
    for part in ("topology", "discovery", "payments", "sync", "blocks"):
        found |= set(containers(getattr(machine, part), f"{part}.", set(seen)))
    found |= {name for name, value in vars(machine).items() if isinstance(value, SIZED)}
    found = {name for name in found if not name.startswith("core.chain.")}
    known = set(MACHINE_CAPS) | set(CAPS_A_LINK) | set(BOUNDED_ELSEWHERE)
    assert found <= known, f"no cap for {sorted(found - known)}"
    assert isinstance(machine.core, Core)


def test_every_container_of_a_link_has_a_cap():
    run = begun(5)
    link = next(iter(run.nodes[0].machine.core.links.values()))
    held = {name for name in Link.__slots__ if isinstance(getattr(link, name), SIZED)}
    assert held <= set(LINK_CAPS) | set(LINK_ELSEWHERE)
    assert all(isinstance(getattr(link, name), int) for name in COUNTS)


def test_machine_at_its_caps_is_left_alone_and_over_them_is_not():
    machine = begun(5).nodes[0].machine
    link = next(iter(machine.core.links.values()))
    links = machine.core.links.values()
    link.queued_blocks = [bytes(32)] * LINK_CAPS["queued_blocks"]
    link.asked = COUNTS["asked"]
    assert not find_overflow(machine, links)
    link.asked += 1
    assert "asked" in find_overflow(machine, links)
    link.asked = -1
    assert "asked" in find_overflow(machine, links)
    link.asked = 0
    link.pending_bytes = 1 << 40
    assert "bytes wait" in find_overflow(machine, links)
    link.pending_bytes = 0
    machine.discovery._heard = dict.fromkeys(range(MACHINE_CAPS["discovery._heard"] + 1), 0)
    assert "_heard" in find_overflow(machine, links)
    machine.discovery._heard = {}
    machine.sync.headers._walks.update(dict.fromkeys(range(len(machine.core.links) + 1), None))
    assert "_walks" in find_overflow(machine, links)


def test_crowd_of_inbound_links_is_noticed():
    machine = begun(5, count=4, nodes={"max_inbound": 1}).nodes[0].machine
    assert not find_crowd(machine)
    links = machine.core.links
    some = next(iter(links.values()))
    some.is_inbound = True
    machine.core.links = dict.fromkeys(range(40), some)
    assert "inbound" in find_crowd(machine)
