"""One process at a time holds a data directory."""

import subprocess
import sys

import pytest

from chaindeck.store.errors import InputOutput, StoreLocked
from chaindeck.store.instance import LOCK_NAME, InstanceLock

HOLD = """
import sys, pathlib
from chaindeck.store.instance import InstanceLock
lock = InstanceLock(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_other_process_is_named_and_its_death_frees_the_directory(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreLocked, match=f"in use by process {holder.pid}") as caught:
            InstanceLock(tmp_path)
        assert caught.value.code == "store-locked"
        holder.kill()
    InstanceLock(tmp_path).release()


def test_lock_of_unknown_holder_is_still_a_lock(tmp_path):
    lock = InstanceLock(tmp_path)
    (tmp_path / LOCK_NAME).write_bytes(b"")
    with pytest.raises(StoreLocked, match="process unknown"):
        InstanceLock(tmp_path)
    lock.release()


def test_directory_that_cannot_hold_a_lock_is_an_error(tmp_path):
    (tmp_path / LOCK_NAME).mkdir()
    with pytest.raises(InputOutput):
        InstanceLock(tmp_path)
