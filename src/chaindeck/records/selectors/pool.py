"""What waits for a block, as the coordinator last told of it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from chaindeck.records.bulk import fetch

_LOOKED_AT: Final = 20_000
"""Events that are looked through, newest first: some hours in which nothing waited or moved."""

_NEWEST = (
    "SELECT time_ms, data FROM events WHERE topic = 'pool'"
    " AND seq > (SELECT last_seq FROM journal WHERE id = 1) - %s ORDER BY seq DESC LIMIT 1"
)


def pool_newest() -> dict[str, Any] | None:
    """Return the newest figures and when they were told, None where that is too long ago."""
    rows = fetch(_NEWEST, [_LOOKED_AT])
    if not rows:
        return None
    time_ms, text = rows[0]
    data: dict[str, Any] = msgspec.json.decode(text)
    return {**data, "time_ms": time_ms}
