"""Every error becomes an answer, and what nobody foresaw is logged and tells nothing."""

import pytest

from chaindeck.ledger import errors as ledger_errors
from chaindeck.ledger.errors import PoolFull, RuleError
from chaindeck.node import errors as node_errors
from chaindeck.node.api import standing
from chaindeck.node.api.failures import failure
from chaindeck.node.errors import Internal
from chaindeck.store.errors import Corrupt, DiskFull, InputOutput, MapFull, Pruned


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (DiskFull(path="/data"), 507),
        (MapFull(path="/data"), 507),
        (InputOutput(path="/data", reason="gone"), 503),
        (Corrupt(path="/data", reason="torn"), 503),
        (Pruned(height=1, first=9), 410),
        (PoolFull(), 503),
        (ledger_errors.Held(ahead_ms=1), 409),
        (node_errors.FaucetEmpty(amount=1), 409),
    ],
)
def test_error_has_its_status(error, status):
    assert failure(error).status == status


def test_every_rule_has_a_status_of_a_refusal():
    codes = [item for item in vars(ledger_errors).values() if isinstance(item, type)]
    for error in codes:
        if issubclass(error, RuleError) and hasattr(error, "code"):
            made = error.__new__(error)
            made.field = None
            assert 400 <= failure(made).status < 600


def test_unforeseen_error_is_logged_with_the_id_that_the_answer_tells(api, monkeypatch, caplog):
    def fail(**_):
        raise ZeroDivisionError("a secret of the program")

    monkeypatch.setattr(standing, "HealthAnswer", fail)
    answer = api.get("/health")
    assert (answer.status, answer.code) == (500, Internal.code)
    assert "secret" not in answer.body.decode()
    assert "a secret of the program" in caplog.text
    reference = answer.json["error"]["message"].rpartition(" ")[2]
    assert caplog.records[-1].values == {"id": reference}


def test_store_that_fails_is_told_with_its_code(api, monkeypatch):
    def fail(_):
        raise Pruned(height=0, first=7)

    monkeypatch.setattr(api.service.store, "load_body", fail)
    answer = api.get("/api/block/0?raw=1")
    assert (answer.status, answer.code) == (410, "store-pruned")
