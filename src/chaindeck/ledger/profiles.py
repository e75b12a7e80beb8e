"""Genesis documents for the three situations that networks are started in.

* `dev`: one person's chain. Trivial work, rewards spendable after one block, a miner that answers
  each transaction; its addresses start with `tdeck` so that they pass nowhere else.
* `local`: the default of `chaindeck up`. Real proof of work that a laptop does with little effort.
* `consortium`: organisations that know each other. Listed miners take turns, and a majority of
  checkpoint signers can fix history.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from chaindeck.ledger.genesis import Allocation, DifficultyRule, Genesis, check_genesis
from chaindeck.ledger.limits import COIN

DEFAULT_TIME_MS = 1_767_225_600_000
"""2026-01-01 00:00 UTC, for networks that need no time of their own."""

_TRIVIAL_BITS = 0x207FFFFF
_LAPTOP_BITS = 0x1E0FFFFF
"""About a million hashes: a tenth of a second of one core with SHA instructions, a few without."""

_LOCAL = Genesis(
    name="local",
    address_prefix="deck",
    time_ms=DEFAULT_TIME_MS,
    easiest_bits=_LAPTOP_BITS,
    block_interval_ms=10_000,
    difficulty="step100",
    subsidy=25 * COIN,
    # Half a year of blocks at ten seconds.
    halving_interval=1_576_800,
    maturity=10,
    max_block_bytes=8_000_000,
    max_block_signatures=50_000,
)


def dev(
    *,
    name: str = "dev",
    time_ms: int = DEFAULT_TIME_MS,
    allocations: Sequence[Allocation] = (),
) -> Genesis:
    """Return the document of a development chain."""
    return _checked(
        replace(
            _LOCAL,
            name=name,
            address_prefix="tdeck",
            time_ms=time_ms,
            easiest_bits=_TRIVIAL_BITS,
            difficulty="none",
            maturity=1,
            allocations=tuple(allocations),
        )
    )


def local(
    *,
    name: str = "local",
    time_ms: int = DEFAULT_TIME_MS,
    allocations: Sequence[Allocation] = (),
    **others: object,
) -> Genesis:
    """Return the document of a network on one machine or one desk; `others` are more fields."""
    fields: dict[str, object] = {
        "name": name,
        "time_ms": time_ms,
        "allocations": tuple(allocations),
        **others,
    }
    return _checked(replace(_LOCAL, **fields))


def consortium(
    *,
    name: str,
    time_ms: int,
    miners: Sequence[str],
    checkpoint_signers: Sequence[str] = (),
    mining_diversity_permille: int = 500,
    difficulty: DifficultyRule = "step100",
    allocations: Sequence[Allocation] = (),
    **others: object,
) -> Genesis:
    """Return the document of a network of known miners; `others` are more fields.

    A majority of the signers fixes checkpoints, unless `checkpoint_quorum` says otherwise.
    """
    fields: dict[str, object] = {
        "name": name,
        "time_ms": time_ms,
        "difficulty": difficulty,
        "maturity": 100,
        "allocations": tuple(allocations),
        "miners": tuple(miners),
        "mining_diversity_permille": mining_diversity_permille,
        "checkpoint_signers": tuple(checkpoint_signers),
        "checkpoint_quorum": len(checkpoint_signers) // 2 + 1 if checkpoint_signers else 0,
        **others,
    }
    return _checked(replace(_LOCAL, **fields))


def _checked(genesis: Genesis) -> Genesis:
    check_genesis(genesis)
    return genesis
