"""Every number of the network, with its unit, its reason, and what happens beyond it."""

from typing import Final

from chaindeck.protocol.allowance import Rate

PROTOCOL_VERSION: Final = 1

# Links

MAX_INBOUND: Final = 117
"""Links that others made. Beyond, the one that served least is closed."""

MAX_INBOUND_PER_ADDRESS: Final = 8
MAX_INBOUND_PER_GROUP: Final = 32
"""Of one IP, of one /16 or /32. Beyond, the newcomer is a guest. Loopback is exempt, there the
network is a machine; private networks are from the second, as whoever owns one numbers it."""

MAX_GUESTS: Final = 16
"""Links without room that may still prove themselves, and are told of others before they end.
Beyond, a newcomer is refused at once."""

PEERS_GIVEN_TO_GUESTS: Final = 32

HANDSHAKE_TIMEOUT_MS: Final = 5_000
"""A link that has not proved itself by then is closed."""

HEARTBEAT_INTERVAL_MS: Final = 15_000
MISSED_HEARTBEATS: Final = 3
"""A peer that answers none of so many is gone, whatever its socket says."""

MAX_SEND_QUEUE_BYTES: Final = 4 * 1024 * 1024
"""What may wait for one slow peer beside one answer it asked for. Beyond, the link is closed."""

SERVE_BELOW_BYTES: Final = 256 * 1024
"""The next block that a peer asked for is loaded only when less than this waits for it."""

# Topology

MESH_BELOW: Final = 50
MESH_AGAIN_AT: Final = 40
"""Known peers: fewer are all linked; at the first number the node goes over to gossip, and back at
the second, so that it does not swing."""

GOSSIP_LINKS: Final = 8
GOSSIP_OUTBOUND: Final = 3
"""Links a gossiping node keeps, and how many of them it chose itself, which an attacker cannot."""

LAZY_SHARE: Final = 4
"""One in so many of the other links hears of a payment by its id."""

DIAL_BACKOFF_FIRST_MS: Final = 1_000
DIAL_BACKOFF_LAST_MS: Final = 300_000
DIAL_JITTER_PERMILLE: Final = 250
"""Added at random to each wait, so that nodes that lost the same peer do not return together."""

HEALTHY_MS: Final = 60_000
"""A link that has stood so long resets its peer's back-off."""

SPREAD_FACTOR: Final = 4
"""Addresses looked at for each that is dialled, so that different groups can be chosen."""

DIALS_AT_ONCE: Final = 8
TOPOLOGY_INTERVAL_MS: Final = 1_000

# Addresses

MAX_KNOWN_PEERS: Final = 1_000
"""Addresses in the book. Beyond, the worst of the fullest source goes."""

MAX_PEERS_PER_SOURCE: Final = 250
"""Addresses that one peer may have put there, so that no one of them can fill it."""

PEER_STALE_S: Final = 86_400 * 7
"""An address nobody has heard of for a week is forgotten."""

MAX_HOPS: Final = 16
ALONE_AFTER_MS: Final = 30_000
"""A node that has found nobody by then says so."""

# Discovery by datagram

ANNOUNCE_INTERVAL_MS: Final = 10_000
ANNOUNCE_FIRST_MS: Final = 1_000
"""The first few come faster, as a network that starts wants to be one."""

ANNOUNCE_FAST_COUNT: Final = 5
ANNOUNCEMENT_AGE_MS: Final = 60_000
"""Older or further ahead, an announcement is taken for a replay."""

MAX_ANNOUNCERS: Final = 1_000

# Payments

BATCH_INTERVAL_MS: Final = 100
ASK_PAYMENTS_TIMEOUT_MS: Final = 2_000
"""A payment announced and asked for, and not sent by then, is asked of another."""

MAX_PAYMENTS_ASKED: Final = 20_000
"""Of one peer at a time; the rest of what it announced waits."""

MAX_ANNOUNCED: Final = 100_000
"""Ids that one peer announced and that wait to be asked for. Beyond, the oldest are forgotten."""

MAX_KNOWN_PER_LINK: Final = 50_000
"""Ids that a peer is known to have. Beyond, the oldest are forgotten and may be told twice."""

MAX_REFUSED: Final = 50_000
"""Payments that were refused lately and are not asked for again until the tip moves."""

MAX_CONFIRMED: Final = 100_000
"""Payments of the last blocks, which are not asked for when somebody still announces them."""

MAX_ORPHANS_PER_LINK: Final = 100
MAX_ORPHAN_BYTES_PER_LINK: Final = 1024 * 1024
ORPHAN_LIFE_MS: Final = 60_000
"""Payments that spend what nobody has shown yet, kept in the hope of their parents."""

