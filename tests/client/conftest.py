"""A served chain for the tests of one module, and one for a test that changes much."""

import pytest

from chaindeck.client import Access
from tests.client.servers import note_running
from tests.node.api.serving import serving


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("node")) as served:
        note_running(served)
        yield served


@pytest.fixture
def fresh(tmp_path):
    with serving(tmp_path) as served:
        note_running(served)
        yield served


@pytest.fixture
def access(api):
    return Access(f"http://127.0.0.1:{api.port}", folders=[api.service.store.folder])
