"""Every number of records, with its unit and reason."""

from typing import Final

BUSY_TIMEOUT_S: Final = 5
"""How long a writer waits for another; pieces of work take a twenty-fifth of it."""

SQLITE_CACHE_KIB: Final = 32 * 1024
"""Pages that one connection keeps. The index of addresses is read at random places."""

SQLITE_WAL_PAGES: Final = 16_000
"""Pages after which the log is copied into the file: 64 MB. While the chain is indexed, pages that
change often are then copied once."""

ANALYSIS_ROWS: Final = 1_000
"""Rows of each index that SQLite looks at to know how well it tells rows apart."""

KEPT_CONNECTION_S: Final = 600
"""A PostgreSQL connection is used for so long and then made anew."""

CONNECT_TIMEOUT_S: Final = 5
"""For one connection to PostgreSQL."""

ARGON2_MEMORY_KIB: Final = 19 * 1024
ARGON2_TIME: Final = 2
ARGON2_THREADS: Final = 1
"""OWASP's least for Argon2id. Django's default takes 100 MiB a sign-in, and two come at once."""

LEAST_PASSWORD_CHARACTERS: Final = 12
RANDOM_PASSWORD_BYTES: Final = 15
"""20 characters that nobody guesses and one can still type."""

TOKEN_BYTES: Final = 32
TOKEN_USE_NOTED_S: Final = 60
"""The last use of a token is written down at most so often: reading must not mean writing."""

MAX_NAMES_IN_STATEMENT: Final = 5_000
"""Values in one IN list. SQLite takes 32,766; longer texts take longer to parse than they save."""

TX_INDEX_BITS: Final = 20
"""Transactions of one block: a place is height and number within the block in one integer."""

OUTPUT_INDEX_BITS: Final = 16
"""Outputs of one transaction: 100,000 bytes hold some 4,000."""

MAX_PENDING_ROWS: Final = 10_000
"""Waiting and dropped transactions that are kept; the oldest go first."""

MAX_CONFIRMED_TOLD: Final = 1_000
"""Transactions of one call that are told of as confirmed, one by one."""

SWEPT_TRANSACTIONS: Final = 1_000
"""Transactions whose rows are removed in one transaction of the database: some 50 ms."""

MAX_TAKEN_BACK_BLOCKS: Final = 50
"""Blocks that are taken back in one transaction of the database."""

MAX_FORGOTTEN_BLOCKS: Final = 1_000
"""Blocks that are removed in one transaction when the index is reset."""

MAX_STALE_IDS: Final = 1_000
"""Transactions that a stale block still names; the block itself is at the nodes."""

EVENTS_KEPT_S: Final = 86_400
EVENTS_LEAST: Final = 10_000
EVENTS_MOST: Final = 200_000
"""The journal: a day, and not fewer nor more than these. 200,000 are some 100 MB."""

PRUNE_ROWS: Final = 5_000
"""Rows deleted in one transaction: some 50 ms."""

MAX_EVENT_BYTES: Final = 64 * 1024
"""The data of one event as JSON."""

MAX_PAGE_ROWS: Final = 1_000

METRICS_KEPT_S: Final = 3_600
"""Single measurements. Roll-ups by minute, hour and day follow."""

MINUTES_KEPT_S: Final = 2 * 86_400
HOURS_KEPT_S: Final = 60 * 86_400
DAYS_KEPT_S: Final = 5 * 366 * 86_400

NETWORK_STATS_KEPT_S: Final = 30 * 86_400
EXECUTIONS_KEPT: Final = 10_000
ACTIVITY_KEPT: Final = 5_000_000
"""Rows; some 1 GB."""

MAX_DESCRIPTION: Final = 2_000
"""Characters of an activity or an error that are kept."""

SIGN_IN_FREE_FAILURES: Final = 5
SIGN_IN_FIRST_WAIT_S: Final = 30
SIGN_IN_LONGEST_WAIT_S: Final = 900
"""Of one name from one address: five tries are free, then each failure doubles the wait."""

NAME_FREE_FAILURES: Final = 20
NAME_FIRST_WAIT_S: Final = 5
NAME_LONGEST_WAIT_S: Final = 300
"""Of one name from wherever: slows down who guesses from many addresses. A stranger can make a
person wait by it, so it is shorter."""

SIGN_IN_FORGOTTEN_S: Final = 86_400
"""Failures older than that count no longer."""

SIGN_IN_TRIALS_KEPT: Final = 20_000
"""Rows of failures; names can be made up without end, and the oldest go."""

VISIT_NOTED_S: Final = 60
"""When somebody was last seen is written down at most so often."""

PENDING_REPORTS_KEPT: Final = 10_000
"""Reports that wait for the coordinator: days of a busy control room."""

MAX_WATCH_LINES: Final = 100
"""Lines that one change of the chain writes about watched addresses; their pages have it all."""
