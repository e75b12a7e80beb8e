"""The network as the API sees it: peers described, and an operator's orders carried out."""

from __future__ import annotations

from chaindeck.node.api.peer_forms import CaptureView, PeersSummary, PeerView, SyncState
from chaindeck.node.errors import PeerNameUnknown
from chaindeck.node.network.capture import Capture
from chaindeck.node.network.keeper import PeerNetwork
from chaindeck.node.network.names import parse_peer, resolve
from chaindeck.protocol.inputs import PeerAdded, PeerBarred, PeerPardoned, PeerRemoved
from chaindeck.protocol.limits import CLOCK_WARNING_MS
from chaindeck.protocol.links import Link
from chaindeck.protocol.types import Address, NodeKey

_MS = 1_000


class PeerDesk:
    """What operators may ask and order about peers (`api.ports.Peering`)."""

    def __init__(self, network: PeerNetwork) -> None:
        self._network = network

    @property
    def key(self) -> NodeKey:
        return self._network.key

    @property
    def listens_at(self) -> str:
        return self._network.listens_at

    def summary(self) -> PeersSummary:
        machine = self._network.machine
        links = machine.peers
        sources: dict[str, int] = {}
        for link in links:
            source = machine.topology.source_of(link)
            sources[source] = sources.get(source, 0) + 1
        inbound = sum(link.is_inbound for link in links)
        return PeersSummary(
            linked=len(links),
            inbound=inbound,
            outbound=len(links) - inbound,
            known=len(machine.topology.book),
            sources=sources,
            topology="mesh" if machine.topology.is_mesh else "gossip",
        )

    def views(self) -> list[PeerView]:
        now_ms = self._network.driver.now_ms()
        return [self._view(link, now_ms) for link in self._network.machine.peers]

    def bars(self) -> dict[str, int]:
        """Return what is barred until when, in Unix milliseconds."""
        driver = self._network.driver
        bars = driver.machine.topology.book.bars(driver.now_ms())
        return {name: driver.clock_time_ms(until_ms) for name, until_ms in bars.items()}

    def warnings(self) -> list[str]:
        """Say what an operator should know, in sentences."""
        topology = self._network.machine.topology
        warnings = []
        if topology.is_alone:
            tried = ", ".join(
                f"{count} by {name}" for name, count in topology.book.by_source().items()
            )
            found = f"addresses known: {tried}" if tried else "no address is known"
            warnings.append(f"No peer for 30 seconds: {found}. Name one with --peers.")
        offset_ms = topology.median_offset_ms()
        if offset_ms is not None and abs(offset_ms) > CLOCK_WARNING_MS:
            side = "ahead of" if offset_ms > 0 else "behind"
            warnings.append(
                f"The peers' clocks are {abs(offset_ms) / _MS:.1f} s {side} this one: check both."
            )
        return warnings

    def sync_state(self) -> SyncState:
        return self._network.machine.sync.state

    def clock_offset_ms(self) -> int | None:
        """Return by how much the peers' clocks, by their median, are ahead of this one."""
        return self._network.machine.topology.median_offset_ms()

    async def add(self, text: str) -> None:
        """Keep a link with a peer from now on, whatever barred it."""
        for address in await self._addresses(text):
            self._network.driver.tell(PeerPardoned(address))
            self._network.driver.tell(PeerAdded(address))

    async def drop(self, text: str, bar_ms: int) -> None:
        """Close the link with a peer and forget it, or bar it for a while."""
        for address in await self._addresses(text):
            if bar_ms:
                self._network.driver.tell(PeerBarred(address, bar_ms))
            self._network.driver.tell(PeerRemoved(address))

    async def start_capture(self, seconds: float) -> CaptureView:
        """Record the network side from now on; its links are made anew."""
        return _describe(await self._network.capture(seconds))

    def end_capture(self) -> CaptureView:
        return _describe(self._network.end_capture())

    async def _addresses(self, text: str) -> list[Address]:
        name = parse_peer(text)
        try:
            return await resolve(name)
        except OSError as error:
            reason = error.strerror or str(error)
            raise PeerNameUnknown(field="address", name=name.host, reason=reason) from error

    def _view(self, link: Link, now_ms: int) -> PeerView:
        assert link.key is not None
        assert link.introduction is not None
        return PeerView(
            key=link.key.hex(),
            address=str(link.listening or link.address),
            direction="inbound" if link.is_inbound else "outbound",
            source=self._network.machine.topology.source_of(link),
            agent=link.introduction.agent,
            height=link.introduction.height,
            work=str(link.work),
            connected_s=(now_ms - link.ready_ms) / _MS,
            round_trip_ms=link.round_trip_ms,
            clock_offset_ms=link.clock_offset_ms,
            bytes_in=link.bytes_in,
            bytes_out=link.bytes_out,
            waiting_bytes=link.pending_bytes,
            score=int(link.score.at(now_ms)),
            blocks_first=link.blocks_first,
            payments_first=link.payments_first,
        )


def _describe(capture: Capture) -> CaptureView:
    return CaptureView(
        path=str(capture.path),
        bytes=capture.bytes,
        steps=capture.steps,
        is_running=capture.is_running,
    )
