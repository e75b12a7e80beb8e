"""How every test runs: fixed or printed seeds, Hypothesis profiles, and the NOT RUN list.

`CHAINDECK_TEST_PROFILE` picks the profile. `test`, the default, is the same on every run; `prove`
tries many random examples. `CHAINDECK_TEST_SEED` repeats a run: the summary prints the seed.
"""

import os
import random

import hypothesis
import pytest

from tests.needs import NEEDS

PROFILE_VARIABLE = "CHAINDECK_TEST_PROFILE"
SEED_VARIABLE = "CHAINDECK_TEST_SEED"
NOT_RUN = "NOT RUN: "

hypothesis.settings.register_profile(
    "test", max_examples=100, derandomize=True, deadline=None, database=None, print_blob=True
)
hypothesis.settings.register_profile(
    "prove",
    max_examples=5_000,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)


def pytest_configure(config):
    config.addinivalue_line("markers", "needs(name): runs only where tests/needs.py finds `name`")
    profile = os.environ.setdefault(PROFILE_VARIABLE, "test")
    drawn = "1" if profile == "test" else str(random.SystemRandom().getrandbits(32))
    # Worker processes inherit the variable, so all of them use the seed that the summary prints.
    seed = os.environ.setdefault(SEED_VARIABLE, drawn)
    hypothesis.settings.load_profile(profile)
    if profile != "test":
        hypothesis.core.global_force_seed = int(seed)  # type: ignore[assignment]  # starts as None


@pytest.fixture
def rng(request):
    """A random source seeded by the run's seed and the test's name; a failure prints the seed."""
    seed = f"{os.environ[SEED_VARIABLE]} {request.node.nodeid}"
    print(f"rng seed: {seed!r}")
    return random.Random(seed)


def pytest_runtest_setup(item):
    for marker in item.iter_markers("needs"):
        (name,) = marker.args
        need = NEEDS[name]
        if need.is_met():
            continue
        message = f"{NOT_RUN}needs {name}: {need.remedy}"
        if os.environ.get("CI") == "true":
            pytest.fail(message, pytrace=False)
        pytest.skip(message)


def pytest_terminal_summary(terminalreporter):
    names = (PROFILE_VARIABLE, SEED_VARIABLE)
    terminalreporter.line(" ".join(f"{name}={os.environ[name]}" for name in names))
    lines = [
        f"{report.nodeid}  {str(report.longrepr).partition(NOT_RUN)[2].strip(chr(39) + ')')}"
        for outcome in ("skipped", "error", "failed")
        for report in terminalreporter.stats.get(outcome, ())
        if NOT_RUN in str(report.longrepr)
    ]
    if lines:
        terminalreporter.section("NOT RUN", sep="=", bold=True)
        for line in sorted(lines):
            terminalreporter.line(line)
