"""A development node as a process of its own, with an empty home, for as long as a figure takes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from chaindeck.client import Access, NodeClient

_START_LIMIT_S = 60.0
_STOP_LIMIT_S = 20.0
_LOOK_S = 0.001
_PLAIN = ("--profile=dev", "--mining=off", "--api-port=0", "--log-level=error")


@contextmanager
def empty_folder() -> Iterator[Path]:
    """A data directory that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="chaindeck-bench-") as home:
        yield Path(home) / "node"


@contextmanager
def node(folder: Path, *options: str) -> Iterator[tuple[NodeClient, float]]:
    """Run a node that mines when asked; yields a client, and the seconds until it was ready."""
    note = folder / "running.json"
    command = [str(Path(sys.executable).with_name("chaindeck")), "node", "--data", str(folder)]
    started_s = time.perf_counter()
    process = subprocess.Popen(
        [*command, *_PLAIN, *options],
        stdout=subprocess.DEVNULL,
    )
    try:
        while not note.exists():
            assert process.poll() is None, "the node says why above"
            assert time.perf_counter() - started_s < _START_LIMIT_S, "the node does not start"
            time.sleep(_LOOK_S)
        with NodeClient(Access(_read_url(note), folders=[folder])) as client:
            client.health()
            yield client, time.perf_counter() - started_s
    finally:
        process.terminate()
        process.wait(_STOP_LIMIT_S)


def _read_url(note: Path) -> str:
    url: str = msgspec.json.decode(note.read_bytes())["url"]
    return url
