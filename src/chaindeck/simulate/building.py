"""Builds what a scenario describes: the network's document, addresses, places, who knows whom.

Nothing runs yet. All chance is drawn from streams of the one seed, a stream for each purpose, so
that another load does not move the nodes.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from msgspec.structs import replace

from chaindeck.ledger import profiles
from chaindeck.ledger.addresses import encode_address
from chaindeck.ledger.genesis import Allocation, Network, build_network
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.targets import work_of
from chaindeck.protocol.book import PeerBook
from chaindeck.protocol.entropy import Entropy
from chaindeck.protocol.types import Address, NodeKey, make_address
from chaindeck.simulate.limits import ALLOCATIONS, MAX_KNOWN, WALLET_AMOUNT
from chaindeck.simulate.scenario import NodesPart, Scenario, WirePart
from chaindeck.simulate.world import Wire

START_MS: Final = 1_900_000_000_000
"""When runs begin, a day in 2030."""

GENESIS_MS: Final = START_MS - 3_600_000
"""The network was described an hour before: the first interval says nothing about hash rate."""

PORT: Final = 8333
MBIT_BYTES: Final = 125_000
_UNPROVED = NodeKey(bytes(33))
_HOSTS_A_NET = 250


def seed_bytes(seed: int) -> bytes:
    return hashlib.sha256(b"chaindeck/simulate" + seed.to_bytes(8, "big")).digest()


def stream(seed: int, purpose: str) -> random.Random:
    """Return the chance of one purpose."""
    return random.Random(f"{seed} {purpose}")  # noqa: S311 - a run that repeats, not a secret


def address_of(number: int) -> Address:
    return make_address(f"10.{number // _HOSTS_A_NET}.{number % _HOSTS_A_NET}.1", PORT)


def wallet_key(seed: bytes, number: int) -> SigningKey:
    return SigningKey(hashlib.sha256(seed + b"wallet" + number.to_bytes(4, "big")).digest())


def signer_keys(seed: bytes, count: int) -> list[SigningKey]:
    """Return the keys of those who sign checkpoints."""
    return [
        SigningKey(hashlib.sha256(seed + b"signer" + number.to_bytes(4, "big")).digest())
        for number in range(count)
    ]


def make_network(
    scenario: Scenario, wallets: Sequence[SigningKey], signers: Sequence[SigningKey]
) -> Network:
    """Return the network, with allocations for wallets that have a load to carry."""
    part = scenario.network
    each = max(1, ALLOCATIONS // max(1, len(wallets)))
    allocations = tuple(
        Allocation(encode_address(key.key_hash, "tdeck"), WALLET_AMOUNT // each)
        for key in wallets
        for _ in range(each)
    )
    document = replace(
        profiles.dev(name="simulated", time_ms=GENESIS_MS, allocations=allocations),
        difficulty=part.difficulty,
        block_interval_ms=int(part.block_interval_s * 1000),
        max_block_bytes=part.max_block_kb * 1000,
        max_block_signatures=max(1, part.max_block_kb * 6),
        maturity=part.maturity,
        checkpoint_signers=tuple(encode_address(key.key_hash, "tdeck") for key in signers),
        checkpoint_quorum=len(signers) // 2 + 1 if signers else 0,
    )
    return build_network(document)


def fitting_hashes_s(network: Network) -> float:
    """Return the hash rate at which the easiest target gives the network's block interval."""
    return work_of(network.easiest_target) * 1000 / network.genesis.block_interval_ms


def place_nodes(scenario: Scenario, count: int) -> list[int]:
    """Return the place of each node, by the shares of the places, in turns."""
    shares = [place.share for place in scenario.places]
    sums = list(accumulate(shares))
    # In turns, so that the first few nodes, which mine, are not all in one place.
    golden = (5**0.5 - 1) / 2
    points = [(number * golden) % 1 * sums[-1] for number in range(count)]
    return [next(row for row, end in enumerate(sums) if point < end) for point in points]


class Wires:
    """How it is to send between any two places."""

    def __init__(self, scenario: Scenario) -> None:
        names = [place.name for place in scenario.places]
        count = len(names)
        between, within = _wire(scenario.between), _wire(scenario.within)
        self._rows = [
            [within if row == column else between for column in range(count)]
            for row in range(count)
        ]
        for pair in scenario.pairs:
            one, other = names.index(pair.places[0]), names.index(pair.places[1])
            self._rows[one][other] = self._rows[other][one] = _wire(pair)

    def __call__(self, one: int, other: int) -> Wire:
        return self._rows[one][other]


def _wire(part: WirePart) -> Wire:
    return Wire(int(part.latency_ms * 1000), int(part.jitter_ms * 1000), part.loss_percent / 100)


class Acquaintance:
    """Whose addresses each node starts with."""

    def __init__(self, part: NodesPart, places: Sequence[int], dice: random.Random) -> None:
        self._part = part
        self._places = places
        self._dice = dice
        self._addresses = [address_of(number) for number in range(part.count)]
        self._rows = remembered(self._addresses)

    def remembered_by(self, number: int) -> tuple[bytes, ...]:
        """Return what a node's machine kept of its peers, as it were, from a life before."""
        count, topology = self._part.count, self._part.topology
        if topology == "mesh":
            known = range(count) if count <= MAX_KNOWN else self._some(MAX_KNOWN)
        elif topology == "random":
            known = self._some(min(count, self._part.known + 1))[: self._part.known]
        else:
            return ()
        return tuple([self._rows[other] for other in known if other != number])

    def settled_for(self, number: int) -> tuple[Address, ...]:
        """Return the peers that an operator gave a node to keep links with."""
        topology = self._part.topology
        if topology == "star" and number:
            return (self._addresses[0],)
        if topology == "line" and number:
            return (self._addresses[number - 1],)
        if topology == "sites":
            return self._of_site(number)
        return ()

    def some(self, count: int) -> tuple[Address, ...]:
        """Return a few addresses, for whoever comes later."""
        return tuple([self._addresses[number] for number in self._some(count)])

    def _some(self, count: int) -> list[int]:
        return self._dice.sample(range(self._part.count), min(count, self._part.count))

    def _of_site(self, number: int) -> tuple[Address, ...]:
        here = self._places[number]
        near = [other for other, place in enumerate(self._places) if place == here]
        far = [other for other, place in enumerate(self._places) if place != here]
        known = [other for other in near if other != number]
        if far:
            known.append(self._dice.choice(far))
        return tuple(self._addresses[other] for other in known)


def remembered(addresses: Sequence[Address]) -> tuple[bytes, ...]:
    """Return addresses as a machine keeps them over a restart, in their order."""
    book = PeerBook(Entropy(b""))
    for address in addresses:
        book.learn(address, "static", START_MS // 1000)
        book.linked(address, _UNPROVED, START_MS // 1000)
    return book.encode()
