"""Numbers of the client, each with its unit and reason."""

from typing import Final

CONNECT_TIMEOUT_S: Final = 5.0
ANSWER_TIMEOUT_S: Final = 30.0
"""For one answer: a node may be checking a block of 50,000 signatures."""

LONG_TIMEOUT_S: Final = 90.0
"""For mining and for templates, where the node itself waits up to 60 s."""

MAX_ATTEMPTS: Final = 4
"""A node that restarts is back within a second or two; after that a person should know."""

FIRST_WAIT_S: Final = 0.1
MAX_WAIT_S: Final = 5.0
"""Between attempts. `Retry-After` may ask for more, up to the next number."""

MAX_RETRY_AFTER_S: Final = 30.0
"""A node that wants to be left alone for longer is reported as refusing."""

MAX_IDLE_S: Final = 50.0
"""A connection that rested longer is not used again: nodes close theirs after 75 s."""

MAX_IDLE_CONNECTIONS: Final = 8
"""Connections that the asynchronous client keeps open for later."""

MAX_ANSWER_BYTES: Final = 512 * 1024 * 1024
"""A block of 8 MB is some 30 MB of JSON; no answer is larger than this."""

READ_BYTES: Final = 256 * 1024
"""What is read from a socket at a time."""

MAX_LINE_BYTES: Final = 256 * 1024 * 1024
"""One block as a line of the whole chain's stream."""

PAGE_ROWS: Final = 1_000
"""Rows that an iterator asks for at a time: the node's largest page."""

PING_INTERVAL_S: Final = 6.0
PING_TIMEOUT_S: Final = 6.0
CLOSE_TIMEOUT_S: Final = 3.0
"""A half-open socket is noticed and given up within the sum of these three."""

MAX_EVENT_WAIT_S: Final = 15.0
"""Longest pause between two attempts to follow the feed again."""

MAX_EVENT_BYTES: Final = 1024 * 1024
"""One message of the feed: it describes a block without its transactions."""

MAX_LOAD_PAYMENTS: Final = 20_000_000
"""Payments of one measurement: more than any node takes in the longest time."""

MAX_LOAD_COINS: Final = 200_000
"""Coins of one measurement, and payments that are signed before or under way, 1 kB each: no pool
lets more wait."""

LOAD_INTERVALS: Final = 6
"""Block intervals for which the coins of a load with a rate last: a payment waits for one, its coin
for another block to be noticed, and the search for a block may take several times as long."""

MAX_LOAD_CONNECTIONS: Final = 256
MAX_LOAD_S: Final = 3_600.0
"""Sending and waiting for blocks may each take so long."""

MAX_LOAD_BATCH: Final = 1_000
"""What a node takes in one request."""
