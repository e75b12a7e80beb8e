"""What a test may need beyond the locked packages, and how a reader gets it.

A test says `@pytest.mark.needs("clang")`. Where the need is not met the test does not run: it is
listed under NOT RUN at the end together with the remedy, and with `CI=true` it fails.
"""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Need:
    """Something outside the lock file: how to tell that it is there, and how to get it."""

    is_met: Callable[[], bool]
    remedy: str


def _has_program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _has_module(name: str) -> Callable[[], bool]:
    return lambda: importlib.util.find_spec(name) is not None


@cache
def _clang_links_fuzzer() -> bool:
    """True when clang++ compiles and links a libFuzzer program, run-time library included."""
    if shutil.which("clang++") is None:
        return False
    source = 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }'
    command = ["clang++", "-fsanitize=fuzzer", "-x", "c++", "-", "-o", "/dev/null"]
    done = subprocess.run(command, input=source.encode(), capture_output=True, check=False)
    return done.returncode == 0


def find_postgres() -> Path | None:
    """The folder with `initdb` and `postgres`, the newest version first."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    on_path = shutil.which("initdb")
    return found[0].parent if found else Path(on_path).parent if on_path else None


def _has_postgres() -> bool:
    return find_postgres() is not None


@cache
def _can_mount() -> bool:
    """True when a process may mount something in a name space of its own."""
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@cache
def _can_boot() -> bool:
    """True when systemd can be process 1 of name spaces of its own."""
    if not Path("/lib/systemd/systemd").exists():
        return False
    command = ["unshare", "--pid", "--fork", "--mount", "--cgroup", "--ipc", "--uts", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@cache
def can_have_namespaces() -> bool:
    """True when this process may make network namespaces, and bridges and cables between them."""
    name = f"cdtry{os.getpid()}"
    attempts = (
        ["netns", "add", name],
        ["netns", "exec", name, "true"],
        ["link", "add", f"{name}b", "type", "bridge"],
        ["link", "add", f"{name}v", "type", "veth", "peer", "name", f"{name}w"],
    )
    tidying = (["link", "del", f"{name}v"], ["link", "del", f"{name}b"], ["netns", "del", name])
    try:
        return all(_succeeds("ip", *words) for words in attempts)
    except OSError:
        return False
    finally:
        if shutil.which("ip"):
            for words in tidying:
                _succeeds("ip", *words)


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _can_carry_packets() -> bool:
    return can_have_namespaces() and os.access("/dev/net/tun", os.R_OK | os.W_OK)


NEEDS = {
    "atheris": Need(_has_module("atheris"), "run the tests on Linux: atheris has no other build"),
    "clang": Need(_clang_links_fuzzer, "apt-get install clang libclang-rt-14-dev"),
    "postgres": Need(_has_postgres, "apt-get install postgresql"),
    "packets": Need(
        _can_carry_packets, "apt-get install iproute2, and run the tests as root with /dev/net/tun"
    ),
    "mounts": Need(_can_mount, "allow user name spaces, or run the tests as root"),
    "systemd": Need(_can_boot, "apt-get install systemd, and run the tests as root"),
    "systemd-analyze": Need(_has_program("systemd-analyze"), "apt-get install systemd"),
    "redis": Need(_has_program("redis-server"), "apt-get install redis-server"),
    "chromium": Need(_has_program("chromium"), "apt-get install chromium"),
    "c++": Need(_has_program("c++"), "apt-get install g++"),
}
