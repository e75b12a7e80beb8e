"""Asking a supervisor that is not there, or does not answer, ends in words and not in waiting."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chaindeck.rpc.client import SupervisorClient
from chaindeck.store.instance import InstanceLock
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
