"""A process that follows nodes until it is killed.

`python -m tests.coordinator.following.worker HOME PIECE URL...`; `DATABASE_URL` says where records
lie. PIECE is how many transactions one write may have, 0 for as many as the follower finds right.
"""

import asyncio
import sys
from pathlib import Path

from chaindeck.records import setup


def main(home: str, piece: str, *urls: str) -> None:
    setup.configure(Path(home))
    setup.migrate(Path(home))
    from chaindeck.coordinator.following import ChainFollower, WriterThread, follower

    if int(piece):
        for name in ("FIRST", "LEAST", "MOST"):
            setattr(follower, f"{name}_PIECE_TRANSACTIONS", int(piece))

    async def follow() -> None:
        with WriterThread() as writer:
            await ChainFollower(urls, writer).run()

    asyncio.run(follow())


main(*sys.argv[1:])
