"""One run from a scenario to its result: builds the network, lets time pass, looks at everything.

    run = Run(scenario, name="thousand")
    result = run.finish(progress)

A run has three parts: the scenario's duration; then, all faults undone and no payment made, the
time to settle; then a quiet minute without a new block, after which everybody has to agree.
"""

from __future__ import annotations

import hashlib
import math
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial

from chaindeck import __version__
from chaindeck.ledger.difficulty import required_bits
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.state import Admitted, Connected, Event, Fixed, Lost, Reorganised
from chaindeck.ledger.targets import target_of, work_of
from chaindeck.ledger.types import Block, BlockHash
from chaindeck.protocol.events import NetworkEvent, PeerLeft, PeerMisbehaved
from chaindeck.protocol.inputs import Input
from chaindeck.protocol.machine import Machine
from chaindeck.protocol.types import Address, Settings
from chaindeck.simulate import results
from chaindeck.simulate.adversaries import KINDS, Kind, Kit
from chaindeck.simulate.adversaries.kit import CLOCK, LEAVES_AT
from chaindeck.simulate.building import (
    MBIT_BYTES,
    PORT,
    START_MS,
    Acquaintance,
    Wires,
    address_of,
    fitting_hashes_s,
    make_network,
    place_nodes,
    remembered,
    seed_bytes,
    signer_keys,
    stream,
    wallet_key,
)
from chaindeck.simulate.faults import Faults
from chaindeck.simulate.hosting import Guest
from chaindeck.simulate.invariants import RULES, Broken, Invariants
from chaindeck.simulate.library import Library
from chaindeck.simulate.limits import (
    LAST_STEPS,
    MAX_SETTLE_INTERVALS,
    NEWCOMER_KNOWS,
    PROGRESS_STEPS,
    QUIET_S,
    ROOMY_BLOCKS,
    START_WITHIN_US,
)
from chaindeck.simulate.load import Fate, Load, Submitted
from chaindeck.simulate.measures import Measures
from chaindeck.simulate.memory import Memory
from chaindeck.simulate.mining import SimulatedMiner
from chaindeck.simulate.node import SimulatedNode, Watcher, node_key
from chaindeck.simulate.operators import Operators
from chaindeck.simulate.scenario import AdversaryPart, Partition, Scenario
from chaindeck.simulate.world import MS, SECOND, Site, World


class _Spectator(Watcher):
    """Looks at adversaries with a chain of their own: only their mining has to follow it."""

    def __init__(self) -> None:
        self.miners: dict[int, SimulatedMiner] = {}

    def started(self, node: SimulatedNode) -> None:
        self._mine_on(node)

    def happened(self, node: SimulatedNode, event: Event) -> None:
        if isinstance(event, Connected) and event.entry is node.state.tip:
            self._mine_on(node)

    def stop_mining(self) -> None:
        for miner in self.miners.values():
            miner.node.hashes_s = 0
            miner.restart()

    def _mine_on(self, node: SimulatedNode) -> None:
        miner = self.miners.get(node.number)
        if miner is not None:
            miner.restart()


Progress = Callable[[int, int], None]


def _silent(_done: int, _total: int) -> None:
    """Nobody watches."""


