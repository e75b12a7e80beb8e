"""Asking a supervisor that is not there, or does not answer, ends in words and not in waiting."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from chaindeck.rpc.client import SupervisorClient
from chaindeck.store.instance import LOCK_NAME, InstanceLock
from chaindeck.supervisor.control import find_supervisor, shut_down
from chaindeck.supervisor.errors import NotRunning, SupervisorSilent
from chaindeck.supervisor.home import make_home
from chaindeck.supervisor.remote import ask, find_states
from tests.supervisor.keeping import short_folder


def test_home_without_a_supervisor_says_so(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    with pytest.raises(NotRunning, match="nothing runs in"):
        ask(home, SupervisorClient.get_state)
    assert find_states(home) == ()
    assert find_supervisor(home) is None
    assert shut_down(home) is False


def test_supervisor_that_does_not_answer_is_named() -> None:
    with short_folder() as folder:
        home = make_home(folder)
        lock = InstanceLock(home.supervisor)
        try:
            assert find_supervisor(home) == os.getpid()
            with pytest.raises(SupervisorSilent, match=f"process {os.getpid()} supervises"):
                ask(home, SupervisorClient.get_state)
        finally:
            lock.release()
        assert find_supervisor(home) is None


def test_number_of_a_supervisor_that_died_is_not_taken_for_that_of_the_next(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    path = home.supervisor / LOCK_NAME
    lock = InstanceLock(home.supervisor)
    try:
        with subprocess.Popen([sys.executable, "-c", ""]) as dead:
            pass
        path.write_text(f"{dead.pid}\n")
        assert find_supervisor(home) == 0
        writing = threading.Timer(0.05, path.write_text, [f"{os.getpid()}\n"])
        writing.start()
        assert find_supervisor(home) == os.getpid()
        writing.join()
    finally:
        lock.release()
