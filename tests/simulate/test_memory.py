"""A run's memory is put together, and is left as it was found."""

import gc
import re
from pathlib import Path

from chaindeck.simulate.limits import COLLECT_AFTER
from chaindeck.simulate.memory import Memory, gather


def large_pages_kib():
    rollup = Path("/proc/self/smaps_rollup").read_text()
    found = re.search(r"AnonHugePages:\s+(\d+)", rollup)
    assert found, "the kernel says how much is in large pages"
    return int(found[1])


def test_memory_in_large_pages_holds_what_it_held():
    held = [bytes([number % 251]) * 500 for number in range(100_000)]
    gathered = gather()
    assert 1024 * large_pages_kib() >= gathered, "what is said to be in large pages is"
    assert all(item == bytes([number % 251]) * 500 for number, item in enumerate(held))


def test_collector_is_as_it_was_after_a_run():
    before = gc.get_threshold()
    with Memory() as memory:
        memory.look()
        assert gc.get_threshold() == (COLLECT_AFTER, *before[1:])
        assert gc.get_freeze_count()
    assert gc.get_threshold() == before
    assert not gc.get_freeze_count()
