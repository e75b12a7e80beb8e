"""A random chain that is grown once for each seed, for tests that only read it."""

import random
from functools import cache

import pytest

from tests.ledger.forge import dev_network
from tests.store.chains import Chain, grow


@cache
def grown_chain(count):
    """A chain of random payments; whoever extends it must grow one of its own."""
    chain = Chain(dev_network(maturity=1))
    grow(chain, random.Random(count), count)
    return chain


@pytest.fixture(scope="session")
def chain():
    return grown_chain(24)
