"""The OpenAPI document says what the API does: schemathesis finds no answer beside it."""

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from chaindeck.node.api.openapi import build_document
from chaindeck.node.api.table import list_routes
from chaindeck.node.limits import MAX_MINED_AT_ONCE
from chaindeck.node.network import desk
from tests.conftest import PROFILE_VARIABLE
from tests.node.api.serving import serving

ROUTES = list_routes(has_miner=True, has_dev_tools=True, has_peers=True)
DOCUMENT = build_document(ROUTES)
IS_LONG = os.environ.get(PROFILE_VARIABLE) == "prove"
MOST_BLOCKS = 3
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def lively(tmp_path_factory):
    async def refuse(_):
        raise OSError("nobody is asked about names that were made up")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(desk, "resolve", refuse)
        with serving(tmp_path_factory.mktemp("lively")) as api:
            api.mine(3)
            yield api


def spare_time(case):
    """Have fewer blocks made where a request is for many: each is like the others."""
    wish = case.body if isinstance(case.body, dict) else {}
    if isinstance(wish.get("blocks"), int) and wish["blocks"] > MOST_BLOCKS:
        limit = MAX_MINED_AT_ONCE
        wish["blocks"] = MOST_BLOCKS if wish["blocks"] <= limit else limit + 1


def test_document_lists_every_route_with_scope_and_cost(api):
    served = api.get("/api/openapi.json").json
    assert served["openapi"] == "3.1.0"
    operations = {
        f"{method.upper()} {path}": operation
        for path, methods in served["paths"].items()
        for method, operation in methods.items()
    }
    assert set(operations) == {route.name for route in ROUTES}
    for route in ROUTES:
        assert operations[route.name].get("x-scope") == route.scope
        assert operations[route.name]["x-cost"] == route.cost


def test_parameters_are_those_of_the_shapes():
    operation = DOCUMENT["paths"]["/api/blockchain"]["get"]
    assert [item["name"] for item in operation["parameters"]] == ["from", "limit"]
    (path, proof) = DOCUMENT["paths"]["/api/transaction/{id}"]["get"]["parameters"]
    assert (path["in"], path["required"]) == ("path", True)
    assert (proof["name"], proof["required"], proof["schema"]["type"]) == (
        "proof",
        False,
        "boolean",
    )


schema = schemathesis.openapi.from_dict(DOCUMENT)


@schema.parametrize()
@settings(
    max_examples=300 if IS_LONG else 6,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_any_request_is_answered_as_the_document_says(case, lively):
    spare_time(case)
    response = case.call(
        base_url=f"http://127.0.0.1:{lively.port}",
        headers={"Authorization": f"Bearer {lively.cookie}"},
    )
    case.validate_response(response, checks=CHECKS)
