"""A short home for each test that asks for one; tests that are coroutines are run to their end."""

import asyncio
import inspect
import os

import pytest

from tests.rpc.desks import short_home

TEST_LIMIT_S = 600 if os.environ.get("CHAINDECK_TEST_PROFILE") == "prove" else 60


@pytest.fixture
def home():
    with short_home() as folder:
        yield folder


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    asyncio.run(asyncio.wait_for(pyfuncitem.obj(**arguments), TEST_LIMIT_S))
    return True
