"""The tables as they began."""

import django.contrib.auth.models
import django.contrib.auth.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="Address",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("key_hash", models.CharField(max_length=40, unique=True)),
                ("address", models.CharField(max_length=90)),
            ],
            options={
                "db_table": "addresses",
            },
        ),
        migrations.CreateModel(
            name="AddressLabel",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("address", models.CharField(max_length=90, unique=True)),
                ("label", models.CharField(max_length=120)),
                ("is_watched", models.BooleanField(default=False)),
                ("created", models.DateTimeField()),
            ],
            options={
                "db_table": "address_labels",
            },
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                ("seq", models.BigIntegerField(primary_key=True, serialize=False)),
                ("time_ms", models.BigIntegerField()),
                ("topic", models.CharField(max_length=16)),
                ("kind", models.CharField(max_length=16)),
                ("key", models.CharField(max_length=100)),
                ("data", models.TextField()),
            ],
            options={
                "db_table": "events",
            },
        ),
        migrations.CreateModel(
            name="FollowerCursor",
            fields=[
                ("id", models.SmallIntegerField(primary_key=True, serialize=False)),
                ("network_id", models.CharField(max_length=64)),
                ("genesis_hash", models.CharField(max_length=64)),
                ("address_prefix", models.CharField(max_length=16)),
                ("start_height", models.BigIntegerField()),
                ("height", models.BigIntegerField()),
                ("hash", models.CharField(max_length=64)),
            ],
            options={
                "db_table": "follower_cursors",
            },
        ),
        migrations.CreateModel(
            name="Journal",
            fields=[
                ("id", models.SmallIntegerField(primary_key=True, serialize=False)),
                ("epoch", models.CharField(max_length=32)),
                ("last_seq", models.BigIntegerField()),
            ],
            options={
                "db_table": "journal",
            },
        ),
        migrations.CreateModel(
            name="Node",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=80, unique=True)),
                ("node_id", models.CharField(max_length=80)),
                ("ip_address", models.CharField(max_length=45)),
                ("port", models.IntegerField()),
                ("url", models.CharField(max_length=200)),
                ("last_seen", models.DateTimeField(null=True)),
                ("chain_height", models.BigIntegerField()),
                ("is_active", models.BooleanField()),
                ("tip_hash", models.CharField(max_length=64)),
                ("version", models.CharField(max_length=40)),
                ("peers", models.IntegerField()),
                ("pool_count", models.IntegerField()),
                ("state", models.CharField(max_length=20)),
                ("is_ours", models.BooleanField()),
            ],
            options={
                "db_table": "nodes",
            },
        ),
        migrations.CreateModel(
            name="Output",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("address_id", models.BigIntegerField(null=True)),
                ("amount", models.BigIntegerField()),
                ("spent_by", models.BigIntegerField(null=True)),
                ("data", models.TextField(null=True)),
            ],
            options={
                "db_table": "outputs",
            },
        ),
        migrations.CreateModel(
            name="Spend",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("output_id", models.BigIntegerField(null=True)),
                ("outpoint", models.CharField(default="", max_length=80)),
            ],
            options={
                "db_table": "spends",
            },
        ),
        migrations.CreateModel(
            name="SystemStatus",
            fields=[
                ("id", models.SmallIntegerField(primary_key=True, serialize=False)),
                ("node_status", models.CharField(max_length=20)),
                ("coordinator_status", models.CharField(max_length=20)),
                ("last_updated", models.DateTimeField()),
                ("data", models.TextField()),
            ],
            options={
                "db_table": "system_status",
            },
        ),
        migrations.CreateModel(
            name="Transaction",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("tx_hash", models.CharField(max_length=64, unique=True)),
                ("from_addr", models.CharField(max_length=90)),
                ("to_addr", models.CharField(max_length=90)),
                ("amount", models.BigIntegerField()),
                ("timestamp", models.DateTimeField()),
                ("status", models.CharField(max_length=16)),
                ("block_index", models.BigIntegerField(null=True)),
                ("fee", models.BigIntegerField()),
                ("size", models.IntegerField()),
                ("made_ms", models.BigIntegerField()),
                ("reason", models.CharField(default="", max_length=200)),
            ],
            options={
                "db_table": "transactions",
            },
        ),
        migrations.CreateModel(
            name="Person",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                (
                    "last_login",
                    models.DateTimeField(blank=True, null=True, verbose_name="last login"),
                ),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                (
                    "username",
                    models.CharField(
                        error_messages={"unique": "A user with that username already exists."},
                        help_text="Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.",
                        max_length=150,
                        unique=True,
                        validators=[django.contrib.auth.validators.UnicodeUsernameValidator()],
                        verbose_name="username",
                    ),
                ),
                (
                    "first_name",
                    models.CharField(blank=True, max_length=150, verbose_name="first name"),
                ),
                (
                    "last_name",
                    models.CharField(blank=True, max_length=150, verbose_name="last name"),
                ),
                (
                    "email",
                    models.EmailField(blank=True, max_length=254, verbose_name="email address"),
                ),
                (
                    "is_staff",
                    models.BooleanField(
                        default=False,
                        help_text="Designates whether the user can log into this admin site.",
                        verbose_name="staff status",
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="Designates whether this user should be treated as active. Unselect this instead of deleting accounts.",
                        verbose_name="active",
                    ),
                ),
                (
                    "date_joined",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="date joined"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("viewer", "Viewer"),
                            ("operator", "Operator"),
                            ("admin", "Admin"),
                        ],
                        default="viewer",
                        max_length=16,
                    ),
                ),
                ("must_change_password", models.BooleanField(default=False)),
                ("theme", models.CharField(default="system", max_length=16)),
                ("time_zone", models.CharField(default="UTC", max_length=64)),
                ("density", models.CharField(default="comfortable", max_length=16)),
                ("reduces_motion", models.BooleanField(default=False)),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "verbose_name": "user",
                "verbose_name_plural": "users",
                "db_table": "people",
                "abstract": False,
            },
            managers=[
                ("objects", django.contrib.auth.models.UserManager()),
            ],
        ),
        migrations.CreateModel(
            name="Activity",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("timestamp", models.DateTimeField()),
                ("severity", models.CharField(max_length=16)),
                ("action", models.CharField(max_length=60)),
                ("user", models.CharField(max_length=150)),
                ("description", models.TextField()),
                ("ip_address", models.CharField(max_length=45)),
                ("source", models.CharField(max_length=60)),
            ],
            options={
                "db_table": "activities",
                "indexes": [
                    models.Index(fields=["timestamp", "id"], name="activities_time"),
                    models.Index(
                        fields=["severity", "timestamp", "id"], name="activities_severity"
                    ),
                    models.Index(fields=["action", "timestamp", "id"], name="activities_action"),
                    models.Index(fields=["user", "timestamp", "id"], name="activities_user"),
                    models.Index(
                        fields=["user", "action", "timestamp", "id"], name="activities_user_action"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AddressEntry",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("address_id", models.BigIntegerField()),
                ("received", models.BigIntegerField()),
                ("spent", models.BigIntegerField()),
                ("total_received", models.BigIntegerField()),
                ("total_spent", models.BigIntegerField()),
                ("number", models.BigIntegerField()),
            ],
            options={
                "db_table": "address_entries",
                "indexes": [models.Index(fields=["address_id", "id"], name="entries_address")],
            },
        ),
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                ("token_hash", models.CharField(max_length=64, unique=True)),
                ("scopes", models.CharField(max_length=200)),
                ("created", models.DateTimeField()),
                ("last_used", models.DateTimeField(null=True)),
                ("expires", models.DateTimeField(null=True)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tokens",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "api_tokens",
            },
        ),
        migrations.CreateModel(
            name="Block",
            fields=[
                ("hash", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("block_index", models.BigIntegerField()),
                ("previous_hash", models.CharField(max_length=64)),
                ("timestamp", models.DateTimeField()),
                ("data", models.TextField()),
                ("node_source", models.CharField(max_length=200)),
                ("is_on_chain", models.BooleanField()),
                ("tx_count", models.IntegerField()),
                ("size", models.IntegerField()),
                ("fees", models.BigIntegerField()),
                ("reward", models.BigIntegerField()),
                ("amount", models.BigIntegerField()),
                ("miner", models.CharField(max_length=90)),
                ("sealer", models.CharField(max_length=90)),
                ("work", models.CharField(max_length=80)),
            ],
            options={
                "db_table": "blocks",
                "indexes": [
                    models.Index(fields=["block_index"], name="blocks_height"),
                    models.Index(fields=["timestamp"], name="blocks_time"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Execution",
            fields=[
                ("id", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=40)),
                ("title", models.CharField(max_length=200)),
                ("state", models.CharField(max_length=16)),
                ("started", models.DateTimeField()),
                ("ended", models.DateTimeField(null=True)),
                ("done", models.BigIntegerField(default=0)),
                ("total", models.BigIntegerField(default=0)),
                ("error", models.TextField(default="")),
            ],
            options={
                "db_table": "executions",
                "indexes": [
                    models.Index(fields=["started", "id"], name="executions_started"),
                    models.Index(fields=["kind", "state"], name="executions_kind"),
                ],
            },
        ),
        migrations.CreateModel(
            name="LiveMetric",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("metric_type", models.CharField(max_length=80)),
                ("metric_value", models.FloatField()),
                ("timestamp", models.DateTimeField()),
            ],
            options={
                "db_table": "live_metrics",
                "indexes": [
                    models.Index(fields=["metric_type", "-timestamp"], name="live_metrics_newest"),
                    models.Index(fields=["timestamp"], name="live_metrics_time"),
                ],
            },
        ),
        migrations.CreateModel(
            name="MetricRollup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "step",
                    models.CharField(
                        choices=[("minute", "Minute"), ("hour", "Hour"), ("day", "Day")],
                        max_length=8,
                    ),
                ),
                ("metric_type", models.CharField(max_length=80)),
                ("start", models.DateTimeField()),
                ("count", models.BigIntegerField()),
                ("total", models.FloatField()),
                ("lowest", models.FloatField()),
                ("highest", models.FloatField()),
            ],
            options={
                "db_table": "metric_rollups",
                "indexes": [models.Index(fields=["step", "start"], name="metric_rollups_age")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("step", "metric_type", "start"), name="metric_rollups_span"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="NetworkStat",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("timestamp", models.DateTimeField()),
                ("total_nodes", models.IntegerField()),
                ("network_height", models.BigIntegerField()),
                ("tx_count", models.BigIntegerField()),
                ("hash_rate", models.FloatField(null=True)),
                ("tx_rate", models.FloatField(null=True)),
                ("blocks_per_minute", models.FloatField(null=True)),
                ("propagation_ms", models.FloatField(null=True)),
                ("forks", models.IntegerField()),
                ("pool_count", models.IntegerField()),
            ],
            options={
                "db_table": "network_stats",
                "indexes": [models.Index(fields=["timestamp"], name="network_stats_time")],
            },
        ),
        migrations.AddConstraint(
            model_name="person",
            constraint=models.CheckConstraint(
                condition=models.Q(("role__in", ["viewer", "operator", "admin"])),
                name="people_role",
            ),
        ),
    ]
