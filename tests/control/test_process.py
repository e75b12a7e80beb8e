"""The web as a process: settings, start, stop, and what it says when it cannot."""

import gc
import gzip
import json
import socket
import stat
import subprocess
import sys
import time

import psutil
from websockets.sync.client import connect

from chaindeck.control.process import settle
from tests.control.processes import environment, web
from tests.coordinator.processes import COMMAND, coordinator, free_port, wait_for


def run(home, port, *options, **more):
    return subprocess.run(
        [COMMAND, "web", *options],
        env=environment(home, port, **more),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_port_of_another_program_is_a_refusal_and_no_record_is_touched(home):
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        done = run(home, stranger.getsockname()[1])
    assert done.returncode == 3
    assert "web-port-taken" in done.stderr
    assert not (home / "web").exists()


def test_wrong_variable_is_misuse(home):
    assert run(home, free_port(), ALLOWED_ORIGINS="nowhere").returncode == 2
    done = run(home, free_port(), "--host", "0.0.0.0")
    assert done.returncode == 2
    assert "ALLOWED_ORIGINS=https://" in done.stderr


def test_database_that_is_away_is_a_failure_with_its_name(home):
    url = "postgres://nobody@127.0.0.1:1/none"
    done = run(home, free_port(), DATABASE_URL=url)
    assert done.returncode == 1
    assert "records-database-away" in done.stderr


def test_collector_leaves_alone_what_a_start_has_made():
    before = gc.get_freeze_count()
    try:
        settle()
        assert gc.get_freeze_count() > before + 10_000
        assert "chaindeck.control.pages.overview" in sys.modules
    finally:
        gc.unfreeze()


def test_web_starts_alone_and_says_that_the_coordinator_is_away(home):
    with web(home) as process:
        note = json.loads((home / "web" / "running.json").read_text())
        _, _, body = process.get("/health")
        health = json.loads(body)
        assert (health["pid"], health["instance"]) == (note["pid"], note["instance"])
        first = home / "web" / "first-password"
        assert stat.S_IMODE(first.stat().st_mode) == 0o600
        token = process.make_token()
        assert process.ask("/api/status/", token)["coordinator"]["running"] is False
        stats = process.ask("/api/stats/", token)
        assert (stats["health"], stats["stats"]["uptime"]) == ("unknown", 0.0)
        assert "nobody answers" in stats["error"]
        # What was signed in to meanwhile is told of when the coordinator is there.
        process.ask("/api/tokens", token)
        assert process.stop() == 0
        assert not (home / "web" / "running.json").exists()
    assert "Traceback" not in process.log


def test_web_has_records_open_only_while_it_answers(home):
    """Else a disk that was read-only meanwhile would stay so for it, and files add up."""

    def is_closed():
        found = psutil.Process(process.process.pid).open_files()
        return not any("records.sqlite3-wal" in entry.path for entry in found)

    with web(home) as process:
        wait_for(is_closed)
        token = process.make_token("read")
        process.ask("/api/status/", token)
        headers = {"authorization": f"Bearer {token}"}
        url = f"ws://127.0.0.1:{process.port}/ws/status/"
        with connect(url, additional_headers=headers, compression=None) as line:
            line.recv(5)
            wait_for(is_closed)


def test_first_password_goes_once_it_opens_nothing_any_more(home):
    first = home / "web" / "first-password"
    for _ in range(2):
        with web(home):
            assert first.exists()
    with web(home) as process:
        process.run_inside(
            "from chaindeck.records.services.people import person_set_password;"
            "person_set_password(username='admin', password='one of my own')"
        )
    with web(home):
        assert not first.exists()


def test_web_stops_in_time_with_open_lines_and_connections(home):
    with web(home) as process:
        token = process.make_token("read")
        headers = {"authorization": f"Bearer {token}"}
        url = f"ws://127.0.0.1:{process.port}/ws/live"
        idle = socket.create_connection(("127.0.0.1", process.port))
        with connect(url, additional_headers=headers, compression=None) as line:
            line.send('{"type":"subscribe","topics":["block"]}')
            line.recv(5)
            started_s = time.monotonic()
            assert process.stop() == 0
            assert time.monotonic() - started_s < 5
        idle.close()


def test_long_answers_leave_compressed_and_short_ones_as_they_are(home):
    with web(home) as process:
        _, headers, body = process.get("/sign-in", accept_encoding="gzip")
        assert headers["content-encoding"] == "gzip"
        assert int(headers["content-length"]) == len(body)
        assert b"Sign in" in gzip.decompress(body)
        assert headers["vary"].lower().count("accept-encoding") == 1
        for accepted in ("br", "gzip;q=0", ""):
            _, headers, body = process.get("/sign-in", accept_encoding=accepted)
            assert "content-encoding" not in headers
            assert b"Sign in" in body
        _, headers, _ = process.get("/health", accept_encoding="gzip")
        assert "content-encoding" not in headers


def test_built_files_are_served_for_a_year_and_nothing_beside_them(home):
    with web(home) as process:
        _, _, page = process.get("/sign-in")
        name = page.decode().split('rel="stylesheet" href="')[1].split('"')[0]
        status, headers, body = process.get(name, accept_encoding="gzip")
        assert (status, headers["content-encoding"]) == (200, "gzip")
        assert "immutable" in headers["cache-control"]
        assert b"{" in gzip.decompress(body)
        assert process.get("/static/../../../etc/passwd")[0] == 404
        assert process.get("/static/none")[0] == 404


def test_reports_wait_for_the_coordinator_and_arrive_once(home):
    with web(home) as process:
        token = process.make_token()
        body = json.dumps({"name": "late", "scope": "read"}).encode()
        import urllib.request

        request = urllib.request.Request(
            f"{process.url}/api/tokens",
            data=body,
            headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200
        assert process.ask("/api/activities/", token)["activities"] == []
        with coordinator(home):
            deadline_s = time.monotonic() + 20
            while not (rows := process.ask("/api/activities/", token)["activities"]):
                assert time.monotonic() < deadline_s
                time.sleep(0.05)
            assert [row["action"] for row in rows] == ["token-made"]
            assert process.ask("/api/status/", token)["coordinator"]["pid"]
            stats = process.ask("/api/stats/", token)
            # There is no node to follow, which it may have noticed by now.
            assert stats["health"] in ("healthy", "degraded")
            assert stats["error"] is None
