"""Keeps where people are signed in, failed sign-ins, and reports that wait for the coordinator."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("records", "0002_epoch"),
    ]

    operations = [
        migrations.CreateModel(
            name="PendingReport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("report_id", models.CharField(max_length=64, unique=True)),
                ("time_ms", models.BigIntegerField()),
                ("body", models.TextField()),
            ],
            options={
                "db_table": "pending_reports",
            },
        ),
        migrations.CreateModel(
            name="SignInTrial",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("failures", models.PositiveIntegerField()),
                ("last_failed", models.DateTimeField(db_index=True)),
                ("blocked_until", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "sign_in_trials",
            },
        ),
        migrations.CreateModel(
            name="Visit",
            fields=[
                ("session_key", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("started", models.DateTimeField()),
                ("last_seen", models.DateTimeField()),
                ("ip_address", models.CharField(max_length=45)),
                ("agent", models.CharField(max_length=200)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="visits",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "visits",
            },
        ),
    ]
