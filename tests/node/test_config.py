"""Settings come from four places, and a bad one says from which and what a good one is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chaindeck.ledger import profiles
from chaindeck.ledger.genesis import build_network
from chaindeck.node.config import NodeConfig, check_reach, load_config
from chaindeck.node.errors import ConfigInsecure, ConfigUnknown, ConfigValue
from tests.node.running import dev_network


def write(folder: Path, **values: object) -> None:
    (folder / "node.json").write_text(json.dumps(values))


def test_defaults_just_work(tmp_path: Path) -> None:
    config = load_config(tmp_path, {}, {})
    assert config == NodeConfig()
    assert (config.api_host, config.api_port, config.profile) == ("127.0.0.1", 8080, None)
    assert config.mining is None


def test_flags_beat_the_environment_and_that_beats_the_file(tmp_path: Path) -> None:
    write(tmp_path, log_level="error", log_format="json", api_port=1)
    environment = {"LOG_LEVEL": "debug", "ALLOWED_ORIGINS": "https://a.example, http://b:1,"}
    config = load_config(tmp_path, environment, {"api_port": "2", "mining": None})
    assert (config.log_level, config.log_format, config.api_port) == ("debug", "json", 2)
    assert config.allowed_origins == ("https://a.example", "http://b:1")
    assert load_config(tmp_path, {"LOG_LEVEL": " "}, {}).log_level == "error"


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("api_port", [0, 65_535], [-1, 65_536, "http", 1.5]),
        ("mining_threads", [1, 256], [0, 257]),
        ("mining_duty", [0.001, 1.0], [0, 1.001]),
        ("mining_interval_ms", [10, 86_400_000], [9, 86_400_001]),
        ("prune_mb", [0, 10_000_000], [-1, 10_000_001]),
        ("profile", ["dev", "local"], ["", "mainnet"]),
        ("mining", ["off", "always", "transaction", "interval", "hybrid"], ["on", ""]),
        ("p2p", [True, False], ["maybe"]),
        ("p2p_host", ["127.0.0.1", "0.0.0.0", "::"], ["localhost", "10.0.0", ""]),
        ("p2p_port", [0, 65_535], [-1, 65_536]),
        ("p2p_tls", [True, False], ["maybe"]),
        ("discovery", [True, False], ["maybe"]),
        ("discovery_group", ["239.255.83.33", "224.0.0.1"], ["10.0.0.1", "ff02::1", "all"]),
        ("discovery_port", [1, 65_535], [0, 65_536]),
        ("max_inbound", [0, 10_000], [-1, 10_001]),
        ("least_work", [0, 2**63], [-1]),
        ("log_level", ["debug", "info", "warning", "error"], ["loud"]),
        ("log_format", ["text", "json"], ["xml"]),
    ],
)
def test_values_are_checked(tmp_path: Path, field: str, good: list, bad: list) -> None:
    for value in good:
        assert getattr(load_config(tmp_path, {}, {field: value}), field) == value
    for value in bad:
        with pytest.raises(ConfigValue) as raised:
            load_config(tmp_path, {}, {field: value})
        assert raised.value.field == field
        flag = "--" + field.replace("_", "-")
        assert str(raised.value).startswith(f"the option {flag}: ")
        assert "; for example " in str(raised.value)


def test_error_names_the_file_it_came_from(tmp_path: Path) -> None:
    write(tmp_path, api_port="many")
    with pytest.raises(ConfigValue, match=r"node\.json, api_port"):
        load_config(tmp_path, {}, {})


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("LOG_LEVEL", "loud", "one of debug, info, warning, error, not 'loud'"),
        ("LOG_FORMAT", "xml", "one of text, json, not 'xml'"),
        ("ALLOWED_ORIGINS", "*", "* is not a scheme, host and port"),
    ],
)
def test_error_names_the_very_variable_and_what_it_may_say(
    tmp_path: Path, variable: str, text: str, said: str
) -> None:
    with pytest.raises(ConfigValue) as raised:
        load_config(tmp_path, {variable: text}, {})
    assert str(raised.value).startswith(f"the variable {variable}: {said}; for example ")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("profile", "mainnet", "one of dev, local, not 'mainnet'"),
        ("mining", "on", "one of off, always, transaction, interval, hybrid, not 'on'"),
        ("p2p", "maybe", "one of true, false, not 'maybe'"),
        ("api_port", "many", "a number from 0 to 65535, not 'many'"),
        ("api_port", 70_000, "a number from 0 to 65535, not 70000"),
    ],
)
def test_error_lists_what_a_setting_may_say(
    tmp_path: Path, name: str, value: object, said: str
) -> None:
    write(tmp_path, **{name: value})
    with pytest.raises(ConfigValue) as raised:
        load_config(tmp_path, {}, {})
    where = tmp_path / "node.json"
    assert str(raised.value).startswith(f"{where}, {name}: {said}; for example ")


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "\udcff"])
def test_file_that_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "node.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ConfigValue, match=r"node\.json"):
        load_config(tmp_path, {}, {})


def test_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "node.json").mkdir()
    with pytest.raises(ConfigValue, match=r"node\.json"):
        load_config(tmp_path, {}, {})


def test_unknown_name_gets_a_guess(tmp_path: Path) -> None:
    write(tmp_path, api_prot=8080)
    with pytest.raises(ConfigUnknown) as raised:
        load_config(tmp_path, {}, {})
    assert raised.value.field == "api_prot"
    assert raised.value.values["guess"] == "api_port"


@pytest.mark.parametrize("origin", ["*", "example.org", "https://a/b", "ftp://a"])
def test_origins_are_whole(tmp_path: Path, origin: str) -> None:
    with pytest.raises(ConfigValue) as raised:
        load_config(tmp_path, {"ALLOWED_ORIGINS": origin}, {})
    assert raised.value.field == "allowed_origins"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org"])
def test_development_node_listens_on_this_machine_alone(tmp_path: Path, host: str) -> None:
    development = dev_network()
    open_to_all = load_config(tmp_path, {}, {"api_host": host})
    with pytest.raises(ConfigInsecure) as raised:
        check_reach(open_to_all, development)
    assert raised.value.field == "api_host"
    check_reach(open_to_all, build_network(profiles.local()))
    for loopback in ("127.0.0.1", "::1", "localhost", "127.9.9.9"):
        check_reach(load_config(tmp_path, {}, {"api_host": loopback}), development)


@pytest.mark.parametrize("name", ["p2p", "discovery", "p2p_tls"])
def test_flags_say_yes_and_no_in_words(tmp_path: Path, name: str) -> None:
    for text, value in (("true", True), ("false", False), ("1", True), ("0", False)):
        assert getattr(load_config(tmp_path, {}, {name: text}), name) is value


def test_peers_come_from_file_environment_and_flags(tmp_path: Path) -> None:
    write(tmp_path, peers=["10.0.0.1", "node7.example.org:9000"])
    assert load_config(tmp_path, {}, {}).peers == ("10.0.0.1", "node7.example.org:9000")
    environment = {"CHAINDECK_PEERS": "10.0.0.2, [fd00::7]:9000,"}
    assert load_config(tmp_path, environment, {}).peers == ("10.0.0.2", "[fd00::7]:9000")
    assert load_config(tmp_path, environment, {"peers": "10.0.0.3"}).peers == ("10.0.0.3",)


def test_peer_that_is_none_says_where_it_came_from(tmp_path: Path) -> None:
    said = "the variable CHAINDECK_PEERS: no such host! is not a peer"
    with pytest.raises(ConfigValue, match=said):
        load_config(tmp_path, {"CHAINDECK_PEERS": "10.0.0.1,no such host!"}, {})


@pytest.mark.parametrize("key", ["", "02", "04" + "ab" * 32, "02" + "AB" * 32, "02" + "ab" * 33])
def test_node_that_is_admitted_has_a_key(tmp_path: Path, key: str) -> None:
    good = "03" + "ab" * 32
    assert load_config(tmp_path, {}, {"admitted": [good]}).admitted == (good,)
    with pytest.raises(ConfigValue, match="is not a node's key"):
        load_config(tmp_path, {}, {"admitted": [good, key]})
