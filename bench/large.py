"""Records of a busy year: 100,000 payments, 1,000,000 lines of the activity log, all else full.

`python -m bench.large HOME` fills the database that the environment names, in pieces, so that a
coordinator may run beside it, and prints as JSON what pages can be asked for. The chain is the one
of the store's benchmarks; every other table has as many rows as its retention leaves.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from bench.store import NETWORK, OWNERS, make_base, make_chain
from chaindeck.ledger.addresses import encode_address
from chaindeck.ledger.codec import decode_block
from chaindeck.records import setup
from chaindeck.records.types import NewBlock
from chaindeck.store import ChainStore

LINES: Final = 1_000_000
EVENTS: Final = 100_000
STATS: Final = 500_000
WAITING: Final = 10_000
NODES: Final = 12
LABELS: Final = 500
SAMPLES: Final = 720
MEASURES: Final = 60
_PIECE: Final = 10_000
_STEP_MS: Final = 2_500
"""Between lines of the activity log: they reach back for a month."""

_SAMPLE_MS: Final = 5_000
_ACTIONS: Final = ("sign-in", "sign-out", "sign-in-failed", "token-made", "node-ordered", "payment")
_SEVERITIES: Final = ("info",) * 96 + ("warning",) * 3 + ("error",)
_CHANCE: Final = random.Random(7)


def main(home: Path) -> None:
    """Fill it, and say what is in it."""
    setup.configure(home, os.environ)
    setup.migrate(home)
    bulk = importlib.import_module("chaindeck.records.bulk")
    transaction = importlib.import_module("django.db").transaction
    known = index_chain()
    now = bulk.now_ms()
    for table, columns, rows in tables(bulk, now, known["address"]):
        while piece := list(islice(rows, _PIECE)):
            with transaction.atomic():
                bulk.insert(table, columns, piece)
    bulk.run("UPDATE journal SET last_seq = (SELECT MAX(seq) FROM events)")
    setup.refresh_statistics()
    print(json.dumps(known))


def index_chain() -> dict[str, str]:
    """Index all blocks; return a payment, an owner, and the largest block."""
    chain = importlib.import_module("chaindeck.records.services.chain")
    chain.chain_begin(
        network_id=NETWORK.id.hex(),
        genesis_hash=NETWORK.block.hash.hex(),
        address_prefix=NETWORK.genesis.address_prefix,
    )
    folder, _ = make_base()
    with ChainStore.open(folder, NETWORK) as store:
        for height in range(store.height() + 1):
            block_hash = store.active_hash(height)
            assert block_hash is not None
            raw = store.load_body(block_hash)
            assert raw is not None
            chain.chain_apply(blocks=[NewBlock(decode_block(raw), "0")])
    raws, _ = make_chain()
    for raw in raws:
        chain.chain_apply(blocks=[NewBlock(decode_block(raw), "0")])
    newest = decode_block(raws[-1])
    return {
        "block": newest.hash.hex(),
        "transaction": newest.index.txids[1].hex(),
        "miner": encode_address(OWNERS[0], NETWORK.genesis.address_prefix),
        "address": encode_address(OWNERS[1], NETWORK.genesis.address_prefix),
    }


def tables(
    bulk: ModuleType, now: int, address: str
) -> Iterator[tuple[str, Sequence[str], Iterator[Sequence[Any]]]]:
    """Yield each table with its columns and rows, the oldest first."""
    at = bulk.stored_moment
    yield "activities", _LINE, (_line(at(now - _STEP_MS * age)) for age in _ages(LINES))
    yield "events", _EVENT, (_event(now, age) for age in _ages(EVENTS))
    yield "network_stats", _STAT, (_stat(at(now - _SAMPLE_MS * age)) for age in _ages(STATS))
    yield "live_metrics", _METRIC, _metrics(at, now)
    yield "transactions", _WAITING, (_waiting(at, now, place, address) for place in range(WAITING))
    yield "nodes", _NODE, (_node(at(now), place) for place in range(NODES))
    yield "address_labels", _LABEL, (_label(at(now), place) for place in range(LABELS))


def _ages(count: int) -> Iterator[int]:
    return iter(range(count, 0, -1))


_LINE = ("timestamp", "severity", "action", "user", "description", "ip_address", "source")


def _line(at: object) -> Sequence[object]:
    user = f"person-{int(_CHANCE.paretovariate(1)) % 200}"
    action, severity = _CHANCE.choice(_ACTIONS), _CHANCE.choice(_SEVERITIES)
    return (at, severity, action, user, f"{user} did {action}", "10.0.0.7", "web")


_EVENT = ("seq", "time_ms", "topic", "kind", "key", "data")


def _event(now: int, age: int) -> Sequence[object]:
    """Every ten-thousandth tells of the pool; the others are measurements."""
    seq, time_ms = 10_000_000 - age, now - 800 * age
    if age % 10_000 == 0:
        pool = {
            "count": WAITING, "bytes": 2_500_000, "max_bytes": 100_000_000, "floor_per_kb": 10,
            "fee_histogram": [{"least_per_kb": 10, "count": WAITING, "bytes": 2_500_000}],
            "projected_blocks": [],
        }  # fmt: skip
        return (seq, time_ms, "pool", "changed", "pool", json.dumps(pool))
    data = {"cpu_percent": 3.5, "memory_percent": 41.0, "words": "x" * 200}
    return (seq, time_ms, "system", "metrics", "machine", json.dumps(data))


_STAT = (
    *("timestamp", "total_nodes", "network_height", "tx_count", "hash_rate", "tx_rate"),
    *("blocks_per_minute", "propagation_ms", "forks", "pool_count"),
)


def _stat(at: object) -> Sequence[object]:
    return (at, NODES, 396, 100_000, 1e4, 9.5, 6.0, 12.0, 0, WAITING)


_METRIC = ("metric_type", "metric_value", "timestamp")


def _metrics(at: Any, now: int) -> Iterator[Sequence[object]]:  # noqa: ANN401 - what a database stores
    names = ["machine.memory_percent", "node-1.cpu_percent", "node-1.memory_bytes"]
    names += [f"part-{place}.cpu_percent" for place in range(MEASURES - len(names))]
    for age in _ages(SAMPLES):
        for name in names:
            yield (name, _CHANCE.random(), at(now - _SAMPLE_MS * age + 1_000))


_WAITING = (
    *("id", "tx_hash", "from_addr", "to_addr", "amount", "timestamp", "status", "fee", "size"),
    *("made_ms", "reason"),
)


def _waiting(at: Any, now: int, place: int, address: str) -> Sequence[object]:  # noqa: ANN401 - what a database stores
    status = "dropped" if place % 5 == 0 else "pending"
    tx_id = _CHANCE.randbytes(32).hex()
    when = now - 1_000 * (WAITING - place)
    return (-place - 1, tx_id, address, address, 500, at(when), status, 20, 250, when, "")


_NODE = (
    *("name", "node_id", "ip_address", "port", "url", "last_seen", "chain_height", "is_active"),
    *("tip_hash", "version", "peers", "pool_count", "state", "is_ours"),
)


def _node(at: object, place: int) -> Sequence[object]:
    name, url = f"node-{place + 1}", f"http://127.0.0.1:{20_000 + place}"
    who = (name, f"{place:064x}", "127.0.0.1", 30_000 + place, url)
    return (*who, at, 396, True, "ab" * 32, "1.0", 11, WAITING, "up", False)


_LABEL = ("address", "label", "is_watched", "created")


def _label(at: object, place: int) -> Sequence[object]:
    address = encode_address(OWNERS[2 + place], NETWORK.genesis.address_prefix)
    return (address, f"customer {place}", place % 3 == 0, at)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
