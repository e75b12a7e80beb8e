"""What a test may need beyond the locked packages, and how a reader gets it.

A test says `@pytest.mark.needs("clang")`. Where the need is not met the test does not run: it is
listed under NOT RUN at the end together with the remedy, and with `CI=true` it fails.
"""

import importlib.util
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache


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


NEEDS = {
    "atheris": Need(_has_module("atheris"), "run the tests on Linux: atheris has no other build"),
    "clang": Need(_clang_links_fuzzer, "apt-get install clang libclang-rt-14-dev"),
    "c++": Need(_has_program("c++"), "apt-get install g++"),
}
