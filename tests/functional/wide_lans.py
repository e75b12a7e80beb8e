"""Machines whose packets take as long as a scenario says, because this process carries them.

Each node has a network namespace with one interface, which is a queue of packets in our hands
(TUN). What a node sends is handed to the one it is for when its time has come; the kernels at both
ends do the rest of TCP. It needs the rights to make namespaces, and no traffic shaper.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import selectors
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

from chaindeck.ledger.genesis import Genesis
from tests.functional.lans import NamespaceLan, run_ip

_TUN, _PLAIN = 0x0001, 0x1000
_SET_INTERFACE = 0x400454CA
_PACKET_BYTES = 65_536
_LONGEST_NAP_S = 0.1


class Carrier:
    """Carries packets between queues, each after its delay."""

    def __init__(self, delay_s: Callable[[int, int], float]) -> None:
        self._delay_s = delay_s
        self._queues: list[int] = []
        self._due: list[tuple[float, int, int, bytes]] = []
        self._count = 0
        self._selector = selectors.DefaultSelector()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def open(self, name: str) -> None:
        """Make one more queue, and the interface of this name at its other end."""
        queue = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(
            queue, _SET_INTERFACE, struct.pack("16sH22s", name.encode(), _TUN | _PLAIN, b"")
        )
        self._selector.register(queue, selectors.EVENT_READ, len(self._queues))
        self._queues.append(queue)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join()
        self._selector.close()
        for queue in self._queues:
            os.close(queue)

    def _carry(self) -> None:
        while not self._is_over.is_set():
            wait_s = self._due[0][0] - time.monotonic() if self._due else _LONGEST_NAP_S
            for key, _ in self._selector.select(max(0.0, min(wait_s, _LONGEST_NAP_S))):
                self._take(key.fd, key.data)
            self._hand_over()

    def _take(self, queue: int, source: int) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = os.read(queue, _PACKET_BYTES)
                is_ip4 = packet[0] >> 4 == 4
                target = packet[19] - 1 if is_ip4 else -1
                if 0 <= target < len(self._queues):
                    due_s = time.monotonic() + self._delay_s(source, target)
                    self._count += 1
                    heapq.heappush(self._due, (due_s, self._count, target, packet))

    def _hand_over(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic():
            _, _, target, packet = heapq.heappop(self._due)
            # A node that is gone, or whose queue is full, loses a packet as it would anywhere.
            with contextlib.suppress(OSError):
                os.write(self._queues[target], packet)


class WideLan(NamespaceLan):
    """Nodes that are far from each other."""

    def __init__(
        self, folder: Path, genesis: Genesis, delay_s: Callable[[int, int], float]
    ) -> None:
        super().__init__(folder, genesis)
        self._carrier = Carrier(delay_s)
        self._carrier.start()

    def place(self, number: int) -> list[str]:
        return [*super().place(number), "--discovery=false"]

    def close(self) -> None:
        # First, as an interface must not go before whoever reads it.
        self._carrier.close()
        super().close()

    def _join(self, number: int, space: str) -> None:
        """Let the first interface of a namespace end here rather than at the bridge."""
        name = f"{self._tag}t{number}"
        self._carrier.open(name)
        run_ip("link", "set", name, "netns", space)
        run_ip("-n", space, "address", "add", f"{self._net}.0.{number + 1}/24", "dev", name)
        run_ip("-n", space, "link", "set", name, "up")
        self._plug(number, space, "1", "w", f"{self._tag}m")
