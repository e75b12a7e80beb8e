"""What Django is told in the web process, and in `chaindeck manage`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import django
from django.conf import settings

from chaindeck.control.limits import (
    FORM_MAX_BYTES,
    FORM_MAX_FIELDS,
    SESSION_AGE_S,
)
from chaindeck.records import setup as records
from chaindeck.records.databases import describe_database
from chaindeck.rpc.access import load_secrets

LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")
_HERE = Path(__file__).parent


def configure(
    home: Path, environ: Mapping[str, str] | None = None, origins: Sequence[str] = ()
) -> None:
    """Tell Django all it needs, once in a process. Raises `DatabaseUrlInvalid`, `SecretsInvalid`.

    `origins` are those under which browsers reach the control room, beside this machine's own.
    """
    database = describe_database(home, os.environ if environ is None else environ)
    assert not settings.configured, "a process has one database for its whole life"
    records.prepare_file(database["ENGINE"], Path(database["NAME"]))
    settings.configure(
        **(records.base_settings() | web_settings(origins)),
        DATABASES={"default": database},
        SECRET_KEY=load_secrets(home).web_secret,
        CHAINDECK_HOME=home,
    )
    django.setup()


def web_settings(origins: Sequence[str]) -> dict[str, object]:
    """Return what the web needs beyond what every process that uses records needs."""
    is_secure = bool(origins) and all(origin.startswith("https://") for origin in origins)
    return {
        "DEBUG": False,
        "ALLOWED_HOSTS": [*LOCAL_HOSTS, *(urlsplit(origin).hostname for origin in origins)],
        "CSRF_TRUSTED_ORIGINS": list(origins),
        "ROOT_URLCONF": "chaindeck.control.urls",
        "INSTALLED_APPS": ["chaindeck.control", *_base_apps()],
        "MIDDLEWARE": [
            "chaindeck.control.middleware.pack_answers",
            "chaindeck.control.middleware.answer_headers",
            "chaindeck.control.middleware.note_place",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "chaindeck.control.bearer.bearer_middleware",
            # Before forms are looked at: who may not come in is told so first.
            "chaindeck.control.rights.rights_middleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "chaindeck.control.people.visiting.visit_middleware",
        ],
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [_HERE / "templates"],
                "OPTIONS": {
                    "builtins": ["chaindeck.control.templatetags.deck"],
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "chaindeck.control.pages.frame.frame",
                    ],
                    "string_if_invalid": "",
                },
            }
        ],
        "LOGIN_URL": "sign-in",
        "CSRF_FAILURE_VIEW": "chaindeck.control.pages.failures.form_expired",
        "SESSION_COOKIE_NAME": "chaindeck_session",
        "SESSION_COOKIE_AGE": SESSION_AGE_S,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": is_secure,
        "CSRF_COOKIE_NAME": "chaindeck_form",
        "CSRF_COOKIE_HTTPONLY": False,
        "CSRF_COOKIE_SAMESITE": "Lax",
        "CSRF_COOKIE_SECURE": is_secure,
        "DATA_UPLOAD_MAX_MEMORY_SIZE": FORM_MAX_BYTES,
        "DATA_UPLOAD_MAX_NUMBER_FIELDS": FORM_MAX_FIELDS,
        "USE_X_FORWARDED_HOST": False,
        "APPEND_SLASH": False,
    }


def _base_apps() -> list[str]:
    apps = records.base_settings()["INSTALLED_APPS"]
    assert isinstance(apps, list)
    return apps
