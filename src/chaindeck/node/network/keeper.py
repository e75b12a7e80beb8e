"""A node's part in its network: one driver at a time, on one port and under one key.

The machine of a driver cannot be recorded from its middle. So a capture starts a new driver, with a
new machine that knows nothing yet: links are closed with a good-bye and made anew within a second
or two. When a capture ends, the driver goes on as it is.
"""

from __future__ import annotations

import asyncio
import secrets
import socket

import msgspec

from chaindeck import __version__
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.state import Event
from chaindeck.node.errors import CaptureMissing, CaptureRunning
from chaindeck.node.network.capture import Capture
from chaindeck.node.network.doors import Doors, listen
from chaindeck.node.network.driver import Driver
from chaindeck.node.network.multicast import Multicast
from chaindeck.node.network.names import PeerName
from chaindeck.node.network.tls import TlsIdentity
from chaindeck.node.service import NodeService
from chaindeck.protocol.chain_view import ChainView
from chaindeck.protocol.machine import Machine
from chaindeck.protocol.recording import Recorder
from chaindeck.protocol.types import LinkId, NodeKey, Settings

_SEED_BYTES = 32


class NetworkOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a node takes part in a network."""

    host: str
    port: int
    peers: tuple[PeerName, ...] = ()
    admitted: frozenset[NodeKey] | None = None
    is_discovering: bool = True
    group: str = "239.255.83.33"
    group_port: int = 8333
    least_work: int = 0
    max_inbound: int = 117
    batch_interval_ms: int = 100
    tls: TlsIdentity | None = None


class PeerNetwork:
    """The links of one node. Start it when the service has started, stop it before."""

    def __init__(self, service: NodeService, key: SigningKey, options: NetworkOptions) -> None:
        self.service = service
        self.driver: Driver
        self.port = options.port
        self._options = options
        self._key = key
        self._socket: socket.socket | None = None
        self._last_link = 0
        self._capture: Capture | None = None
        self._changing = asyncio.Lock()

    async def start(self) -> None:
        """Listen, and begin to look for peers. Raises `OSError` where the port is taken."""
        self._socket = listen(self._options.host, self._options.port)
        self.port = self._socket.getsockname()[1]
        self.service.listen(self._heard)
        await self._start_driver(None)

    async def stop(self) -> None:
        """Say good-bye, close everything, and wait until nothing is under way."""
        async with self._changing:
            await self.driver.stop()
            if self._capture is not None:
                self._capture.end("the node stops")
            if self._socket is not None:
                self._socket.close()

    @property
    def key(self) -> NodeKey:
        """Under which peers know this node."""
        return NodeKey(self._key.public_key)

    @property
    def listens_at(self) -> str:
        host = self._options.host
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    @property
    def machine(self) -> Machine:
        return self.driver.machine

    # Captures

    async def capture(self, seconds: float) -> Capture:
        """Begin to record all that the machine is told, on a machine that starts anew.

        Raises `CaptureRunning`, or a `StoreError` where the file cannot be made.
        """
        async with self._changing:
            if self._capture is not None and self._capture.is_running:
                raise CaptureRunning(path=str(self._capture.path))
            capture = Capture.create(self.service.store.folder, seconds)
            self._capture = capture
            await self.driver.stop()
            await self._start_driver(capture)
        return capture

    def end_capture(self) -> Capture:
        """End the capture that runs; raise `CaptureMissing` where none does."""
        capture = self._capture
        if capture is None or not capture.is_running:
            raise CaptureMissing
        capture.end("as ordered")
        return capture

    # Inside

    async def _start_driver(self, capture: Capture | None) -> None:
        options = self._options
        assert self._socket is not None, "the socket is there from start to stop"
        store = self.service.store
        settings = self._settings()
        view = ChainView(self.service.state, store.active_hash, store.load_seal)
        recorder = Recorder(settings, view, capture.write) if capture is not None else None
        if capture is not None and recorder is not None:
            capture.recorder = recorder
        self.driver = Driver(
            self.service,
            recorder.machine if recorder else Machine(settings, view),
            Doors(options.tls),
            self._new_link,
            step=recorder.step if recorder else None,
            names=options.peers,
        )
        group = Multicast(options.group, options.group_port, options.host)
        await self.driver.start(self._socket, group if options.is_discovering else None)

    def _new_link(self) -> LinkId:
        self._last_link += 1
        return LinkId(self._last_link)

    def _heard(self, event: Event) -> None:
        self.driver.heard(event)

    def _settings(self) -> Settings:
        options = self._options
        return Settings(
            network=self.service.network,
            key=self._key,
            seed=secrets.token_bytes(_SEED_BYTES),
            port=self.port,
            agent=f"chaindeck/{__version__}",
            static_peers=tuple(name.address for name in options.peers if name.address is not None),
            admitted=options.admitted,
            is_discovering=options.is_discovering,
            least_work=options.least_work,
            max_inbound=options.max_inbound,
            batch_interval_ms=options.batch_interval_ms,
        )
