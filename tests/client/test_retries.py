"""Only what is safe is asked twice, and no node is pressed."""

import pytest

from chaindeck.client import NodeRefused, NodeUnreachable, ProtocolMismatch
from chaindeck.client.limits import MAX_RETRY_AFTER_S
from chaindeck.client.retries import NO_RETRIES, RetryPlan, backoff_s

PLAN = RetryPlan(attempts=3, first_wait_s=1.0, max_wait_s=5.0)
BROKEN = NodeUnreachable(url="u", reason="r")


def wait_s(error, attempt=1, *, is_idempotent=True, plan=PLAN):
    return plan.wait_s(error, attempt, is_idempotent=is_idempotent, draw=lambda: 0.0)


def refused(status, retry_after_s=None):
    return NodeRefused(text="no", status=status, retry_after_s=retry_after_s)


def test_wait_doubles_up_to_its_limit_and_chance_takes_half_at_most() -> None:
    assert [backoff_s(n, 1.0, 5.0, lambda: 0.0) for n in (1, 2, 3, 4, 400)] == [1, 2, 4, 5, 5]
    assert backoff_s(1, 1.0, 5.0, lambda: 1.0) == 0.5


def test_broken_line_is_tried_again_only_where_twice_is_once() -> None:
    assert wait_s(BROKEN) == 1.0
    assert wait_s(BROKEN, is_idempotent=False) is None


def test_attempts_end() -> None:
    assert wait_s(BROKEN, 2) == 2.0
    assert wait_s(BROKEN, 3) is None
    assert wait_s(BROKEN, plan=NO_RETRIES) is None


@pytest.mark.parametrize("status", [400, 404, 409, 422, 500])
def test_verdict_is_final(status) -> None:
    assert wait_s(refused(status)) is None
    assert wait_s(ProtocolMismatch(url="u", reason="r")) is None


def test_busy_node_is_asked_again_when_it_says() -> None:
    assert wait_s(refused(429, 7.0), is_idempotent=False) == 8.0
    assert wait_s(refused(503, 2.0), is_idempotent=False) == 3.0
    assert wait_s(refused(503)) == 1.0
    assert wait_s(refused(503), is_idempotent=False) is None
    assert wait_s(refused(429, MAX_RETRY_AFTER_S + 1)) is None
