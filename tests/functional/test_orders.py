"""Orders about nodes go the whole way: API, coordinator, supervisor, process, and back."""

from __future__ import annotations

import os
import signal
from typing import Any

import psutil

from chaindeck.supervisor.control import find_supervisor
from tests.functional.decks import Deck
from tests.functional.ups import LIMIT_S, installed
from tests.supervisor.keeping import wait_until

NODE = "/api/nodes/node-2"


def order(deck: Deck, action: str, path: str = NODE) -> dict[str, Any]:
    """Give an order that is carried out."""
    status, answer = deck.ask(path, {"action": action})
    assert status == 200, answer
    reply: dict[str, Any] = answer
    return reply


def refusal(deck: Deck, path: str, *, token: str = "") -> tuple[int, str, str]:
    """Give an order that is not; return the status, the code and the words."""
    status, answer = deck.ask(path, {"action": "restart"}, token=token)
    return status, answer["error"]["code"], answer["error"]["message"]


def shown(deck: Deck, name: str) -> str:
    """Return the state in which the control room shows a node."""
    _, answer = deck.ask("/api/nodes")
    states: dict[str, str] = {node["name"]: node["state"] for node in answer["nodes"]}
    return states.get(name, "")


def processes_of(deck: Deck, name: str) -> list[psutil.Process]:
    folder = str(deck.home.home.nodes / name)
    return [item for item in deck.home.processes() if f"--data={folder}" in item.cmdline()]


def test_node_is_stopped_started_and_restarted_from_the_api() -> None:
    with installed(2) as home:
        deck = Deck(home)
        deck.start()
        wait_until(lambda: shown(deck, "node-2") == "up", LIMIT_S)
        first, other = home.pid_of("node-2"), home.pid_of("node-1")
        assert order(deck, "stop")["detail"] == "node-2 is stopped"
        assert processes_of(deck, "node-2") == []
        wait_until(lambda: shown(deck, "node-2") == "down", LIMIT_S)
        assert deck.parts()["node-2"]["state"] == "stopped"
        assert order(deck, "start")["detail"] == "node-2 is ready"
        wait_until(lambda: shown(deck, "node-2") == "up", LIMIT_S)
        second = home.pid_of("node-2")
        # Who runs already stays, and who is restarted does not.
        order(deck, "start")
        assert home.pid_of("node-2") == second
        order(deck, "restart")
        assert len({first, second, home.pid_of("node-2"), None}) == 4
        (process,) = processes_of(deck, "node-2")
        assert process.pid == home.pid_of("node-2")
        assert home.pid_of("node-1") == other
        wait_until(lambda: shown(deck, "node-2") == "up", LIMIT_S)
        assert deck.run("status").returncode == 0
        home.run("down")
        home.expect_nothing_left()


def test_order_that_may_not_be_or_makes_no_sense_says_why_and_changes_nothing() -> None:
    with installed() as home:
        deck = Deck(home)
        deck.start()
        wait_until(lambda: shown(deck, "node-1") == "up", LIMIT_S)
        before = home.pid_of("node-1")
        status, code, text = refusal(deck, "/api/nodes/node-7")
        assert (status, code) == (404, "coordinator-node")
        assert "node-7" in text
        assert "there are node-1" in text
        viewer = deck.make_token("viewer", "read")
        assert refusal(deck, "/api/nodes/node-1", token=viewer)[0] == 403
        # A token is no mightier than its scope, whoever made it.
        reader = deck.make_token("operator", "read")
        assert refusal(deck, "/api/nodes/node-1", token=reader)[0] == 403
        assert refusal(deck, "/api/nodes/node-1", token="nobody's")[0] == 401
        assert home.pid_of("node-1") == before


def test_order_to_a_supervisor_that_hangs_is_refused_soon_and_kept_in_the_log() -> None:
    with installed() as home:
        deck = Deck(home)
        deck.start()
        wait_until(lambda: shown(deck, "node-1") == "up", LIMIT_S)
        before = home.pid_of("node-1")
        hanging = find_supervisor(home.home)
        assert hanging
        os.kill(hanging, signal.SIGSTOP)
        status, code, text = refusal(deck, "/api/nodes/node-1")
        os.kill(hanging, signal.SIGCONT)
        assert (status, code) == (503, "coordinator-supervisor-away")
        assert "nothing was done" in text
        assert "chaindeck up --restart" in text
        wait_until(lambda: is_logged(deck, "refused: the supervisor does not answer"), LIMIT_S)
        order(deck, "restart", "/api/nodes/node-1")
        (process,) = processes_of(deck, "node-1")
        assert process.pid != before


def is_logged(deck: Deck, text: str) -> bool:
    _, answer = deck.ask("/api/activities/")
    return any(
        line["action"] == "node-restart" and text in line["description"]
        for line in answer["activities"]
    )
