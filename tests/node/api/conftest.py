"""A served chain for the tests of one module, and one for a test that changes much."""

import pytest

from tests.node.api.serving import serving


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("node")) as served:
        yield served


@pytest.fixture
def fresh(tmp_path):
    with serving(tmp_path) as served:
        yield served
