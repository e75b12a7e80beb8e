"""What is asked a second time, and after how long.

Asking again is safe where a call does no more twice than once, or where the node said that it did
not begin (429, or 503 with `Retry-After`). Everything else is the caller's decision.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec

from chaindeck.client.errors import ClientError, NodeRefused, NodeUnreachable
from chaindeck.client.limits import FIRST_WAIT_S, MAX_ATTEMPTS, MAX_RETRY_AFTER_S, MAX_WAIT_S

_TOO_MANY, _UNAVAILABLE = 429, 503


class RetryPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How often and how patiently."""

    attempts: int = MAX_ATTEMPTS
    first_wait_s: float = FIRST_WAIT_S
    max_wait_s: float = MAX_WAIT_S

    def wait_s(
        self,
        error: ClientError,
        attempt: int,
        *,
        is_idempotent: bool,
        draw: Callable[[], float] = random.random,
    ) -> float | None:
        """Return how long to wait after attempt number `attempt` (from 1), None to give up."""
        if attempt >= self.attempts or not _may_repeat(error, is_idempotent=is_idempotent):
            return None
        wait_s = backoff_s(attempt, self.first_wait_s, self.max_wait_s, draw)
        asked_s = error.retry_after_s if isinstance(error, NodeRefused) else None
        if asked_s is None:
            return wait_s
        return None if asked_s > MAX_RETRY_AFTER_S else asked_s + min(wait_s, self.first_wait_s)


DEFAULT_PLAN = RetryPlan()
NO_RETRIES = RetryPlan(attempts=1)


def backoff_s(
    attempt: int, first_s: float, most_s: float, draw: Callable[[], float] = random.random
) -> float:
    """Return a wait that doubles with each attempt, of which chance takes up to a half."""
    whole: float = min(most_s, first_s * 2 ** min(attempt - 1, 30))
    return whole * (1 - draw() / 2)


def _may_repeat(error: ClientError, *, is_idempotent: bool) -> bool:
    if isinstance(error, NodeUnreachable):
        return is_idempotent
    if not isinstance(error, NodeRefused):
        return False
    was_not_begun = error.status == _TOO_MANY or error.retry_after_s is not None
    return error.status in (_TOO_MANY, _UNAVAILABLE) and (is_idempotent or was_not_begun)
