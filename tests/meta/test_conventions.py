"""What `conftest.py` promises: unmet needs are listed and fail in CI; seeds repeat a run."""

import os
import subprocess
import sys

import pytest

from tests.meta.tree import ROOT
from tests.needs import NEEDS

SAMPLE = """
import pytest
from tests import needs
needs.NEEDS["moon"] = needs.Need(lambda: False, "build a rocket")

@pytest.mark.needs("moon")
def test_lands(): pass

def test_draws(rng): print("drew", rng.random())
"""


def run_sample(tmp_path, ci, seed="1"):
    """Run a sample suite under this project's conftest in a process of its own."""
    (tmp_path / "test_sample.py").write_text(SAMPLE)
    environment = {**os.environ, "CI": ci, "CHAINDECK_TEST_SEED": seed, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, "-s", "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_unmet_need_is_listed_with_its_remedy(tmp_path):
    done = run_sample(tmp_path, ci="")
    assert done.returncode == 0
    assert "NOT RUN" in done.stdout
    assert "test_lands  needs moon: build a rocket" in done.stdout


def test_unmet_need_fails_in_ci(tmp_path):
    done = run_sample(tmp_path, ci="true")
    assert done.returncode != 0
    assert "test_lands  needs moon: build a rocket" in done.stdout


def test_seed_of_the_run_decides_what_rng_draws(tmp_path):
    def drawn(seed):
        lines = run_sample(tmp_path, ci="", seed=seed).stdout.splitlines()
        return [line for line in lines if "drew" in line or "rng seed" in line]

    assert drawn("5") == drawn("5") != drawn("6")
    assert len(drawn("5")) == 2


@pytest.mark.parametrize("name", sorted(NEEDS))
def test_every_need_has_a_check_and_a_remedy(name):
    assert isinstance(NEEDS[name].is_met(), bool)
    assert NEEDS[name].remedy
