"""Checking that a leaf is in a tree, from its branch alone (RFC 9162, section 2.1.3.2).

Trees and branches are made by the kernel; blocks, batches of files and the audit log all use them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from chaindeck.ledger.errors import MerkleBranch


def check_branch(leaf: bytes, index: int, size: int, branch: Sequence[bytes], root: bytes) -> None:
    """Raise `MerkleBranch` unless `leaf` is number `index` of the `size` leaves under `root`."""
    if not 0 <= index < size:
        raise MerkleBranch(field="index", reason="the index is not below the size")
    node, last, above = hashlib.sha256(b"\x00" + leaf).digest(), size - 1, index
    for sibling in branch:
        if not last:
            raise MerkleBranch(field="branch", reason="the branch is too long")
        if above & 1 or above == last:
            node = hashlib.sha256(b"\x01" + sibling + node).digest()
            while not above & 1 and above:
                above, last = above >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + sibling).digest()
        above, last = above >> 1, last >> 1
    if last:
        raise MerkleBranch(field="branch", reason="the branch is too short")
    if node != root:
        raise MerkleBranch(field="branch", reason="the branch leads to another root")
