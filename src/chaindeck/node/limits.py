"""Numbers of the node, each with its unit and reason."""

from typing import Final

FEED_EVENTS: Final = 10_000
"""Events kept in memory for clients that come back; older ones are read from the API."""

SUBSCRIBER_EVENTS: Final = FEED_EVENTS
"""Events that wait for one slow reader before it is told that it has missed some: as many as are
kept, so that whoever comes back in time misses none. Readers share them."""

MAX_BATCH_TRANSACTIONS: Final = 1_000
"""Transactions in one request: a batch is one step of the pool."""

FEW_SIGNATURES: Final = 3
"""So many go to the one native thread, 50 us each; with more, several threads are worth waking."""

FEW_TRANSACTIONS: Final = 300
"""Blocks up to here, with few signatures that are unknown, are judged in half a millisecond, which
is what waking a thread and being woken by it can take."""

EXPIRY_INTERVAL_S: Final = 15.0
"""How often the pool is searched for what has waited too long."""

JOURNAL_SLACK: Final = 20_000
"""Records of payments that wait no more which the pool's journal may hold."""

REST_S: Final = 0.002
"""Between two portions of long work in a thread, as long as one takes: half the time is others'."""

TURNS_A_PAUSE: Final = 3
"""Rounds of the loop in each pause of long work: in one, what came during the work is answered, and
in the others what came during that, or all who wait would wait for the work alone."""

COLLECTOR_THRESHOLDS: Final = (10_000, 20, 50)
"""Objects, and rounds, after which the garbage collector looks for cycles. Most objects here are in
none, and going through all that a node keeps would stop it for 20 ms every few seconds."""

STATS_WINDOW_BLOCKS: Final = 100
"""Blocks over which rates are averaged."""

DROPPED_KEPT: Final = 50_000
"""Payments that were dropped and whose reason can still be asked for."""

SEARCH_SLICE_S: Final = 0.05
"""Length of one search for a nonce: short enough that a new template is taken up soon, long enough
that starting it costs nothing."""

TEMPLATE_REFRESH_S: Final = 2.0
"""A template is made anew this often while payments arrive, so that their fees are not missed."""

MINING_REST_S: Final = 2.0
"""How long mining by a plan waits for a block or a checkpoint where no block can be made, before it
tries again: a full disk and a clock tell nobody that they are well."""

TIE_REST_S: Final = 1.0
"""How often a tie between sealers is looked for; most are over sooner by themselves."""

TIE_PATIENCE: Final = 10
"""How many times a tie is seen before the block that should win it gives way after all."""

MAX_MINED_AT_ONCE: Final = 1_000
"""Blocks that one command may mine."""

# The API.

API_MAX_CONNECTIONS: Final = 2_000
"""Open connections, WebSockets included; more are turned away before they cost memory."""

API_MAX_HEADER_BYTES: Final = 32 * 1024
"""Request line and headers of one request."""

API_HEADER_TIMEOUT_S: Final = 15.0
"""For the headers of one request, so that nobody holds a connection by sending a byte a minute."""

API_KEEP_ALIVE_S: Final = 75
"""How long a connection may rest between two requests."""

API_BODY_TIMEOUT_S: Final = 30.0
"""For a whole body."""

API_SEND_TIMEOUT_S: Final = 30.0
"""For a reader of a stream to take the next piece."""

API_STOP_TIMEOUT_S: Final = 2
"""Requests that are under way at a stop may take so long; then they are cancelled. What waits, or
mines, ends at once, so that all of a stop fits in five seconds on a busy machine too."""

MAX_FORM_BYTES: Final = 64 * 1024
"""JSON of a command, such as an address and an amount."""

MAX_BATCH_BYTES: Final = 16 * 1024 * 1024
"""JSON or packed bytes of a batch: 1,000 payments of the usual kind take 0.5 MB."""

BLOCK_MARGIN_BYTES: Final = 64 * 1024
"""What a block in transit may have above the network's largest, so that the rule can say no."""

MAX_HEADERS_PAGE: Final = 2_000
"""Blocks of one page of the chain."""

