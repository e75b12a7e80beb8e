"""Settings, the board, workers, sources and sightings: each by itself."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from chaindeck.coordinator.components import Board
from chaindeck.coordinator.errors import CoordinatorError, RedisAway, SettingInvalid
from chaindeck.coordinator.limits import FORK_WINDOW
from chaindeck.coordinator.network import Sightings
from chaindeck.coordinator.settings import read_settings
from chaindeck.coordinator.sources import ENVIRONMENT_NAME, forgotten, list_sources
from chaindeck.coordinator.workers import Workers, repeat
from tests.records.databases import prepare_django


def test_settings_have_defaults():
    settings = read_settings({"CHAINDECK_HOME": "/x", "LOG_LEVEL": " "})
    assert str(settings.home) == "/x"
    assert (settings.redis_url, settings.node_url, settings.log_level) == ("", "", "info")
    assert read_settings({}).home.name == ".chaindeck"


@pytest.mark.parametrize(
    ("variables", "name", "value"),
    [
        ({"NODE_URL": "http://a:1/"}, "node_url", "http://a:1"),
        ({"CPP_NODE_URL": "http://b:2"}, "node_url", "http://b:2"),
        ({"NODE_URL": "http://a:1", "CPP_NODE_URL": "http://b:2"}, "node_url", "http://a:1"),
        ({"REDIS_URL": "rediss://h:1/2"}, "redis_url", "rediss://h:1/2"),
        ({"REDIS_HOST": "h"}, "redis_url", "redis://h:6379/0"),
        ({"REDIS_PORT": "7"}, "redis_url", "redis://localhost:7/0"),
        ({"CHAINDECK_GRPC": "10.0.0.5:8443"}, "grpc", "10.0.0.5:8443"),
        ({"DATABASE_URL": "postgres://u:p@h/d"}, "database_url", "postgres://u:p@h/d"),
        ({"LOG_FORMAT": "json"}, "log_format", "json"),
    ],
)
def test_setting_is_taken(variables, name, value):
    assert getattr(read_settings(variables), name) == value


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("NODE_URL", "ftp://x"),
        ("CPP_NODE_URL", "nowhere"),
        ("REDIS_URL", "http://x"),
        ("REDIS_PORT", "0"),
        ("REDIS_PORT", "65536"),
        ("CHAINDECK_GRPC", "host"),
        ("DATABASE_URL", "mysql://root:swordfish@h/d"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_setting_that_cannot_be_is_refused_with_an_example(variable, text):
    with pytest.raises(SettingInvalid) as failure:
        read_settings({variable: text})
    assert str(failure.value).startswith(f"{variable}: ")
    assert f"for example {variable}=" in str(failure.value)
    assert "swordfish" not in str(failure.value)


def test_board_tells_changes_alone_and_counts_failures():
    board, told = Board(), []
    board.on_change = lambda name, is_well: told.append((name, is_well))
    board.starting("hub")
    board.well("hub")
    board.well("hub")
    board.sick("hub", "a")
    since_ms = board.find("hub").since_ms
    board.sick("hub", "b")
    entry = board.find("hub")
    assert (entry.state, entry.detail, entry.failures) == ("sick", "b", 2)
    assert entry.since_ms == since_ms
    board.well("hub")
    assert told == [("hub", False), ("hub", True), ("hub", False), ("hub", True)]
    assert board.find("moon") is None
    assert len(board.all) == 1


@pytest.mark.parametrize(
    ("trouble", "detail"),
    [
        (RedisAway(reason="gone"), "gone"),
        (ValueError("swordfish"), "a fault, ValueError"),
        (None, "ended by itself"),
    ],
)
async def test_worker_that_fails_is_shown_and_started_again(trouble, detail):
    board, shown, runs = Board(), [], 0
    again = asyncio.Event()

    async def turn():
        nonlocal runs
        runs += 1
        if runs == 1:
            if trouble:
                raise trouble
            return
        shown.append(board.find("worker"))
        board.well("worker")
        again.set()
        await asyncio.Event().wait()

    async with Workers(board) as workers:
        workers.keep("worker", turn)
        async with asyncio.timeout(5):
            await again.wait()
    assert shown[0].state == "sick"
    assert detail in shown[0].detail
    assert "swordfish" not in shown[0].detail
    assert (board.find("worker").state, board.find("worker").failures) == ("well", 1)


async def test_failing_worker_takes_no_other_with_it():
    board, turns = Board(), 0

    async def count():
        nonlocal turns
        turns += 1
        if turns == 5:
            done.set()

    async def fail():
        raise CoordinatorError.__subclasses__()[0](variable="x", reason="y", example="z")

    done = asyncio.Event()
    async with Workers(board) as workers:
        workers.keep("bad", fail)
        workers.keep("good", lambda: repeat("good", count, 0.01, board))
        async with asyncio.timeout(5):
            await done.wait()
    assert board.find("good").state == "well"
    assert board.find("bad").state == "sick"


def row(name, *, url="http://127.0.0.1:9", is_ours=False):
    return {"name": name, "url": url, "is_ours": is_ours}


def test_nodes_come_from_configuration_environment_and_records(tmp_path):
    nodes = [{"name": "b", "api_port": 8081, "p2p_port": 2}, {"name": "a", "api_port": 8082}]
    (tmp_path / "config.json").write_text(json.dumps({"nodes": nodes, "web_port": 8000}))
    rows = [row("far"), row("b", is_ours=True), row("old", is_ours=True), row(ENVIRONMENT_NAME)]
    found = list_sources(tmp_path, "http://10.0.0.9:8080", rows)
    assert [(source.name, source.origin) for source in found] == [
        ("a", "config"),
        ("b", "config"),
        ("far", "added"),
        (ENVIRONMENT_NAME, "environment"),
    ]
    assert found[1].url == "http://127.0.0.1:8081"
    assert found[1].p2p_port == 2
    assert forgotten(found, rows) == ["old"]
    without = list_sources(tmp_path, "", rows)
    assert ENVIRONMENT_NAME in forgotten(without, rows)


def test_running_node_says_where_it_listens(tmp_path):
    (tmp_path / "config.json").write_text('{"nodes": [{"name": "a", "api_port": 8080}]}')
    folder = tmp_path / "nodes" / "a"
    folder.mkdir(parents=True)
    for text, url in (
        ('{"url": "http://127.0.0.1:45001"}', "http://127.0.0.1:45001"),
        ('{"url": "x"}', "http://127.0.0.1:8080"),
        ("{", "http://127.0.0.1:8080"),
    ):
        (folder / "running.json").write_text(text)
        assert list_sources(tmp_path, "", [])[0].url == url


def test_one_address_is_watched_once(tmp_path):
    (tmp_path / "config.json").write_text('{"nodes": [{"name": "a", "api_port": 8080}]}')
    rows = [row("far", url="http://127.0.0.1:8080")]
    found = list_sources(tmp_path, "http://127.0.0.1:8080", rows)
    assert [source.origin for source in found] == ["config"]


@pytest.mark.parametrize("text", ["{", '{"nodes": 5}', "\xff"])
def test_configuration_that_cannot_be_read_is_passed_over(tmp_path, text):
    (tmp_path / "config.json").write_text(text, encoding="latin-1")
    assert list_sources(tmp_path, "", []) == ()


def test_propagation_is_the_time_from_the_first_node_to_the_last():
    sightings = Sightings()
    assert sightings.propagation_ms() is None
    sightings.note("a", "x", 1, 10.0)
    assert sightings.propagation_ms() is None
    sightings.note("b", "x", 1, 10.2)
    sightings.note("b", "x", 1, 99.0)
    sightings.note("c", "x", 1, 10.1)
    assert sightings.propagation_ms() == pytest.approx(200)
    sightings.note("a", "y", 2, 20.0)
    sightings.note("b", "y", 2, 20.4)
    assert sightings.propagation_ms() == pytest.approx(300)


def test_forks_are_blocks_that_share_a_height_until_they_are_old():
    sightings = Sightings()
    for block_hash, height in (("x", 1), ("y", 1), ("z", 1), ("w", 2)):
        sightings.note("a", block_hash, height, 0.0)
    assert sightings.forks() == 2
    for height in range(3, FORK_WINDOW + 1):
        sightings.note("a", f"h{height}", height, 0.0)
    assert sightings.forks() == 2
    sightings.note("a", "last", FORK_WINDOW + 1, 0.0)
    assert sightings.forks() == 0


def test_sightings_have_a_bound():
    sightings = Sightings()
    for number in range(5 * FORK_WINDOW):
        sightings.note("a", str(number), 7, 0.0)
    assert sightings.forks() == 2 * FORK_WINDOW - 1


async def test_board_says_what_keeps_the_index_from_following():
    prepare_django()
    from chaindeck.coordinator.daemon import Coordinator

    follower = SimpleNamespace(state=SimpleNamespace(problem=None))
    coordinator = SimpleNamespace(board=Board())
    telling = asyncio.create_task(Coordinator._tell_following(coordinator, follower))

    async def becomes(state, detail):
        async with asyncio.timeout(10):
            while (entry := coordinator.board.find("following")) is None or entry.state != state:
                await asyncio.sleep(0.01)
        assert entry.detail == detail

    await becomes("well", "")
    follower.state.problem = "this node follows another network"
    follower.state.problem_code = "records-other-network"
    await becomes("sick", "this node follows another network (records-other-network)")
    follower.state.problem = None
    await becomes("well", "")
    telling.cancel()
