"""Long measurements that are run when their area changes, and recorded as evidence.

    python -m tools.evidence sustained -- python -m bench.proofs sustained
    python -m tools.evidence batches -- python -m bench.proofs batches
    python -m tools.evidence four-nodes -- python -m bench.proofs four-nodes

Each prints what it found and ends with 1 where a floor does not hold or anything is lost.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.network import confirmed_rate
from bench.node_process import empty_folder, node

SUSTAINED_S: Final = 600
SUSTAINED_FLOOR, SUSTAINED_GOAL = 2_000, 5_000
FOUR_NODES, FOUR_NODES_COINS = 600_000, 40_000
FOUR_NODES_FLOOR, FOUR_NODES_GOAL = 1_000, 2_000


def sustained() -> bool:
    """Ten minutes of single payments on four connections, more than are taken."""
    return sustain("one by one on four connections", "--rate=3400", "--connections=4")


def batches() -> bool:
    """Ten minutes of payments in batches, as many as the goal asks for."""
    return sustain("in batches of 100", "--rate=5200", "--connections=2", "--batch=100")


def sustain(manner: str, *options: str) -> bool:
    """Load one node that mines as payments come, on a chain that grows."""
    with empty_folder() as folder, node(folder, "--mining=interval") as (client, _):
        command = [str(Path(sys.executable).with_name("chaindeck")), "bench", "node", "--json"]
        where = ("--node", client.access.url, "--token-file", str(folder / "api.cookie"))
        done = subprocess.run(
            [*command, *where, "--duration", str(SUSTAINED_S), *options],
            check=True,
            stdout=subprocess.PIPE,
        )
        (found,) = msgspec.json.decode(done.stdout)
        height, memory = client.status().height, client.stats().memory_bytes
    rate = found["accepted"] / found["took_s"]
    is_whole = not found["lost"] and found["accepted"] == found["confirmed"]
    _tell(manner, rate, SUSTAINED_FLOOR, SUSTAINED_GOAL)
    _list(found, ("accepted", "refused", "confirmed", "lost", "took_s", "p50_ms", "p99_ms"))
    print(f"    blocks {height}, memory {memory / 1e6:.0f} MB", flush=True)
    return is_whole and rate >= SUSTAINED_FLOOR


def four_nodes() -> bool:
    """Payments to one of four nodes, until blocks that all four have hold them; none is lost."""
    rate = confirmed_rate(FOUR_NODES, FOUR_NODES_COINS)
    _tell(f"{FOUR_NODES:,} payments over four nodes", rate, FOUR_NODES_FLOOR, FOUR_NODES_GOAL)
    return rate >= FOUR_NODES_FLOOR


def _tell(what: str, rate: float, floor: int, goal: int) -> None:
    print(f"{what}: {rate:,.0f}/s (floor {floor:,}, goal {goal:,})", flush=True)


def _list(found: dict[str, Any], names: tuple[str, ...]) -> None:
    print("    " + ", ".join(f"{name} {found[name]:,.0f}" for name in names))


PROOFS: Final[dict[str, Callable[[], bool]]] = {
    "sustained": sustained,
    "batches": batches,
    "four-nodes": four_nodes,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("proof", choices=PROOFS)
    sys.exit(0 if PROOFS[parser.parse_args().proof]() else 1)