class Run(Watcher):
    """One network while it lives."""

    def __init__(self, scenario: Scenario, *, name: str = "scenario") -> None:
        self.scenario = scenario
        self.name = name
        self._memory = Memory()
        seed = scenario.seed
        self._seed = seed_bytes(seed)
        load = scenario.load
        is_paying = load.payments_per_s > 0 or bool(load.bursts) or load.waiting_kb > 0
        keys = [wallet_key(self._seed, n) for n in range(load.wallets if is_paying else 0)]
        signers = signer_keys(self._seed, scenario.network.checkpoint_signers)
        self.network = make_network(scenario, keys, signers)
        quorum = self.network.genesis.checkpoint_quorum
        self._dishonest = tuple(signers[:quorum])
        self.library = Library(self.network)
        self.world = World(stream(seed, "world"), START_MS, Wires(scenario))
        self.nodes: list[SimulatedNode] = []
        self._spectator = _Spectator()
        self._strangers: set[bytes] = set()
        """Where adversaries are."""
        self._families: dict[str, list[Address]] = {}
        """Where those of each kind are who have come."""
        self._adversary_count = sum(part.count for part in scenario.adversaries)
        count = scenario.nodes.count
        self._places = place_nodes(scenario, count)
        self._dice = stream(seed, "people")
        self._acquaintance = Acquaintance(scenario.nodes, self._places, stream(seed, "book"))
        self.measures = Measures(self.world, count)
        self.invariants = Invariants(
            self.world, self.library, count=count, ignored=self._ignored_rules()
        )
        for number in range(count):
            self._make_node(
                self._places[number],
                self._acquaintance.remembered_by(number),
                self._acquaintance.settled_for(number),
            )
        self.operators = Operators(self.world, self.network, signers, self._up_nodes)
        self.miners = self._make_miners(keys)
        self.load = Load(self.world, self.library, load, keys, stream(seed, "load"), self._up_nodes)
        self.load.when_taken = self._payment_made
        self.faults = Faults(self.world, scenario, stream(seed, "faults"), self)
        self.set_power(scenario.mining.power)

    # Building

    def _ignored_rules(self) -> frozenset[str]:
        kinds = [KINDS[part.name] for part in self.scenario.adversaries]
        return frozenset().union(*(kind.breaks for kind in kinds))

    def _make_node(
        self, place: int, known: tuple[bytes, ...], static: tuple[Address, ...]
    ) -> SimulatedNode:
        site = self._site(place)
        settings = self._settings_of(site.number, static)
        node = SimulatedNode(self.world, self.library, settings, site, watcher=self)
        node.kept_peers = known
        self.nodes.append(node)
        self.world.admit(node)
        return node

    def _site(self, place: int) -> Site:
        """Return the next free address, at a place."""
        number = len(self.world.residents)
        return Site(
            number, place, address_of(number), self.scenario.nodes.uplink_mbit_s * MBIT_BYTES
        )

    def _settings_of(self, number: int, static: tuple[Address, ...]) -> Callable[[int], Settings]:
        key = node_key(self._seed, number)

        def settings(life: int) -> Settings:
            drawn = self._seed + number.to_bytes(4, "big") + life.to_bytes(4, "big")
            return Settings(
                network=self.network,
                key=key,
                seed=hashlib.sha256(drawn).digest(),
                port=PORT,
                static_peers=static,
                is_discovering=self.scenario.nodes.discovery,
                max_inbound=self.scenario.nodes.max_inbound,
            )

        return settings

    def _make_miners(self, keys: Sequence[SigningKey]) -> dict[int, SimulatedMiner]:
        """Make the first few nodes miners; where wallets pay, some of them are theirs."""
        miners = {}
        for number in range(self.scenario.mining.miners):
            node = self.nodes[number]
            key = keys[number % len(keys)] if keys else node_key(self._seed, number)
            miner = SimulatedMiner(node, key)
            miner.when_found = self._block_found
            miners[number] = miner
        return miners

    # What faults ask for (`faults.Follower`)

    def set_power(self, power: float) -> None:
        mining = self.scenario.mining
        shares = mining.shares or (1.0,) * mining.miners
        hashes_s = fitting_hashes_s(self.network) * power
        for miner, share in zip(self.miners.values(), shares, strict=True):
            miner.node.hashes_s = hashes_s * share / sum(shares)
            miner.restart()

    def add_node(self) -> SimulatedNode:
        place = self._dice.randrange(len(self.scenario.places))
        known = remembered(self._acquaintance.some(NEWCOMER_KNOWS))
        return self._make_node(place, known, ())

    def disrupted(self, what: str, nodes: Sequence[SimulatedNode]) -> None:
        self.measures.disrupted(what, nodes, self.nodes)

    def clock_moved(self, node: SimulatedNode) -> None:
        self._mine_on(node)

    def _up_nodes(self) -> list[SimulatedNode]:
        return [node for node in self.nodes if node.is_up]

    # Running

    def finish(self, progress: Progress = _silent) -> results.Result:
        """Let the whole scenario happen. A broken rule and Ctrl-C end it early, with a result."""
        started = time.perf_counter()
        with self._memory:
            status, fault = self._try(progress)
        return self._result(status, fault, time.perf_counter() - started)

    def _try(self, progress: Progress) -> tuple[str, results.Fault | None]:
        fault: results.Fault | None = None
        status = "done"
        try:
            self._live(progress)
        except Broken as broken:
            status = "broken"
            fault = results.Fault(
                broken.rule, broken.sentence, broken.detail, broken.node, broken.at_s
            )
        except KeyboardInterrupt:
            status = "interrupted"
        except Exception:  # noqa: BLE001 - whatever a step raises is what the run was to find
            status = "broken"
            acting = self.world.acting
            fault = results.Fault(
                "step-raises",
                RULES["step-raises"],
                traceback.format_exc(),
                acting.number if acting else None,
                self.world.elapsed_s,
            )
        return status, fault

    def _live(self, progress: Progress) -> None:
        scenario = self.scenario
        total_s = scenario.duration_s + scenario.settle_s + 2 * QUIET_S
        self.begin()
        self._pass(scenario.duration_s, progress, total_s)
        self.load.stop()
        self.faults.undo()
        self._pass(scenario.settle_s, progress, total_s)
        self._wait_for_blocks()
        power = self._end_mining()
        # What is still on its way arrives first, or it could tie with the last block.
        self._pass(QUIET_S, progress, total_s)
        self._find_last(power)
        self._pass(QUIET_S, progress, total_s)
        self.invariants.quiet(self.nodes)
        self.invariants.settled(self.load.fates(self.nodes))
        progress(int(total_s), int(total_s))

    def begin(self) -> None:
        """Start everybody within a second, and what the scenario has in store."""
        world = self.world
        for node in self.nodes:
            world.after(int(self._dice.random() * START_WITHIN_US), node.start)
        for part in self.scenario.adversaries:
            for _ in range(part.count):
                at_us = world.start_us + int(part.from_s * SECOND)
                world.at(at_us, self._enter, part, KINDS[part.name])
        self.load.start(self.scenario.duration_s)
        self.faults.start()

    def _pass(self, span_s: float, progress: Progress, total_s: float) -> None:
        """Let time pass, and tell now and then how far it is."""
        start_us = self.world.now_us
        for step in range(1, PROGRESS_STEPS + 1):
            self.world.run_until(start_us + int(span_s * SECOND * step / PROGRESS_STEPS))
            self._memory.look()
            progress(min(int(self.world.elapsed_s), int(total_s) - 1), int(total_s))

    def _wait_for_blocks(self) -> None:
        """Wait on until all that waited when the last payment was made has had room in blocks."""
        if not (self.miners and self.load.submitted):
            return
        undone_ms = (self.world.now_us - int(self.scenario.settle_s * SECOND)) // MS
        for _ in range(MAX_SETTLE_INTERVALS):
            if self._had_room_since(undone_ms):
                return
            self.world.run_until(self.world.now_us + self._interval_us())

    def _had_room_since(self, time_ms: int) -> bool:
        """Whether the last few blocks came since then and were half empty.

        A block takes what waits while it has room; so what still waits then waits for nothing.
        """
        genesis = self.network.genesis
        tree, tip = self.nodes[0].state.tree, self.nodes[0].state.tip
        last = [self.library.blocks[entry.header.hash] for entry in tree.window(tip, ROOMY_BLOCKS)]
        return last[0].header.height > 0 and all(
            block.header.time_ms > time_ms
            and 2 * len(block.raw) <= genesis.max_block_bytes
            and 2 * block.index.signature_count <= genesis.max_block_signatures
            for block in last
        )

    def _interval_us(self) -> int:
        """Return what a block takes: the network's interval, or longer where hash rate is gone."""
        hashes_s = sum(miner.node.hashes_s for miner in self.miners.values())
        network, state = self.network, self.nodes[0].state
        time_ms = state.tip.header.time_ms + 1
        target = target_of(required_bits(network, state.tree, state.tip, time_ms).target_bits)
        assert target is not None, "the rule gives canonical bits"
        return max(network.genesis.block_interval_ms * MS, int(work_of(target) / hashes_s * SECOND))

    def _end_mining(self) -> float:
        """Have nobody find a further block; return what hash rate there was."""
        self._spectator.stop_mining()
        power = sum(miner.node.hashes_s for miner in self.miners.values())
        for miner in self.miners.values():
            miner.node.hashes_s = 0
            miner.restart()
        return power

    def _find_last(self, power: float) -> None:
        """Let one miner find a last block, which decides any race."""
        if not self.miners:
            return
        last = next(iter(self.miners.values()))
        last.node.hashes_s = power
        last.restart()
        before = last.found
        for _ in range(MAX_SETTLE_INTERVALS * LAST_STEPS):
            if last.found > before:
                break
            self.world.run_until(self.world.now_us + self._interval_us() // LAST_STEPS)
        last.node.hashes_s = 0
        last.restart()

    # Adversaries

    def _enter(self, part: AdversaryPart, kind: Kind) -> None:
        site = self._site(self._dice.randrange(len(self.scenario.places)))
        self._strangers.add(site.address.ip)
        family = self._families.setdefault(part.name, [])
        drawn = self._seed + b"adversary" + site.number.to_bytes(4, "big")
        defaults = {name: option.default for name, option in kind.options.items()}
        kit = Kit(
            network=self.network,
            key=node_key(self._seed, site.number),
            seed=hashlib.sha256(drawn).digest(),
            address=site.address,
            known=self._known_to(part),
            friends=tuple(family),
            options=defaults | part.options,
            signers=self._dishonest if kind.needs_signers else (),
        )
        family.append(site.address)
        resident: Guest | SimulatedNode
        if kind.node is not None:
            resident = self._host_node(kit, kind.node, part.power, site)
        else:
            assert kind.peer is not None, "a kind is one or the other"
            resident = Guest(self.world, kind.peer(kit), site)
        self.world.admit(resident)
        resident.start()
        if part.until_s is not None:
            self.world.at(self.world.start_us + int(part.until_s * SECOND), resident.stop)

    def _known_to(self, part: AdversaryPart) -> tuple[Address, ...]:
        if part.victim is None:
            return self._acquaintance.some(part.known)
        return (self.nodes[part.victim].address,)

    def _host_node(
        self, kit: Kit, twist: Callable[[Kit, Machine], Machine], power: float, site: Site
    ) -> SimulatedNode:
        """Let an adversary have a chain of its own, and hash rate as far as the scenario says."""
        node = SimulatedNode(
            self.world,
            self.library,
            self._settings_of(site.number, ()),
            site,
            watcher=self._spectator,
            twist=partial(twist, kit),
        )
        node.kept_peers = remembered(kit.known)
        if power:
            node.hashes_s = fitting_hashes_s(self.network) * power
            leaves_at = kit.options.get(LEAVES_AT, math.inf)
            miner = SimulatedMiner(node, kit.key, leaves_at=leaves_at)
            self._spectator.miners[site.number] = miner
        node.set_clock(int(kit.options.get(CLOCK, 0)))
        return node

    # What nodes tell (`node.Watcher`)

    def started(self, node: SimulatedNode) -> None:
        self.invariants.started(node)
        self._mine_on(node)

    def stopped(self, node: SimulatedNode, *, lost_blocks: int | None = None) -> None:
        self.measures.stopped(node)
        if lost_blocks is not None:
            others = [other for other in self.nodes if other is not node and other.is_up]
            self.load.note_lost(node, others)
            for block_hash in node.keeper.active[-lost_blocks:] if lost_blocks else ():
                self.load.note_lost_block(block_hash, others)

    def stepped(self, node: SimulatedNode, happened: Input) -> None:
        self.invariants.stepped(node, happened)

    def refused(self, node: SimulatedNode, block: Block, error: RuleError) -> None:
        self.invariants.refused(node, block, error)

    def told(self, node: SimulatedNode, event: NetworkEvent) -> None:
        if isinstance(event, PeerMisbehaved):
            self.invariants.barred(node, event)
        elif isinstance(event, PeerLeft) and event.address.ip in self._strangers:
            self.measures.parted(event.code)

    def happened(self, node: SimulatedNode, event: Event) -> None:
        if isinstance(event, Admitted):
            self.measures.payment_admitted(node, event.transaction.id)
        elif isinstance(event, Connected):
            self.measures.block_connected(node, event.block.hash)
            if event.entry is node.state.tip:
                self.invariants.moved(node)
                self.measures.moved(node)
                self._mine_on(node)
        elif isinstance(event, Lost):
            self.load.note_drop(event.dropped.tx_id, event.dropped.code)
        elif isinstance(event, Reorganised):
            self.measures.reorganisation(event)
        elif isinstance(event, Fixed):
            self._mine_on(node)
        if isinstance(event, Fixed | Connected):
            self.operators.notice(node)

    def _mine_on(self, node: SimulatedNode) -> None:
        miner = self.miners.get(node.number)
        if miner is not None:
            miner.restart()

    def _block_found(self, miner: SimulatedMiner, block: Block) -> None:
        self.measures.block_found(block, miner.node.number, len(self._up_nodes()))

    def _payment_made(self, record: Submitted) -> None:
        self.measures.payment_made(record.transaction.id, record.node, len(self._up_nodes()))

    # The result

    def _result(self, status: str, fault: results.Fault | None, wall_s: float) -> results.Result:
        world, measures = self.world, self.measures
        up = [node for node in self._up_nodes() if node.life]
        best = max(up, key=lambda node: node.state.tip.work, default=None)
        active = best.keeper.active if best else [self.network.block.hash]
        weights = {number: miner.node.hashes_s or 1.0 for number, miner in self.miners.items()}
        intervals = self._intervals(active)
        mean_s = sum(took for _, took in intervals) / len(intervals) if intervals else 0.0
        chain = set(active)
        blocks = [spread for key, spread in measures.blocks.items() if key in chain]
        payments = [spread for spread in measures.payments.values() if spread.arrivals_us]
        fates: dict[str, int] = {fate.value: 0 for fate in Fate}
        holders = [best, *(node for node in up if node is not best)] if best else []
        for fate in self.load.fates(holders).values():
            fates[fate] += 1
        return results.Result(
            scenario=self.name,
            about=self.scenario.about,
            seed=self.scenario.seed,
            version=__version__,
            status=status,
            fault=fault,
            trace_hash=world.trace_hash,
            nodes=len(self.nodes),
            adversaries=self._adversary_count,
            virtual_s=world.elapsed_s,
            wall_s=wall_s,
            speed=world.elapsed_s / wall_s if wall_s else 0.0,
            events=world.events,
            events_per_s=world.events / wall_s if wall_s else 0.0,
            height=len(active) - 1,
            blocks=results.percentiles(results.reach_times(measures, blocks)),
            blocks_curve=results.curve(measures, blocks),
            payments=results.percentiles(results.reach_times(measures, payments)),
            payments_curve=results.curve(measures, payments),
            payments_total=len(self.load.submitted),
            fates=fates,
            stale=results.stale(measures, active, weights, mean_s),
            bandwidth=results.bandwidth(
                [world.bytes_sent[node.number] for node in self.nodes], world.elapsed_s
            ),
            reorganisations=dict(sorted(measures.reorganised.items())),
            partings=dict(sorted(measures.partings.items())),
            recoveries=[
                results.Recovered(
                    item.what,
                    (item.since_us - world.start_us) / SECOND,
                    None if item.took_us is None else item.took_us / SECOND,
                )
                for item in measures.recoveries
            ],
            intervals=intervals,
            islands=[
                (fault_.at_s, fault_.heal_s)
                for fault_ in self.scenario.faults
                if isinstance(fault_, Partition)
            ],
        )

    def _intervals(self, active: Sequence[BlockHash]) -> list[tuple[float, float]]:
        """Return when each block of a chain came, and how long after the one before."""
        times = [int(self.library.blocks[item].header.time_ms) for item in active[1:]]
        return [
            ((after - START_MS) / MS, (after - before) / MS)
            for before, after in zip([START_MS, *times], times, strict=False)
        ]