MAX_LIST_PAGE: Final = 1_000
"""Rows of one page of coins, history or waiting transactions."""

DEFAULT_PAGE: Final = 100

MAX_LONG_POLLS: Final = 500
"""Requests that wait for a new tip."""

LONG_POLL_S: Final = 60.0

MAX_STREAMS: Final = 4
"""Whole-chain streams at a time: each keeps a thread busy."""

STREAM_PIECE_BYTES: Final = 256 * 1024
"""Bytes of a stream that are made at a time."""

MAX_FEED_READERS: Final = 1_000
"""WebSockets at a time."""

WEBSOCKET_MESSAGE_BYTES: Final = 16 * 1024
"""One message from a reader: it only names topics."""

WEBSOCKET_PING_S: Final = 15.0
"""A reader that has not answered by the next one is gone."""

ENCODED_EVENTS: Final = 4_096
"""Events kept in their encoded form, so that each is encoded once for all readers."""

RATE_UNITS_PER_S: Final = 10_000
RATE_BURST_UNITS: Final = 20_000
"""Cost units for one client: cheap reads cost 1, a block 5, the whole chain 1,000."""

MAX_RATE_CLIENTS: Final = 10_000
"""Clients whose rate is remembered; the one not seen for longest is forgotten first."""

BLOCK_CACHE_BYTES: Final = 32 * 1024 * 1024
"""Blocks kept in their encoded form."""

SLICE_TRANSACTIONS: Final = 32
"""Transactions that are described in one go before other requests have their turn: 1 ms."""

POOL_VIEW_S: Final = 1.0
"""How old the overview of the pool may be, which looks at all that waits."""

PROJECTED_BLOCKS: Final = 8
"""Blocks to come that the overview of the pool shows."""

HOLDINGS_REST_FACTOR: Final = 10
"""What an address holds is counted anew only after so many times as long as counting took."""

HOLDINGS_KEPT: Final = 1_000
"""Addresses whose count is kept."""

MAX_TOKENS: Final = 1_000
TOKEN_LABEL_CHARACTERS: Final = 64

SHOWN_NAMES: Final = 50_000
"""Addresses kept in their written form: encoding one takes 20 us."""

PRUNE_INTERVAL_S: Final = 60.0
"""How often the oldest blocks are given up where a node keeps only so many megabytes."""

DIAL_TIMEOUT_S: Final = 5.0
"""A peer that has not taken a connection by then is tried again later."""

MAX_GREETINGS: Final = 256
"""Callers whose encryption is being agreed on: twice as many as may be linked."""

ACCEPT_REST_S: Final = 0.5
"""After a caller could not be taken, as where no file may be opened any more."""

CLOSE_GRACE_S: Final = 1.0
"""How long a link that is closed may take to send what is left."""

DRAIN_INTERVAL_S: Final = 0.02
"""How often a socket with unsent bytes is looked at."""

SOCKET_HIGH_WATER_BYTES: Final = 64 * 1024

CLOCK_CHECK_S: Final = 1.0
CLOCK_STEP_MS: Final = 50
"""A clock that moved by more than this against the one that is never set was set."""

NAMES_INTERVAL_S: Final = 300.0
"""How often the names of peers are looked up: they may come to mean other addresses."""

STORE_RETRY_S: Final = 2.0
"""After a block of a peer that the store did not take, as on a full disk, before it is offered
again."""

CAPTURE_MAX_BYTES: Final = 256 * 1024 * 1024
"""A capture ends there: ten minutes of a busy node, and still something to send to somebody."""

CAPTURE_MAX_S: Final = 3_600
"""The longest capture that may be asked for."""

PAYMENTS_JUDGED_AT_ONCE: Final = 2_000
"""Payments of peers that are checked together."""

DEEP_ALARM_MS: Final = 24 * 3_600_000
"""How long a deep reorganisation stays a warning of the status: a day, so that somebody sees it."""

PARKED_KEPT: Final = 16
"""Parked branches that the status names; there is hardly ever one."""
