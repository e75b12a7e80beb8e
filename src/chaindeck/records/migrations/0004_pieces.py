"""Lets blocks be put on and taken back in pieces, and the index be forgotten so."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """What the cursor remembers between two pieces."""

    dependencies = [("records", "0003_people")]
    operations = [
        migrations.AddField(
            "followercursor", "staged_hash", models.CharField(default="", max_length=64)
        ),
        migrations.AddField("followercursor", "left_height", models.BigIntegerField(null=True)),
        migrations.AddField(
            "followercursor", "left_hash", models.CharField(default="", max_length=64)
        ),
        migrations.AddField("followercursor", "is_forgotten", models.BooleanField(default=False)),
    ]
