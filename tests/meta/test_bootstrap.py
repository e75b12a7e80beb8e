"""Set-up says early and clearly what a machine lacks, and its scripts parse."""

import os
import subprocess

import pytest

from tests.meta.tree import ROOT

SCRIPTS = {"tools/bootstrap": "sh", ".ci/run": "bash"}


def run_bootstrap(*arguments, **variables):
    return subprocess.run(
        [ROOT / "tools" / "bootstrap", *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_parses_and_is_executable(script):
    path = ROOT / script
    assert os.access(path, os.X_OK)
    subprocess.run([SCRIPTS[script], "-n", path], check=True)


def test_everything_missing_is_named_at_once_with_its_remedies():
    done = run_bootstrap("venv", PYTHON="no-such-python", CXX="no-such-compiler")
    assert done.returncode == 1
    assert "missing: Python 3.11 or newer" in done.stderr
    assert "PYTHON=no-such-python does not fit" in done.stderr
    assert "missing: a C++17 compiler (CXX=no-such-compiler is not there)" in done.stderr
    for remedy in ("apt-get install g++", "dnf install gcc-c++", "xcode-select --install"):
        assert remedy in done.stderr


def test_unknown_step_is_misuse():
    done = run_bootstrap("fly")
    assert done.returncode == 2
    assert "usage" in done.stderr
