"""What every process of Chaindeck that uses records tells Django. The web's settings extend it.

The database and the secret are not here: `setup.configure` adds them, or the web's settings do.
"""

from __future__ import annotations

from typing import Final

INSTALLED_APPS: Final = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "chaindeck.records",
]
AUTH_USER_MODEL: Final = "records.Person"
PASSWORD_HASHERS: Final = ["chaindeck.records.passwords.ModestArgon2"]
AUTH_PASSWORD_VALIDATORS: Final = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
DEFAULT_AUTO_FIELD: Final = "django.db.models.BigAutoField"
USE_TZ: Final = True
TIME_ZONE: Final = "UTC"
LANGUAGE_CODE: Final = "en-gb"
USE_I18N: Final = False
LOGGING_CONFIG: Final = None
"""Each process sets up its logs by itself."""
