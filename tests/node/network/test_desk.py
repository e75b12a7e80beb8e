"""What the API is told about peers, and what operators may order."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaindeck.node.errors import PeerNameInvalid, PeerNameUnknown
from chaindeck.protocol.limits import ALONE_AFTER_MS
from chaindeck.protocol.types import NodeKey
from tests.node.network.street import house, run, street, until


def test_peer_is_described_from_both_ends(tmp_path: Path) -> None:
    async def live() -> None:
        async with street(tmp_path, 2) as (one, two):
            tip = await two.mine(2)
            await until(lambda: one.tip == tip)
            (seen,), (seeing,) = one.desk.views(), two.desk.views()
            assert (seen.key, seeing.key) == (two.desk.key.hex(), one.desk.key.hex())
            assert (seen.direction, seeing.direction) == ("inbound", "outbound")
            assert (seen.source, seeing.source) == ("inbound", "static")
            assert seen.address == two.desk.listens_at
            assert seeing.address == one.desk.listens_at
            assert seen.agent.startswith("chaindeck/")
            assert (seen.height, seen.work) == (0, str(two.service.tip.work))
            assert seen.blocks_first == 2
            assert seen.bytes_in > 0 < seen.bytes_out
            assert 0 <= seen.connected_s < 60
            assert seen.score == seen.waiting_bytes == 0
            summary = one.desk.summary()
            assert (summary.linked, summary.inbound, summary.outbound) == (1, 1, 0)
            assert (summary.sources, summary.topology) == ({"inbound": 1}, "mesh")
            assert one.desk.sync_state() == "current"
            assert one.desk.clock_offset_ms() is not None

    run(live())


def test_bars_end_at_a_time_of_the_nodes_clock(tmp_path: Path) -> None:
    async def live() -> None:
        async with house(tmp_path / "one") as one, house(tmp_path / "two") as two:
            one.clock.advance(-86_400_000)
            await one.meet(two)
            where = two.network.listens_at
            await one.desk.drop(where, 600_000)
            await until(lambda: one.links == 0)
            bars = one.desk.bars()
            assert set(bars) == {where, two.desk.key.hex()}
            for until_ms in bars.values():
                assert abs(until_ms - one.clock.now_ms() - 600_000) < 5_000
            await two.desk.add(one.network.listens_at)
            await one.desk.add(where)
            assert one.desk.bars() == {}
            await until(lambda: one.links == 1)
            await one.desk.drop(where, 0)
            await until(lambda: one.links == 0)
            assert one.desk.bars() == {}

    run(live())


def test_loneliness_and_clocks_are_warned_of(tmp_path: Path) -> None:
    async def live() -> None:
        async with house(tmp_path) as one:
            assert one.desk.warnings() == []
            assert one.desk.clock_offset_ms() is None
            topology = one.network.machine.topology
            topology.is_alone = True
            (warning,) = one.desk.warnings()
            assert warning.startswith(f"No peer for {ALONE_AFTER_MS // 1000} seconds: no address")
            await one.desk.add("127.0.0.1:9")
            assert "addresses known: 1 by static." in one.desk.warnings()[0]

    run(live())


@pytest.mark.parametrize("text", ["", "10.0.0.7:99999"])
def test_what_is_no_peer_is_refused(tmp_path: Path, text: str) -> None:
    async def live() -> None:
        async with house(tmp_path) as one:
            with pytest.raises(PeerNameInvalid):
                await one.desk.add(text)
            with pytest.raises(PeerNameUnknown) as raised:
                await one.desk.drop("nowhere.invalid", 0)
            assert raised.value.code == "peer-name-unknown"

    run(live())


def test_node_that_is_not_listed_is_turned_away(tmp_path: Path) -> None:
    async def live() -> None:
        listed = frozenset({NodeKey(b"\x02" * 33)})
        async with house(tmp_path / "one", admitted=listed) as one, house(tmp_path / "two") as two:
            reader = two.service.feed.subscribe(["peer"])
            await two.desk.add(one.network.listens_at)
            (event, *_), _ = await reader.take()
            assert event.data["event"] == "peer left"
            assert "peer-not-admitted" in event.data["detail"]
            assert one.links == 0

    run(live())
