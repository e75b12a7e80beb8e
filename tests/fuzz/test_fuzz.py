"""Every target holds for its kept inputs and for a short, repeatable run of the fuzzer."""

import subprocess
import sys

import pytest

from chaindeck.ledger.errors import TrailingBytes
from tests.fuzz import targets
from tests.fuzz.seeds import make_seeds
from tests.fuzz.targets import TARGETS
from tests.meta.tree import CORPUS, ROOT, list_files

SEEDS = make_seeds(targets.PREFIX)
SHORT_RUNS = {
    "protocol-machine": 60,  # each of them a small network that lives for minutes
    "live-frames": 4_000,  # each on an event loop of its own
}
KEPT = [path for path in list_files() if path.startswith(CORPUS)]


@pytest.mark.parametrize("name", TARGETS)
def test_kept_inputs_hold(name):
    for path in KEPT:
        if path.startswith(f"{CORPUS}{name}/"):
            TARGETS[name]((ROOT / path).read_bytes())


def test_every_kept_input_belongs_to_a_target():
    assert {path.removeprefix(CORPUS).partition("/")[0] for path in KEPT} <= set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_starts_from_valid_inputs(name):
    assert SEEDS[name]
    for data in SEEDS[name]:
        TARGETS[name](data)


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("data", [b"", b"\0", b"\xff" * 300, b"{}", b"[]", b"1" * 5000])
def test_odd_inputs_hold(name, data):
    TARGETS[name](data)


@pytest.mark.needs("atheris")
@pytest.mark.parametrize("name", TARGETS)
def test_short_run_of_the_fuzzer_holds(name, tmp_path):
    runs = f"--runs={SHORT_RUNS.get(name, 20_000)}"
    command = [sys.executable, "-m", "tests.fuzz", name, runs, "--seed=1", f"--found={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    output = done.stderr.decode(errors="replace")
    assert done.returncode == 0, output[-4000:]
    assert "stat::number_of_executed_units" in output
    assert "no interesting inputs" not in output, "the target ran without instrumentation"


def refuse(data):
    raise TrailingBytes(offset=0)


@pytest.mark.parametrize(
    ("make", "innocent", "guilty"),
    [
        (targets.round_trip, (bytes, bytes), (bytes, bytes.upper)),
        (targets.round_trip, (refuse, bytes), (bytes.decode, str.upper)),
        (targets.canonical, (bytes.upper, bytes.lower), (bytes, bytes.upper)),
    ],
)
def test_promise_notices_a_broken_pair(make, innocent, guilty):
    make(*innocent)(b"ab")
    with pytest.raises(AssertionError):
        make(*guilty)(b"ab")


def test_unexpected_error_escapes():
    with pytest.raises(UnicodeDecodeError):
        targets.round_trip(bytes.decode, str.encode)(b"\xff")


def test_twins_must_give_the_same_value_or_the_same_error():
    def fail(data):
        raise ValueError(len(data))

    targets.same_answer(bytes, bytes, ValueError)(b"ab")
    targets.same_answer(fail, fail, ValueError)(b"ab")
    for fast, slow in ((bytes, bytes.upper), (fail, bytes)):
        with pytest.raises(AssertionError):
            targets.same_answer(fast, slow, ValueError)(b"ab")
