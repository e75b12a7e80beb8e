"""The same scenario, seed and commit give the same run, whatever Python hashes strings by."""

import os
import subprocess
import sys

from chaindeck.simulate.drawing import draw_scenario
from chaindeck.simulate.running import Run
from tests.simulate.networks import scenario

SEED = 7
PROGRAM = f"""
from chaindeck.simulate.drawing import draw_scenario
from chaindeck.simulate.running import Run
print(Run(draw_scenario({SEED})).finish().trace_hash)
"""


def in_a_process_of_its_own(hash_seed):
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_two_processes_with_other_hashes_live_through_the_same():
    here = Run(draw_scenario(SEED)).finish().trace_hash
    assert in_a_process_of_its_own("1") == in_a_process_of_its_own("2") == here


def test_another_seed_is_another_run():
    one, other = (Run(scenario(seed=seed)).finish().trace_hash for seed in (1, 2))
    assert one != other


def test_result_says_the_same_but_for_wall_time():
    def told():
        result = Run(scenario(mining={"miners": 2}, load={"payments_per_s": 1})).finish()
        return [
            getattr(result, name)
            for name in result.__struct_fields__
            if name not in {"wall_s", "speed", "events_per_s"}
        ]

    assert told() == told()
