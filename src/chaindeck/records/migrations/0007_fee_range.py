"""Keeps the lowest and the highest fee rate of each block."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Blocks that are indexed already keep a nothing: pages show their average instead."""

    dependencies = [("records", "0006_clock_offset")]
    operations = [
        migrations.AddField("block", "lowest_per_kb", models.BigIntegerField(null=True)),
        migrations.AddField("block", "highest_per_kb", models.BigIntegerField(null=True)),
    ]
