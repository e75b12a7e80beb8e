"""The C++ library without Python: its test program under sanitizers, its fuzzers for a while."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
FUZZ_RUNS = 20_000


def run(*command):
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command[0]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def compile_kernel(folder, *options):
    """Configure and compile with the CMake and Ninja of the virtual environment."""
    ninja = f"-DCMAKE_MAKE_PROGRAM={PROGRAMS / 'ninja'}"
    options = ("-G", "Ninja", ninja, "-DCMAKE_BUILD_TYPE=Debug", *options)
    run(PROGRAMS / "cmake", "-S", ROOT, "-B", folder, *options)
    run(PROGRAMS / "cmake", "--build", folder, "-j2")


@pytest.mark.needs("c++")
def test_library_runs_clean_under_address_and_undefined_behaviour_sanitizers(tmp_path):
    compile_kernel(tmp_path, "-DCHAINDECK_SANITIZE=address,undefined")
    assert run(tmp_path / "kernel_test", os.environ["CHAINDECK_TEST_SEED"]).endswith("ok\n")


@pytest.mark.needs("clang")
def test_fuzzers_find_nothing_in_their_first_runs(tmp_path):
    compile_kernel(tmp_path, "-DCHAINDECK_FUZZ=ON", "-DCMAKE_CXX_COMPILER=clang++")
    for name in ("fuzz_parse_transaction", "fuzz_check_block"):
        run(tmp_path / name, f"-runs={FUZZ_RUNS}", f"-artifact_prefix={tmp_path}/")
