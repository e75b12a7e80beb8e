"""Numbers of the coordinator, each with its unit and reason."""

from typing import Final

RING_EVENTS: Final = 20_000
"""Events in memory, some 20 MB: a reader this far behind is slower than five minutes of news."""

REPLAY_EVENTS: Final = 1_000
"""Events read from the journal at a time: some 10 ms."""

MAX_STATE_KEYS: Final = 2_000
"""Keys of a snapshot: some hundred nodes and parts, ten times over."""

WRITER_QUEUE: Final = 64
"""Pieces of work that wait for the one writer; who comes then waits for room."""

LEAST_ROOM_MB: Final = 1
"""With less room on the disk of an SQLite file records count as away: writes begin to fail."""

READER_THREADS: Final = 2
"""Threads that read records for calls; the machine has two cores."""

FOLLOWING_LOOK_S: Final = 1.0
"""Between looks at whether the chain can be followed."""

POLL_INTERVAL_S: Final = 5.0
POLL_DEADLINE_S: Final = 3.0
"""A node that has not answered by then is down; the next look comes two seconds later."""

LAG_BLOCKS: Final = 3
"""So far behind the best tip a node lags; two blocks may be under way."""

FIND_NODES: Final = 3
"""Nodes that are asked about one transaction; one of them may be a block behind."""

FIND_DEADLINE_S: Final = 1.0
"""A page waits for it."""

MAX_NODES: Final = 200
"""Nodes that are watched: one look at all of them is 200 requests in five seconds."""

FORK_WINDOW: Final = 100
"""Heights among which forks are counted, and of which first-seen times are kept."""

PROPAGATION_WINDOW: Final = 20
"""Blocks whose propagation is averaged: the last three minutes or so."""

MEASURE_INTERVAL_S: Final = 5.0
ROLL_UP_INTERVAL_S: Final = 60.0
RETENTION_INTERVAL_S: Final = 600.0
"""Every ten minutes; one run forgets as much as ten minutes can bring, in small pieces."""

MAX_PRUNE_ROUNDS: Final = 200
"""Pieces of one table in one run: a million rows. The next run goes on."""

RESTART_FIRST_S: Final = 0.2
RESTART_MOST_S: Final = 15.0
"""A worker that failed is started again after so long, twice as long each time."""

RESTART_CALM_S: Final = 60.0
"""A worker that ran so long starts over with the shortest wait."""

REDIS_TIMEOUT_S: Final = 3.0
"""For connecting, and for taking one batch of events."""

MAX_MINED_BLOCKS: Final = 100
"""In one order; a development node needs some seconds."""

MAX_BAR_S: Final = 30 * 86_400
"""A month. Longer bars are settings of the node."""

MAX_REPORT_CHARACTERS: Final = 2_000
MAX_REPORT_AGE_S: Final = 86_400
"""A report about another day is a wrong clock."""

MIN_REPORT_ID, MAX_REPORT_ID = 8, 64
"""Characters of a report's id; 8 of 64 kinds are 48 bits of chance."""
