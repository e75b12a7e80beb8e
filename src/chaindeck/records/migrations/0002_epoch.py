"""Gives the database its epoch, a random id that lasts as long as the database."""

import uuid

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def begin_epoch(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    journal = apps.get_model("records", "Journal")
    journal.objects.create(id=1, epoch=uuid.uuid4().hex, last_seq=0)


class Migration(migrations.Migration):
    """One row, which nothing ever deletes."""

    dependencies = [("records", "0001_initial")]
    operations = [migrations.RunPython(begin_epoch, migrations.RunPython.noop)]
