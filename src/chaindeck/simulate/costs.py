"""What work costs a node, in microseconds of virtual time. Measured with `make bench` on one core.

A simulated node has one processor: what it is handed waits until what came before is done.
"""

from typing import Final

BLOCK_US: Final = 300
"""A block, whatever is in it: header, store, announcing."""

SEEN_PAYMENT_US: Final = 3
"""A payment of a block that waited in the pool."""

SEEN_KB_US: Final = 15
"""A kilobyte of such payments, where they are longer than most."""

UNSEEN_PAYMENT_US: Final = 45
"""One that did not: its signature is recovered."""

POOL_PAYMENT_US: Final = 70
"""A payment that is offered to the pool."""