MAX_JUDGED_AT_ONCE: Final = 5_000
"""Payments of one peer in the pool's hands. Beyond, no more are asked of it, and what it pushes
unasked raises its score."""

MAX_JUDGED_BYTES: Final = 16 * 1024 * 1024
"""Of payments of one peer in the pool's hands. More are left alone: most payments are short."""

PUSH_BATCH_BYTES: Final = 512 * 1024
RECONCILE_INTERVAL_MS: Final = 30_000
"""How often two pools are compared, one peer at a time."""

# Blocks and sync

MAX_BLOCKS_IN_FLIGHT: Final = 16
"""Bodies asked of one peer and not yet here."""

BODIES_AHEAD: Final = 256
"""Blocks beyond the tip that are fetched at a time: enough to keep several peers busy."""

BODIES_BESIDE: Final = 64
"""How long a branch may be that is fetched beside a better one that does not come."""

MAX_BODIES_BUFFERED_BYTES: Final = 64 * 1024 * 1024
"""Bodies that came before their turn. Beyond, they are let go and asked for again."""

STALL_FIRST_MS: Final = 2_000
STALL_LAST_MS: Final = 32_000
"""How long the next body may keep all others waiting before another peer is asked; doubled each
time, so that a slow network is not torn apart."""

HEADERS_PATIENCE_MS: Final = 5_000
"""After so long without headers another peer is asked as well: 2,000 take 3 s at 1 Mbit/s."""

HEADERS_TIMEOUT_MS: Final = 15_000
MAX_COMPACT_PENDING: Final = 16
"""Compact blocks whose payments are being fetched; the oldest is fetched whole instead."""

RECENT_BLOCKS: Final = 8
"""Blocks kept decoded, to answer for their missing payments."""

LOCATOR_LENGTH: Final = 64

HELD_BLOCKS: Final = 100
"""Headers ahead of the clock that wait for their time. Beyond, the furthest is forgotten."""

# Defence

BAR_MS: Final = 3_600_000
SCORE_HALF_LIFE_MS: Final = 60_000
SCORE_LIMIT: Final = 100
"""Use above this closes the link; it bars nobody."""

CLOCK_WARNING_MS: Final = 5_000

# Frames

FRAME_HEADER_BYTES: Final = 13

# Allowances. Over its rate, a message is left alone and the sender's score rises.

POINTS_OVER_RATE: Final = 5
POINTS_UNASKED: Final = 5
"""For what nobody asked for and that is no announcement."""

POINTS_ORPHAN: Final = 0.2
POINTS_REFUSED: Final = 0.01
"""For a payment that is valid and unwanted: after a partition honest peers send thousands."""

POINTS_UNCONNECTED: Final = 0.2
"""For a header from nowhere: somebody who mines fast tells of several before we have caught up."""

POINTS_LOW_WORK: Final = 2
"""For a branch that was looked at in vain."""

SCORE_STEP: Final = 20
"""A score is told each time it passes a multiple of this."""

MAX_KNOWN_BLOCKS: Final = 64
"""Blocks that a peer is known to have, beyond those its work tells."""

PING_RATE: Final = Rate(10, 1)
ASK_PEERS_RATE: Final = Rate(2, 0.1)
GIVE_PEERS_RATE: Final = Rate(100, 1)
"""In addresses that nobody asked for."""

NEIGHBOURS_RATE: Final = Rate(60, 2)
ANNOUNCE_RATE: Final = Rate(200_000, 20_000)
"""In ids: a pool and what the fastest network makes."""

ASK_PAYMENTS_RATE: Final = Rate(200_000, 20_000)
PAYMENTS_RATE: Final = Rate(200_000, 20_000)
COMPACT_RATE: Final = Rate(100, 20)
PUSH_RATE: Final = Rate(20, 5)
"""Blocks that are pushed to one peer, well below what it takes. Beyond, it hears of the last."""

TELL_TIP_INTERVAL_MS: Final = 200
ASK_HEADERS_RATE: Final = Rate(1_000, 20)
HEADERS_RATE: Final = Rate(400_000, 20_000)
"""In headers."""

ASK_BLOCKS_RATE: Final = Rate(4_096, 2_000)
"""In bodies; what bounds them in truth is how fast the peer takes them."""

BODIES_RATE: Final = Rate(4_096, 2_000)
ASK_MISSING_RATE: Final = Rate(100, 5)
"""Compact blocks and their missing payments: each costs a walk over a block."""
DIGEST_RATE: Final = Rate(8, 0.5)
CHECKPOINT_RATE: Final = Rate(1_000, 1)
REPLIES_RATE: Final = Rate(1_000, 100)
"""Of small answers: unknown payments and blocks."""

ANNOUNCEMENT_RATE: Final = Rate(500, 200)
"""Datagrams whose signature is looked at, from everybody together."""

