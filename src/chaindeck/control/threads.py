"""Records asked from outside a request, where nobody else looks after the line to the database."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import close_old_connections, connection

P = ParamSpec("P")
R = TypeVar("R")


def with_database(work: Callable[P, R]) -> Callable[P, R]:
    """Drop a line that broke or grew old, as Django does around each request."""

    @functools.wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if not connection.in_atomic_block:
            close_old_connections()
        return work(*args, **kwargs)

    return run
