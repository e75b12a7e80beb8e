"""Strangers that say anything: nothing is raised, nothing grows, the honest go on."""

from __future__ import annotations

import os
import random

import pytest

from tests.protocol.mischief import Mischief

_RUNS = 400 if os.environ.get("CHAINDECK_TEST_PROFILE") == "prove" else 12


@pytest.mark.parametrize("number", range(_RUNS))
def test_a_node_among_strangers_stays_within_its_bounds_and_with_its_friend(
    rng: random.Random, number: int
) -> None:
    del number  # it is in the name, which seeds the choices
    Mischief(rng.randrange).run(250)
