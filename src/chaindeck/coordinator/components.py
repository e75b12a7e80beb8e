"""How each part of the coordinator is: starting, well or sick, and since when."""

from __future__ import annotations

import time
from collections.abc import Callable

from chaindeck.node.logs import get_logger
from chaindeck.rpc.forms import ComponentHealth

_log = get_logger("coordinator")


class Board:
    """Parts write how they are; calls read it. `on_change` hears a name and whether it is well."""

    def __init__(self) -> None:
        self._entries: dict[str, ComponentHealth] = {}
        self.on_change: Callable[[str, bool], None] = lambda _, __: None

    @property
    def all(self) -> tuple[ComponentHealth, ...]:
        return tuple(self._entries.values())

    def find(self, name: str) -> ComponentHealth | None:
        return self._entries.get(name)

    def starting(self, name: str) -> None:
        self._entries[name] = _entry(name, "starting", "", 0)
        self.on_change(name, False)  # noqa: FBT003 - a callback takes no names

    def well(self, name: str, detail: str = "") -> None:
        before = self._entries.get(name)
        if before is not None and (before.state, before.detail) == ("well", detail):
            return
        if before is not None and before.state == "sick":
            _log.info("a component is well again", component=name)
        self._entries[name] = _entry(name, "well", detail, before.failures if before else 0)
        self.on_change(name, True)  # noqa: FBT003 - a callback takes no names

    def sick(self, name: str, detail: str) -> None:
        before = self._entries.get(name)
        failures = before.failures if before else 0
        if before is not None and before.state == "sick":
            since_ms = before.since_ms
            self._entries[name] = ComponentHealth(
                name=name, state="sick", detail=detail, since_ms=since_ms, failures=failures + 1
            )
            return
        _log.warning("a component is sick", component=name, reason=detail)
        self._entries[name] = _entry(name, "sick", detail, failures + 1)
        self.on_change(name, False)  # noqa: FBT003 - a callback takes no names


def _entry(name: str, state: str, detail: str, failures: int) -> ComponentHealth:
    now_ms = time.time_ns() // 1_000_000
    return ComponentHealth(
        name=name, state=state, detail=detail, since_ms=now_ms, failures=failures
    )
