"""Numbers of the simulated world, each with its unit and reason."""

from typing import Final

# The world

DIAL_TIMEOUT_US: Final = 5_000_000
"""What a caller waits where nobody answers."""

RETRANSMIT_US: Final = 200_000
"""How much later a packet comes that was lost once."""

HEALED_AFTER_US: Final = 1_000_000
"""After a partition, a sender tries again once to twice so much later."""

REPORT_TAKEN_BYTES: Final = 32_768
"""What has left a node is reported to it in such steps, far smaller than what it lets wait."""

FIRST_EPHEMERAL_PORT: Final = 32_768
EPHEMERAL_PORTS: Final = 28_000
"""Where outgoing connections seem to come from."""

TRACE_BATCH_BYTES: Final = 65_536
"""What happened is rolled into the trace hash in pieces of this size, which is quicker."""

# One node

EXPIRE_INTERVAL_US: Final = 60_000_000
"""How often a node lets payments go that have waited for too long."""

READ_BYTES: Final = 64_000_000
"""Frames whose meaning is remembered for all nodes together."""

MINE_AGAIN_US: Final = 1_000_000
"""When a miner tries again whose clock was set back behind its tip."""

JOURNAL_BATCHES: Final = 2
"""Changes that a disk may have taken and not kept when the power goes."""

COLLECT_AFTER: Final = 200_000
"""New objects after which Python's collector looks for cycles, of which a run makes few."""

GATHER_FROM_KIB: Final = 128 * 1024
"""Memory from which on large pages are worth a second: a hundred nodes hold less."""

GATHER_GROWTH: Final = 1.25
"""It is put together again when there is so many times as much."""

START_WITHIN_US: Final = 1_000_000
"""All nodes start within so long, each at a moment drawn for it."""

NEWCOMER_KNOWS: Final = 20
"""Addresses that a node starts with which comes later."""

PROGRESS_STEPS: Final = 200
"""How often each part of a run tells how far it is."""

# Scenarios

MAX_NODES: Final = 20_000
"""A node takes about 60 KB: more than a gigabyte in all is nothing for a laptop."""

MAX_PLACES: Final = 100
MAX_KNOWN: Final = 1_000
"""Addresses that a node knows at first: what its book holds."""

MAX_DURATION_S: Final = 30 * 86_400
MAX_LATENCY_MS: Final = 60_000
MAX_RATE_PER_S: Final = 10_000
"""Payments: more than one process makes and checks in virtual time of any use."""

MAX_WALLETS: Final = 1_000
"""Each is an allocation of the genesis block, which holds so many."""

MAX_FAULTS: Final = 1_000
MAX_ADVERSARIES: Final = 1_000
MAX_CLOCK_STEP_MS: Final = 86_400_000
MAX_DRIFT_PPM: Final = 100_000
"""A tenth: clocks of broken machines drift by a thousandth at most."""

MAX_SCENARIO_BYTES: Final = 1_000_000
"""A scenario file is a page or two."""

MAX_SWARM_SEED: Final = 2**53
"""Seeds of drawn scenarios: what every JSON reader holds exactly."""

QUIET_S: Final = 60
"""At the end of a run nobody mines for so long, and then everybody has to agree."""

ROOMY_BLOCKS: Final = 3
"""Half-empty blocks in a row after the last payment, by which every payment has to be in one."""

MAX_SETTLE_INTERVALS: Final = 100
"""Times that a block takes, which are waited for those blocks at most."""

LAST_STEPS: Final = 20
"""Looks a block interval at whether the last block has been found."""

MAX_SIGNERS: Final = 21
"""Of checkpoints: a quorum of people who can be asked within a minute."""

OPERATORS_LOOK_US: Final = 60_000_000
"""How long after an alarm the honest signers have agreed and signed."""

# Loads

ALLOCATIONS: Final = 960
"""Coins that all wallets have together at first: nearly what a genesis block holds."""

WALLET_AMOUNT: Final = 10**12
"""Base units that a wallet starts with: ten thousand coins."""

MAX_WAITING_KB: Final = 20_000
"""Kilobytes of payments that wait everywhere: a thousand coins, each spent in 20 KB."""

WIDE_PAYMENT_BYTES: Final = 20_000
"""Of each of the payments that wait everywhere: few, so that many nodes hold them."""

OUTPUT_BYTES: Final = 27
"""Of a payment's output, about."""

LEAST_COIN: Final = 10_000
"""Base units of a coin that a wallet still spends: it is halved at each payment."""

CHAINED_SHARE: Final = 0.2
"""Payments that spend a wallet's newest coin, so that chains of payments wait together."""

JOINED_SHARE: Final = 0.3
"""Payments that spend two coins, so that coins do not only become smaller."""

MAX_FEE: Final = 2_000
"""Base units; drawn evenly from 0, so that pools have something to order."""

REFRESH_US: Final = 20_000_000
"""A wallet without a coin looks at the chain again at most so often."""

DRIFT_STEP_US: Final = 5_000_000
"""A clock that drifts is moved so often."""

# Invariants

SMALL_NETWORK: Final = 100
"""Nodes up to which every step is looked at; beyond, one step in `SAMPLED_STEPS`."""

SAMPLED_STEPS: Final = 64
ALL_LINKS_STEPS: Final = 64
"""At one step in so many all links are looked at, at the others the one that was heard of."""

SMALL_COIN_COUNT: Final = 5_000
"""Coins up to which each new block is applied and undone for comparison."""

MAX_TIMERS: Final = 20_000
"""Timers of one machine: some a link, and one an orphan of the last minute."""

MAX_TICKETS: Final = 10_000
"""Batches of payments in the hands of one pool."""

# Measures

FOLLOWED_PAYMENTS: Final = 2_000
"""Payments whose way to every node is measured; the rest are only counted."""

FOLLOWED_BLOCKS: Final = 2_000
"""Blocks whose way to every node is measured."""

FOLLOWED_MOMENTS: Final = 4_000_000
"""Arrivals that are remembered of blocks, and as many of payments: 16 bytes each."""

CURVE_POINTS: Final = 60
"""Points of a curve of the report."""

CURVE_REACH: Final = 3
"""A curve ends at so many times what nine ways in ten took: a partition would flatten it."""

HISTOGRAM_STEPS: Final = 10
"""Bars of the distribution over nodes."""
