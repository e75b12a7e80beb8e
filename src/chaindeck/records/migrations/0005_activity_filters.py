"""Lets every filter of the activity log, alone or with others, end where the page is full."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Every index but that of time begins with the severity, of which there are four."""

    dependencies = [
        ("records", "0004_pieces"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="activity",
            name="activities_action",
        ),
        migrations.RemoveIndex(
            model_name="activity",
            name="activities_user",
        ),
        migrations.RemoveIndex(
            model_name="activity",
            name="activities_user_action",
        ),
        migrations.AddIndex(
            model_name="activity",
            index=models.Index(
                fields=["severity", "action", "timestamp", "id"], name="activities_by_action"
            ),
        ),
        migrations.AddIndex(
            model_name="activity",
            index=models.Index(
                fields=["severity", "user", "timestamp", "id"], name="activities_by_user"
            ),
        ),
        migrations.AddIndex(
            model_name="activity",
            index=models.Index(
                fields=["severity", "user", "action", "timestamp", "id"], name="activities_by_both"
            ),
        ),
    ]
