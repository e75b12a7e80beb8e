"""Records as a Django application."""

from django.apps import AppConfig


class RecordsConfig(AppConfig):
    """The one application that has models of ours."""

    name = "chaindeck.records"
    label = "records"
    default_auto_field = "django.db.models.BigAutoField"
