"""What the web is told before it starts: the right is used, the wrong ends it with a reason."""

import subprocess

import pytest
from django.test import Client, override_settings

from chaindeck.control.setup import LOCAL_HOSTS, web_settings
from tests.control.processes import environment
from tests.coordinator.processes import COMMAND, free_port


def start(home, *options, **more):
    """Run the web where it cannot start; return how that ended."""
    return subprocess.run(
        [COMMAND, "web", *options],
        env={**environment(home, free_port()), **more},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refused(done, code, *words):
    """It ended before anybody could ask it anything, with one line that says why."""
    assert f"({code})" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize(
    ("variable", "text", "code", "words"),
    [
        ("DATABASE_URL", "mysql://x", "records-database-url", ["DATABASE_URL", "for example"]),
        ("DATABASE_URL", "postgres://host", "records-database-url", ["for example"]),
        ("CHAINDECK_GRPC", "nowhere", "web-grpc", ["CHAINDECK_GRPC", "for example"]),
        ("CHAINDECK_PORT", "web", "setting-invalid", ["CHAINDECK_PORT", "for example"]),
        ("CHAINDECK_HOME", "some/where", "setting-invalid", ["CHAINDECK_HOME", "for example"]),
        ("ALLOWED_ORIGINS", "*", "web-origin", ["ALLOWED_ORIGINS", "for example"]),
        ("LOG_LEVEL", "loud", "web-logging", ["LOG_LEVEL", "debug"]),
        ("LOG_FORMAT", "xml", "web-logging", ["LOG_FORMAT", "json"]),
    ],
)
def test_wrong_variable_ends_with_misuse_and_says_what_would_do(home, variable, text, code, words):
    done = start(home, **{variable: text})
    assert done.returncode == 2, done.stderr
    refused(done, code, *words)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "deck.lan"])
@pytest.mark.parametrize("origins", ["", "http://deck.lan"])
def test_listening_beyond_this_machine_without_tls_is_refused(home, host, origins):
    done = start(home, "--host", host, ALLOWED_ORIGINS=origins)
    assert done.returncode == 2
    refused(done, "web-insecure", host, "ALLOWED_ORIGINS=https://")
    assert not (home / "records.sqlite3").exists()


@pytest.mark.parametrize(
    "url", ["postgres://nobody@127.0.0.1:1/none", "sqlite:////proc/none/records.sqlite3"]
)
def test_database_that_cannot_be_used_is_a_failure_that_names_it(home, url):
    done = start(home, DATABASE_URL=url)
    assert done.returncode == 1, done.stderr
    refused(done, "records-database-away", "none")


@pytest.mark.parametrize("text", ["{", "{}", '{"web_secret": 7}'])
def test_secrets_that_are_none_are_not_replaced(home, text):
    path = home / "secrets.json"
    path.write_text(text)
    done = start(home)
    assert done.returncode == 1, done.stderr
    refused(done, "rpc-secrets", str(path), "restore it from a backup")
    assert path.read_text() == text


def test_cookies_leave_over_tls_alone_where_all_origins_have_it():
    secure = web_settings(["https://deck.example", "https://b.example:8443"])
    assert secure["SESSION_COOKIE_SECURE"] is secure["CSRF_COOKIE_SECURE"] is True
    assert secure["ALLOWED_HOSTS"] == [*LOCAL_HOSTS, "deck.example", "b.example"]
    assert secure["CSRF_TRUSTED_ORIGINS"] == ["https://deck.example", "https://b.example:8443"]
    for origins in ((), ("http://localhost:8000",), ("https://a.example", "http://a.example")):
        mixed = web_settings(origins)
        assert mixed["SESSION_COOKIE_SECURE"] is mixed["CSRF_COOKIE_SECURE"] is False


def test_settings_keep_what_protects_people():
    found = web_settings(())
    assert found["DEBUG"] is False
    assert found["SESSION_COOKIE_HTTPONLY"] is True
    assert found["SESSION_COOKIE_SAMESITE"] == found["CSRF_COOKIE_SAMESITE"] == "Lax"
    assert found["USE_X_FORWARDED_HOST"] is False
    assert found["ALLOWED_HOSTS"] == list(LOCAL_HOSTS)


@pytest.mark.usefixtures("database")
@override_settings(ALLOWED_HOSTS=list(LOCAL_HOSTS))
def test_request_under_a_name_that_is_not_ours_makes_no_sense():
    assert Client().get("/sign-in", HTTP_HOST="localhost:8000").status_code == 200
    assert Client().get("/sign-in", HTTP_HOST="evil.example").status_code == 400
