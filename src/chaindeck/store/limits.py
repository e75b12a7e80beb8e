"""Every number of the store, with its unit and reason."""

from typing import Final

FORMAT_VERSION: Final = 1
"""Of the databases. A program reads exactly one; another asks for a reindex or an older program."""

MAP_BYTES: Final = 256 * 1024**3
"""Address space set aside for the data file. The file itself is as long as what was written: a
large map costs nothing, and a map that never grows needs no pause of the readers."""

LEAST_MAP_BYTES: Final = 1024**3
"""Where address space is rationed, less is tried, down to this."""

MAP_HEADROOM: Final = 4
"""At each start the map is at least so many times the file."""

ROOM_BYTES: Final = 1024**2
"""A disk that cannot take so much more counts as full."""

MAX_DATABASES: Final = 16
"""Named databases, with room for a few more."""

SETTLE_ROWS: Final = 100_000
"""Rows of coins and indexes that wait in memory to be written together: some 9,000 payments and
20 MB. Written one block at a time each row costs its own 4 KiB page; together they share pages,
which is 3 to 6 times faster."""

SETTLE_ROWS_A_TURN: Final = 2_000
"""Rows that are settled in one go before others have their turn: 2 ms."""

SETTLE_BLOCKS: Final = 1_000
"""Blocks that wait at most, however small: a start after a crash computes them again."""

TRANSACTIONS_A_TURN: Final = 500
"""Transactions whose rows are worked out in one go before others have their turn: 2 ms."""

PRUNE_KEEP_BLOCKS: Final = 288
"""Newest bodies that pruning never touches: more than any reorganisation that is followed by
itself, and half a day of help for others at two minutes a block."""

PRUNE_BATCH_BLOCKS: Final = 500
"""Bodies given up in one transaction, so that writers wait for milliseconds."""

REINDEX_BATCH_BLOCKS: Final = 50
"""Blocks connected in one transaction while reindexing; a kill costs at most so many again."""

TREE_BLOCKS: Final = 1_200
"""Blocks of the active chain that a replay keeps in memory: more than any rule looks back."""

MAX_PAGE_ROWS: Final = 1_000
"""Rows of one page of coins or history."""

SNAPSHOT_CHUNK_COINS: Final = 10_000
SNAPSHOT_CHUNK_HEADERS: Final = 2_000
MAX_SNAPSHOT_CHUNK_BYTES: Final = 1024**2
"""A chunk's stated length is checked against this before it is read; both kinds stay below."""

MAX_SNAPSHOT_HEAD_BYTES: Final = 4_096

IMPORT_BATCH_BLOCKS: Final = 20
"""Blocks of a file that are one commit."""

MAX_IMPORT_LINE_BYTES: Final = 256 * 1024**2
"""One block as JSON: its bytes in hexadecimal and, decoded, about three times as much again."""

POOL_RECORDS_A_TURN: Final = 1_000
"""Records of a pool file that are written in one go before others have their turn: 1 ms."""

MAX_POOL_RECORD_BYTES: Final = 1024**2
"""Longer records of a pool file are taken for damage."""
