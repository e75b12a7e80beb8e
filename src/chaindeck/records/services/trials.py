"""Failed sign-ins, counted per name and per name and address, and the waits that follow.

A try counts as failed before the password is looked at, and is forgiven when it was right: so a
hundred tries at once are a hundred tries. Names that nobody has are counted like all others.
"""

from __future__ import annotations

import hashlib

import msgspec
from django.db import transaction

from chaindeck.records.bulk import moment, now_ms, time_ms_of
from chaindeck.records.limits import (
    NAME_FIRST_WAIT_S,
    NAME_FREE_FAILURES,
    NAME_LONGEST_WAIT_S,
    SIGN_IN_FIRST_WAIT_S,
    SIGN_IN_FORGOTTEN_S,
    SIGN_IN_FREE_FAILURES,
    SIGN_IN_LONGEST_WAIT_S,
    SIGN_IN_TRIALS_KEPT,
)
from chaindeck.records.models import SignInTrial


class Trial(msgspec.Struct, frozen=True):
    """Whether a password may be tried now, and when the next one may if this one is wrong."""

    is_allowed: bool
    next_ms: int = 0
    """0: at once."""


class _Rule(msgspec.Struct, frozen=True):
    free: int
    first_s: int
    longest_s: int

    def wait_ms(self, failures: int) -> int:
        if failures < self.free:
            return 0
        doubled = self.first_s << min(failures - self.free, 20)
        return 1000 * min(doubled, self.longest_s)


_PAIR = _Rule(SIGN_IN_FREE_FAILURES, SIGN_IN_FIRST_WAIT_S, SIGN_IN_LONGEST_WAIT_S)
_NAME = _Rule(NAME_FREE_FAILURES, NAME_FIRST_WAIT_S, NAME_LONGEST_WAIT_S)


def trial_begin(*, username: str, ip_address: str, time_ms: int | None = None) -> Trial:
    """Count one more try, unless this name has to wait."""
    now = now_ms() if time_ms is None else time_ms
    rules = ((_pair_key(username, ip_address), _PAIR), (_name_key(username), _NAME))
    with transaction.atomic():
        rows = [_row(key, now) for key, _ in rules]
        blocked = [time_ms_of(row.blocked_until) for row in rows if row.blocked_until is not None]
        if max(blocked, default=0) > now:
            return Trial(is_allowed=False, next_ms=max(blocked))
        next_ms = 0
        for row, (_, rule) in zip(rows, rules, strict=True):
            row.failures += 1
            row.last_failed = moment(now)
            wait_ms = rule.wait_ms(row.failures)
            row.blocked_until = moment(now + wait_ms) if wait_ms else None
            next_ms = max(next_ms, now + wait_ms if wait_ms else 0)
            row.save()
        return Trial(is_allowed=True, next_ms=next_ms)


def trial_forgive(*, username: str, ip_address: str) -> None:
    """The password was right."""
    keys = [_pair_key(username, ip_address), _name_key(username)]
    SignInTrial.objects.filter(key__in=keys).delete()


def trials_prune(*, time_ms: int | None = None) -> int:
    """Forget what is old, and the oldest above `SIGN_IN_TRIALS_KEPT`; return how many."""
    now = now_ms() if time_ms is None else time_ms
    with transaction.atomic():
        old = moment(now - SIGN_IN_FORGOTTEN_S * 1000)
        count = SignInTrial.objects.filter(last_failed__lt=old).delete()[0]
        kept = SignInTrial.objects.order_by("-last_failed")
        too_many = list(kept.values_list("key", flat=True)[SIGN_IN_TRIALS_KEPT:])
        return count + SignInTrial.objects.filter(key__in=too_many).delete()[0]


def _row(key: str, now: int) -> SignInTrial:
    fresh = {"failures": 0, "last_failed": moment(now)}
    row, _ = SignInTrial.objects.select_for_update().get_or_create(key=key, defaults=fresh)
    if now - time_ms_of(row.last_failed) > SIGN_IN_FORGOTTEN_S * 1000:
        row.failures, row.blocked_until = 0, None
    return row


def _pair_key(username: str, ip_address: str) -> str:
    return _hash(f"pair\0{username}\0{ip_address}")


def _name_key(username: str) -> str:
    return _hash(f"name\0{username}")


def _hash(text: str) -> str:
    """What was typed as a name may have been a password: it is not kept."""
    return hashlib.sha256(text.encode()).hexdigest()
