"""Numbers of the control room, each with its unit and reason."""

from typing import Final

SESSION_AGE_S: Final = 14 * 86_400
"""A person who looks in every other week stays signed in."""

FORM_MAX_BYTES: Final = 1_048_576
"""Of a form or a JSON body. Files come another way."""

FORM_MAX_FIELDS: Final = 200
"""Of a form; the longest of ours has thirty."""

STOP_TIMEOUT_S: Final = 3
"""For requests under way when the process is told to stop; it has five seconds in all."""

KEEP_ALIVE_S: Final = 30
"""An idle connection of a browser stays open for so long."""

MAX_CONNECTIONS: Final = 4_096
"""Requests and sockets at once; the next one is told to come back."""

WEBSOCKET_MESSAGE_BYTES: Final = 65_536
"""What a browser may send in one message: topics and numbers are short."""

BACKLOG: Final = 512
"""Connections that the system keeps until they are accepted."""

MIN_COMPRESSED_BYTES: Final = 500
"""Shorter answers fit into one packet either way."""

BLUR_BYTES: Final = 64
"""By up to so much the length of a compressed answer varies."""

LIVE_RING_EVENTS: Final = 5_000
"""Events kept for pages that come back: some minutes of a busy chain."""

LIVE_STATE_KEYS: Final = 5_000
"""Keys of state topics whose last event is kept: nodes, parts, jobs."""

LIVE_BATCH_EVENTS: Final = 200
"""Events in one frame."""

LIVE_COALESCE_EVENTS: Final = 500
"""Events that wait for one page before only the newest of each key is kept."""

LIVE_BEHIND_BYTES: Final = 10_000_000
"""That wait for one page before it is closed."""

LIVE_BEAT_S: Final = 15.0
"""Between signs of life; each is also a look at whether the person may still listen."""

LIVE_SEND_LIMIT_S: Final = 30.0
"""For one frame to leave; a line that takes longer is half open."""

LIVE_MAX_LINES: Final = 2_000
LIVE_MAX_LINES_OF_ONE: Final = 60
"""Of all, and of one person: a wall of screens, and programs with a token."""

STATUS_PERIOD_S: Final = 10.0
"""Between updates of the named channels, as other programs expect."""

REPORT_BATCH: Final = 50
REPORT_LOOK_S: Final = 30.0
REPORT_RETRY_S: Final = 2.0
"""Reports taken from records at once; between looks without being called; after one that failed."""

REPORT_FRESH_MS: Final = 23 * 3_600_000
"""An older report is told under the time of its sending: the coordinator takes those of a day."""

UPKEEP_S: Final = 3_600.0
"""Between forgetting old failed sign-ins."""

API_BODY_BYTES: Final = 65_536
"""Of a JSON body: orders and names are short."""

API_PAGE_ROWS: Final = 50
API_MAX_PAGE_ROWS: Final = 200
"""Rows of a page: what is given, and what may be asked for."""

STATS_DEADLINE_S: Final = 2.0
"""For what the coordinator says to one page of figures."""

FIND_DEADLINE_S: Final = 1.5
"""For what the nodes know of one transaction; its page waits for it."""

RECENT_EXECUTIONS: Final = 10

LIVE_NOTICES: Final = 64
"""Said beside events to one line that does not read; then it is too slow."""

LIVE_SETTLE_S: Final = 2.0
"""A page that comes back waits so long for the process to know what it missed."""

LIVE_CLOSE_S: Final = 3.0
LIVE_STOP_S: Final = 1.0
"""For a closing frame to leave, and when the process stops; then the connection is cut."""

LIVE_PING_S: Final = 15.0
"""Between pings of the protocol, and for their answer: a half-open line is gone in twice that."""

MAX_TOKENS_OF_ONE: Final = 50
MAX_PEOPLE: Final = 1_000
"""What lists show whole."""

VISITS_REMEMBERED: Final = 5_000
"""Sessions of which this process knows when they were noted last."""

STANDING_OLD_MS: Final = 30_000
"""The coordinator writes down every five seconds how things stand; what is older is not of now."""

STANDING_FRESH_S: Final = 2.0
"""For so long what was found out about the whole is told to all named channels."""