REFUSED_TOLD_MS: Final = 60_000
"""Datagrams that were left alone are told of together."""

ANSWER_RATE: Final = Rate(10, 10)
"""Datagrams that are answered, to everybody together."""

# Addresses: the book

MAX_OWN_ADDRESSES: Final = 64
MAX_FAILURES: Final = 12
"""Dials in a row that came to nothing, after which an address is forgotten: an hour or so."""

MAX_BARS: Final = 10_000
"""Bars of each kind; the oldest is lifted first."""

LIKELY_FAILURES: Final = 3
"""After so many dials in a row an address no longer counts as a node that is there."""

NEIGHBOURS_DELAY_MS: Final = 200
"""Links come and go in bursts; the mesh is told once."""

SPARED: Final = 4
"""Inbound links spared from eviction for each of: the quickest, first with blocks, first with
payments. Half of the rest is spared for standing longest."""

# Frames and messages

LEAST_PROTOCOL_VERSION: Final = 1
"""Spoken by every node: two nodes speak the lower of their versions."""

MAX_INTRODUCTION_BYTES: Final = 1_024
"""HELLO and WELCOME: twice what they need today, for agents and features to come."""

MAX_PROOF_BYTES: Final = 256
MAX_PING_BYTES: Final = 64
MAX_DISCOVERY_BYTES: Final = 64 * 1024
MAX_PAYMENTS_BYTES: Final = 2 * 1024 * 1024
MAX_COMPACT_BYTES: Final = 1024 * 1024
MAX_BYE_BYTES: Final = 256
"""Payloads of these types. A longer one is refused before a byte of it is kept."""

MAX_IDS: Final = 20_000
"""Payments named or carried in one message: 640 KB of ids."""

MAX_HEADERS: Final = 2_000
"""Headers in one message: 324 KB with their seals. More are asked for from the last."""

MAX_PLACES: Final = 50_000
"""Transactions of a compact block asked for at once; who lacks more asks for the whole block."""

MAX_PLACE: Final = MAX_COMPACT_BYTES // 6
"""Places in a compact block, of 6 bytes each, end before this."""

MAX_AGENT_BYTES: Final = 64
MAX_CODE_BYTES: Final = 64
MAX_WORK_BYTES: Final = 32
"""Of the work of a chain: nobody has hashed 2^256 times."""

POOL_BUCKETS: Final = 256
"""One for each first byte of an id."""

# Asking peers

ASK_PEERS_INTERVAL_MS: Final = 120_000
PEERS_GIVEN: Final = 128
"""Addresses in an answer: several askers together learn of all."""

MAX_PEERS_GIVEN: Final = 1_000
MAX_PEERS_PASSED_ON: Final = 10
"""Addresses that come unasked travel on only in small numbers."""

NEWCOMER_MS: Final = 2_000
"""A newcomer that others tell of is left the time to dial us itself."""

MAX_PASSED_HOPS: Final = 3
"""How far an address travels unasked. Further, and each newcomer would be told to every node."""

PEERS_PASSED_TO: Final = 2
"""Links that hear of them from a gossiping node."""

# Sync: walks, judging, telling

MAX_WALKED_HEADERS: Final = 1_000_000
"""Headers of one branch that are looked at without being kept, a few months of blocks."""

MAX_BLOCKS_JUDGED: Final = 8
"""Blocks in the chain's hands at a time, of those on the way."""

MAX_BLOCKS_JUDGED_AT_ALL: Final = 24
"""With those that came beside it; one more is let go, and asked for again if it counts."""

MAX_BLOCKS_QUEUED: Final = 64
"""Bodies that one peer may be waiting for."""

MAX_STALLS: Final = 3
"""Times in a row that a peer may be passed over before it is let go."""

UNAVAILABLE_MS: Final = 60_000
"""How long a branch is left alone whose bodies nobody gave."""

MAX_LACKED: Final = 16
"""Ends of branches that are remembered of a peer which could not give what is on them."""

MAX_UNAVAILABLE: Final = 100
WATCH_INTERVAL_MS: Final = 500
AWAY_MS: Final = 86_400_000
"""A node whose tip is older than this syncs as a new one does."""

LOCATOR_NEAR: Final = 10
FAR_BLOCKS: Final = 2
"""Whoever has more bodies to fetch announces nothing on the way."""

TELL_EVERY_BLOCKS: Final = 100
"""While catching up, progress is told in such steps."""

MAX_CHECKPOINTS: Final = 1_000
"""Checkpoints that every new peer is told; the oldest is left out first."""

MAX_RECORD_BYTES: Final = 64 * 1024 * 1024
"""Of one step in a recording: more than the largest block or pool, with the answers it took."""
