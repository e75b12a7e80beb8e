"""Numbers of the supervisor, each with its unit and reason."""

from typing import Final

STOP_GRACE_S: Final = 5.0
"""Between SIGTERM and SIGKILL: a node stops within it."""

KILL_LIMIT_S: Final = 5.0
"""A process that SIGKILL has not ended by then hangs in the kernel, and is told of."""

KILL_ROUND_S: Final = 0.02
"""Between two looks at what is left of a tree that is being killed."""

HEALTH_INTERVAL_S: Final = 2.0
"""Between two health checks of one part: a check costs it less than a millisecond."""

HEALTH_DEADLINE_S: Final = 2.0
"""For one answer. A node that judges a full block answers within 50 ms."""

SICK_AFTER: Final = 5
"""Failed checks in a row: a part that hangs is replaced after some 20 s, and one that swaps for a
moment is not."""

READY_TIMEOUT_S: Final = 60.0
"""For a part to become ready; a node with a long chain takes some seconds."""

READY_POLL_S: Final = 0.02
"""Between two looks for `running.json` while a part starts."""

BACKOFF_FIRST_S: Final = 0.5
BACKOFF_MOST_S: Final = 30.0
"""Before a part is started again; doubles each time, and chance takes up to a half."""

GIVE_UP_AFTER: Final = 5
GIVE_UP_WINDOW_S: Final = 180.0
"""Restarts within a window after which a part stays down until somebody looks."""

HEALTH_BYTES: Final = 64 * 1024
"""The longest health page."""

LOG_BYTES: Final = 10 * 1024 * 1024
LOG_FILES: Final = 5
"""Of one part: the one being written and four older ones."""

LOG_CHECK_S: Final = 2.0
"""How often sizes are looked at."""

LOG_COPY_BYTES: Final = 1024 * 1024
TAIL_LINES: Final = 20
"""Shown of a part that did not start."""

TAIL_BYTES: Final = 256 * 1024
"""Read from the end of a log to find its last lines."""

FOLLOW_POLL_S: Final = 0.1
"""Between two looks at a log that is followed."""

MAX_LOG_LINES: Final = 100_000
"""That `logs -n` shows."""

NOTIFICATIONS_BYTES: Final = 1024 * 1024
"""Of `notifications.jsonl`; one older file is kept beside it."""

NOTIFICATIONS_KEPT: Final = 1_000
"""In memory, for those who ask what happened."""

MAX_NODES: Final = 20
"""On one machine; each takes 60 MB and two ports."""

NUMBER_LIMIT_S: Final = 0.5
NUMBER_POLL_S: Final = 0.002
"""Whoever took the lock writes its number next; until then there may be that of one who died."""

WAIT_FOR_OTHER_S: Final = 150.0
"""For another `up` that is under way: it starts several parts one after the other."""

WAIT_POLL_S: Final = 0.05

LEAST_FREE_BYTES: Final = 1024 * 1024 * 1024
"""Below this the doctor warns: a busy chain grows by as much in some days."""

LEAST_FREE_BYTES_AT_ALL: Final = 64 * 1024 * 1024
CLOCK_MIN_MS: Final = 1_767_225_600_000
"""2026-01-01: a clock before the genesis block of the local network is wrong."""

# The demonstration's payments.

DEMO_OWNERS: Final = 5
DEMO_COINS_EACH: Final = 8
"""Coins that each owner is funded with: at one payment a second and a block in ten seconds, some
twenty are under way."""

DEMO_COIN: Final = 40_000_000
"""Base units of one of them."""

DEMO_MANY_COINS: Final = 30
DEMO_MERGED: Final = 6
"""An owner with more coins than the first merges so many in a payment, so that coins do not grow
without bound."""

DEMO_PAUSE_S: Final = 1.0
DEMO_LEAST_PAID: Final = 100_000
DEMO_REFUND_BELOW: Final = 60_000_000
"""An owner with less in all is funded again."""

DEMO_ROWS: Final = 200
"""Coins of one owner that are looked at."""

DEMO_MOST_WAIT_S: Final = 10.0
"""Between two attempts while no node answers or nothing can be spent."""

MEASURE_S: Final = 0.3
"""For how long `status` looks at processes: a tick of the kernel is a hundredth of a second."""
