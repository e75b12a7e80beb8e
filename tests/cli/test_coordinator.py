"""`chaindeck coordinator` as who types it sees it."""

import pytest

from chaindeck.cli import coordinator as verb
from chaindeck.cli.main import main
from chaindeck.cli.output import MISUSE, REFUSED
from chaindeck.rpc.errors import AddressTaken


def test_help_names_every_setting(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["coordinator", "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for variable in ("CHAINDECK_HOME", "DATABASE_URL", "REDIS_URL", "NODE_URL", "CHAINDECK_GRPC"):
        assert variable in text


@pytest.mark.parametrize(
    ("variable", "text"),
    [("REDIS_PORT", "x"), ("NODE_URL", "nowhere"), ("LOG_LEVEL", "loud")],
)
def test_wrong_setting_is_misuse_and_named(variable, text, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("CHAINDECK_HOME", str(tmp_path))
    monkeypatch.setenv(variable, text)
    assert main(["coordinator"]) == MISUSE
    said = capsys.readouterr().err
    assert f"{variable}: " in said
    assert "coordinator-setting" in said
    assert not (tmp_path / "coordinator").exists()


def test_address_of_another_program_is_a_refusal(monkeypatch, capsys, tmp_path):
    def taken(settings):
        raise AddressTaken(address="127.0.0.1:8443")

    monkeypatch.setenv("CHAINDECK_HOME", str(tmp_path))
    monkeypatch.setattr(verb, "run_coordinator", taken)
    assert main(["coordinator"]) == REFUSED
    assert "rpc-address-taken" in capsys.readouterr().err
