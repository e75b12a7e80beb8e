"""Typed access to a node over its API: asking, submitting, following what happens.

It knows the ledger's values and the API's shapes, and no inside of a node. Read it in this order:

* `errors`, `limits`: what can go wrong, and the numbers.
* `answers`, `calls`: every shape, and every question as a value that any transport can carry.
* `access`, `retries`: whose token goes along, and what is asked a second time.
* `node_client`, `async_client`: the same methods, waiting or awaited, the second over `wire`.
* `events`: the feed, followed across lost connections.
* `load`: payments by the thousand, to measure a node with.
"""

from chaindeck.client.access import Access
from chaindeck.client.async_client import AsyncNodeClient
from chaindeck.client.errors import (
    ClientError,
    NodeRefused,
    NodeTimeout,
    NodeUnreachable,
    ProtocolMismatch,
    UrlInvalid,
)
from chaindeck.client.events import Event, EventStream, Gap
from chaindeck.client.node_client import NodeClient

__all__ = [
    "Access",
    "AsyncNodeClient",
    "ClientError",
    "Event",
    "EventStream",
    "Gap",
    "NodeClient",
    "NodeRefused",
    "NodeTimeout",
    "NodeUnreachable",
    "ProtocolMismatch",
    "UrlInvalid",
]
