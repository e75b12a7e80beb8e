"""Keeps how far the clock of each node is from this machine's."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Nodes that are known already are asked within seconds."""

    dependencies = [("records", "0005_activity_filters")]
    operations = [
        migrations.AddField("node", "clock_offset_ms", models.BigIntegerField(null=True)),
    ]
