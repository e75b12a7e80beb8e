"""One set of tests over every SHA-256 implementation of the native kernel, and over the twin."""

import pytest

from chaindeck.kernel import _native, sha256_implementations, twin, use_sha256_implementation

IMPLEMENTATIONS = sha256_implementations()


def _forced(name):
    use_sha256_implementation(name)
    yield _native
    use_sha256_implementation(IMPLEMENTATIONS[0])


@pytest.fixture(scope="class", params=IMPLEMENTATIONS)
def native(request):
    yield from _forced(request.param)


@pytest.fixture(scope="class", params=[*IMPLEMENTATIONS, "twin"])
def kernel(request):
    if request.param == "twin":
        yield twin
    else:
        yield from _forced(request.param)
