"""Follows the chain of some nodes into records, so that records and events are exactly once.

A library that the coordinator's process hosts: it runs on that process's loop and hands all writing
to a port. It knows the client of a node and the functions of records, and of the coordinator its
errors alone. The database must be configured before this is imported. Read it in this order:

* `ports`, `limits`: what it needs of its host, and the numbers.
* `sources`: one node: how it stands, and that its feed wakes us.
* `choosing`: which of the nodes is followed.
* `reading`: from where two chains part, and the blocks after that.
* `follower`: `ChainFollower`, which ties these together.
* `pool`: what waits for a block.
* `writer`: one thread for all writing.
"""

from chaindeck.coordinator.following.follower import ChainFollower, FollowerState
from chaindeck.coordinator.following.ports import Writer
from chaindeck.coordinator.following.writer import WriterThread

__all__ = ["ChainFollower", "FollowerState", "Writer", "WriterThread"]
