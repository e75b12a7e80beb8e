"""Records asked from outside a request, where nobody else looks after the line to the database."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import connection

from chaindeck.records.connecting import connected

P = ParamSpec("P")
R = TypeVar("R")


def with_database(work: Callable[P, R]) -> Callable[P, R]:
    """Drop a line that broke or grew old, before and after, as Django does around a request."""

    @functools.wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if connection.in_atomic_block:
            return work(*args, **kwargs)
        with connected():
            return work(*args, **kwargs)

    return run
