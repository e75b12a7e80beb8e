"""A live channel that a test speaks itself: a growing chain and its figures, at any speed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Page, WebSocketRoute

from tests.records.growing import OWNERS, address

LIVE = re.compile(r"/ws/live$")
BLOCK_MS = 10_000
LOOK_MS = 5_000
POOL_MS = 1_000
STATUS_MS = 60_000
Event = dict[str, Any]


class Feed:
    """Answers a page's subscription, and then says what it is told to."""

    def __init__(self, page: Page, height: int, now_ms: int) -> None:
        self.height = height
        self.now_ms = now_ms
        self.seq = 1_000
        self.lines: list[WebSocketRoute] = []
        page.route_web_socket(LIVE, self._join)

    def _join(self, line: WebSocketRoute) -> None:
        line.on_message(lambda _: self._greet(line))

    def _greet(self, line: WebSocketRoute) -> None:
        if line in self.lines:
            return
        self.lines.append(line)
        hello = {"type": "hello", "epoch": "feed", "seq": self.seq, "instance": "feed"}
        line.send(json.dumps({**hello, "time_ms": self.now_ms, "source": {"state": "live"}}))

    def say(self, events: list[Event]) -> None:
        """Send events as one frame to whoever listens."""
        for event in events:
            self.seq += 1
            event["seq"] = self.seq
        text = json.dumps({"type": "events", "events": events})
        for line in self.lines:
            line.send(text)

    def pass_time(self, span_ms: int) -> list[Event]:
        """Return what an installation with a block every ten seconds tells in a while."""
        made: list[Event] = []
        end_ms = self.now_ms + span_ms
        while self.now_ms < end_ms:
            self.now_ms += POOL_MS
            made += self._second()
        return made

    def _second(self) -> Iterator[Event]:
        yield self._event("pool", "changed", "pool", pool(self.now_ms // POOL_MS % 40))
        if self.now_ms % LOOK_MS < POOL_MS:
            yield self._event("network", "stats", "network", self._figures())
            for part in ("machine", "coordinator", "web", "node-1"):
                yield self._event("system", "metrics", part, machine(self.now_ms))
        if self.now_ms % BLOCK_MS < POOL_MS:
            yield from self.block()
        if self.now_ms % STATUS_MS < POOL_MS:
            yield self._event("status", "changed", "status", {"nodes": {"node-1": "up"}})

    def block(self) -> Iterator[Event]:
        self.height += 1
        row = {
            "height": self.height,
            "hash": name_of(self.height),
            "previous": name_of(self.height - 1),
            "time_ms": self.now_ms,
            "tx_count": 20 + self.height % 50,
            "size": 5_000 + 250 * (self.height % 50),
            "fees": 4_000,
            "lowest_per_kb": 100,
            "highest_per_kb": 900,
            "reward": 5_000_000,
            "amount": 12_000_000,
            "miner": address(OWNERS[0]),
            "is_on_chain": True,
        }
        yield self._event("block", "connected", row["hash"], row)
        tip = {"height": self.height, "tip": row["hash"], "behind": 0}
        yield self._event("chain", "tip", "chain", tip)

    def _figures(self) -> dict[str, Any]:
        wave = self.now_ms // LOOK_MS % 17
        return {
            "time_ms": self.now_ms,
            "network_height": self.height,
            "hash_rate": 1_000.0 + 10 * wave,
            "tx_rate": 2.0 + wave / 10,
            "blocks_per_minute": 6.0 + wave / 20,
            "propagation_ms": 5.0 + wave,
            "forks": 0,
            "pool_count": wave,
            "total_nodes": 1,
        }

    def _event(self, topic: str, kind: str, key: str, data: dict[str, Any]) -> Event:
        return {"time_ms": self.now_ms, "topic": topic, "kind": kind, "key": key, "data": data}


def name_of(height: int) -> str:
    return hashlib.sha256(str(height).encode()).hexdigest()


def pool(count: int) -> dict[str, Any]:
    rates = {"highest_per_kb": 900, "lowest_per_kb": 100}
    projected = [{"count": count, "bytes": 250 * count, "fees": 10 * count, **rates}]
    return {
        "count": count,
        "bytes": 250 * count,
        "max_bytes": 100_000_000,
        "floor_per_kb": 0,
        "fee_histogram": [{"least_per_kb": 100, "count": count, "bytes": 250 * count}],
        "projected_blocks": projected if count else [],
    }


def machine(time_ms: int) -> dict[str, Any]:
    return {"cpu_percent": 5.0, "memory_percent": 40.0 + time_ms // LOOK_MS % 7}
