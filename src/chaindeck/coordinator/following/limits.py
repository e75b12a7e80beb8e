"""Every number of following, with its unit and reason."""

from typing import Final

LOOK_INTERVAL_S: Final = 1.0
"""Between two looks at a node whose feed is silent."""

LOOK_TIMEOUT_S: Final = 1.0
"""A node that does not say how it stands within this is left for another: with the interval above,
two seconds after it died."""

LAG_S: Final = 1.5
"""How long the node that is followed may be behind another one."""

LESS_WORK_S: Final = 2.0
"""How long nodes that have less than is indexed are waited for, where one that had more is away,
before what they do not have is taken back."""

FAILED_S: Final = 1.0
"""How long a node that could not give what it promised is passed over."""

PRUNED_S: Final = 30.0
"""How long a node that has given up the next block is passed over while the index stands still:
somebody may put another node in its place at its address."""

DATABASE_PAUSE_S: Final = 0.5
"""Before trying again after the database did not take something."""

TROUBLE_PAUSE_S: Final = 2.0
"""Before trying again after trouble that only an operator can end."""

HEADERS_A_PAGE: Final = 500
FIRST_OVERLAP: Final = 16
"""Blocks below the tip in which the fork is looked for first."""

LIVE_BLOCKS: Final = 50
"""Who is further behind catches up: blocks are not told of one by one."""

PIECE_TARGET_S: Final = 0.1
"""How long one write should take, so that hardly any takes 200 ms."""

FIRST_PIECE_TRANSACTIONS: Final = 500
LEAST_PIECE_TRANSACTIONS: Final = 100
MOST_PIECE_TRANSACTIONS: Final = 4_000
STAGED_TIMES: Final = 2
"""A block with so many times the transactions of one write is written in several."""

MOST_PIECE_BLOCKS: Final = 200
"""Each write has as many of these as are likely to fit the time."""

FETCHES_AT_ONCE: Final = 8
"""Blocks asked for at the same time, on connections of their own."""

PROGRESS_INTERVAL_S: Final = 0.5
POOLED_A_SECOND: Final = 20
"""Waiting transactions that are told of one by one; the rest are counted."""

POOL_INTERVAL_S: Final = 1.0
"""Between two looks at what waits on the whole: a node counts anew once a second."""

MAX_POOLED_WAITING: Final = 200
"""Of those, how many wait for being written; the oldest are left out."""

MAX_DROPPED_WAITING: Final = 1_000
"""Drops that are not written yet. Beyond that, what waits is compared with the node instead."""

COMPARE_INTERVAL_S: Final = 5.0
CHECKED_AT_ONCE: Final = 200
"""So often, and at once after events were lost, so many transactions that are known to wait are
asked about: a node that is set back forgets them without a word. As many that waited before anybody
listened are told of."""
