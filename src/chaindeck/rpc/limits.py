"""Numbers of the contract, each with its unit and reason."""

from typing import Final

MAX_MESSAGE_BYTES: Final = 8 * 1024 * 1024
"""A batch of events or a snapshot of 1,000 nodes is some hundred kilobytes."""

MAX_CALLS: Final = 256
"""Calls under way at once: pages of some fifty people asking in parallel."""

MAX_STREAMS: Final = 64
"""Streams open at once: each process of ours needs one or two."""

MAX_DEADLINE_S: Final = 120.0
"""Nobody waits longer for one answer; the longest is a node that mines a hundred blocks."""

CALL_DEADLINE_S: Final = 5.0
"""What a client gives an ordinary call: records are busy for five seconds at most."""

CONTROL_DEADLINE_S: Final = 100.0
"""For orders: a node is stopped within five seconds, and mines for up to 90."""

CONNECT_DEADLINE_S: Final = 3.0
"""For the first message of a stream."""

MAX_ATTEMPTS: Final = 3
"""A part that restarts is back within a second or two."""

FIRST_WAIT_S: Final = 0.1
MAX_WAIT_S: Final = 2.0
"""Between attempts to reach a part again."""

HEARTBEAT_S: Final = 15.0
"""A stream of events says at least this often that it lives."""

SILENCE_S: Final = 40.0
"""A stream without a word for so long is dead: two heartbeats and some."""

MAX_BATCH_EVENTS: Final = 500
"""Events in one message of a stream."""

PAGE_ROWS: Final = 50
MAX_PAGE_ROWS: Final = 200
"""Rows of a page: what is given, and what may be asked for."""

KEEPALIVE_MS: Final = 10_000
KEEPALIVE_TIMEOUT_MS: Final = 10_000
"""A half-open line between machines is noticed within the sum of both."""

STOP_GRACE_S: Final = 1.5
"""How long calls under way may still take when a server stops; a whole stop takes under 5 s."""

MAX_SOCKET_PATH_BYTES: Final = 107
"""What the kernel takes as the path of a socket, less its end."""

SECRET_BYTES: Final = 32
"""A token that nobody guesses."""

CERTIFICATE_DAYS: Final = 3_650
"""Certificates end when the machines they were made on have long been replaced."""
