"""What the environment may say of the control room, and how it is told that it may not."""

import pytest

from chaindeck.control import errors
from chaindeck.control.config import WebConfig, read_config


def test_settings_have_defaults():
    assert read_config({}) == WebConfig()


def test_settings_are_read():
    given = {
        "CHAINDECK_PORT": " 9000 ",
        "ALLOWED_ORIGINS": "https://a.example, https://b.example:8443",
        "LOG_LEVEL": "DEBUG",
        "LOG_FORMAT": "json",
        "CHAINDECK_GRPC": "10.0.0.1:8443",
    }
    config = read_config(given, "0.0.0.0")
    assert (config.host, config.port, config.log_level) == ("0.0.0.0", 9000, "debug")
    assert config.origins == ("https://a.example", "https://b.example:8443")
    assert (config.log_format, config.grpc) == ("json", "10.0.0.1:8443")


@pytest.mark.parametrize(
    ("variable", "text", "error"),
    [
        ("CHAINDECK_PORT", "x", errors.WebPortInvalid),
        ("CHAINDECK_PORT", "65536", errors.WebPortInvalid),
        ("ALLOWED_ORIGINS", "deck.example", errors.OriginInvalid),
        ("ALLOWED_ORIGINS", "https://deck.example/path", errors.OriginInvalid),
        ("LOG_LEVEL", "loud", errors.LoggingInvalid),
        ("LOG_FORMAT", "xml", errors.LoggingInvalid),
    ],
)
def test_wrong_setting_is_named_with_what_would_do(variable, text, error):
    with pytest.raises(error) as caught:
        read_config({variable: text})
    assert text.partition("/")[0] in str(caught.value)
    assert caught.value.code in ("web-port", "web-origin", "web-logging")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "deck.lan"])
@pytest.mark.parametrize("origins", ["", "http://deck.lan", "https://a.example,http://deck.lan"])
def test_listening_elsewhere_without_tls_is_refused(host, origins):
    with pytest.raises(errors.ListeningInsecure) as caught:
        read_config({"ALLOWED_ORIGINS": origins}, host)
    assert caught.value.code == "web-insecure"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.5"])
def test_listening_on_this_machine_needs_nothing(host):
    assert read_config({}, host).host == host
