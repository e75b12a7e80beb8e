"""A process that follows nodes until it is killed.

`python -m tests.coordinator.following.worker HOME URL...`; `DATABASE_URL` says where records lie.
"""

import asyncio
import sys
from pathlib import Path

from chaindeck.records import setup


def main(home: str, *urls: str) -> None:
    setup.configure(Path(home))
    setup.migrate(Path(home))
    from chaindeck.coordinator.following import ChainFollower, WriterThread

    async def follow() -> None:
        with WriterThread() as writer:
            await ChainFollower(urls, writer).run()

    asyncio.run(follow())


main(*sys.argv[1:])
