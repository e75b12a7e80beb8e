"""A short home for each test that asks for one; tests that are coroutines are run to their end."""

from tests.rpc.conftest import home, pytest_pyfunc_call

__all__ = ["home", "pytest_pyfunc_call"]
