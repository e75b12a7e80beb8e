"""What happened: the journal of events, the activity log, and the jobs."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Journal(models.Model):
    """One row: the epoch of the database, and the last number that was given to an event."""

    id = models.SmallIntegerField(primary_key=True)
    epoch = models.CharField(max_length=32)
    last_seq = models.BigIntegerField()

    class Meta:
        db_table = "journal"

    def __str__(self) -> str:
        return self.epoch


class Event(models.Model):
    """One row per event, numbered without gap or repeat."""

    seq = models.BigIntegerField(primary_key=True)
    time_ms = models.BigIntegerField()
    topic = models.CharField(max_length=16)
    kind = models.CharField(max_length=16)
    key = models.CharField(max_length=100)
    data = models.TextField()

    class Meta:
        db_table = "events"

    def __str__(self) -> str:
        return f"{self.seq} {self.topic}"


class Activity(models.Model):
    """One row per thing that somebody or some part did."""

    timestamp = models.DateTimeField()
    severity = models.CharField(max_length=16)
    action = models.CharField(max_length=60)
    user = models.CharField(max_length=150)
    description = models.TextField()
    ip_address = models.CharField(max_length=45)
    source = models.CharField(max_length=60)

    class Meta:
        db_table = "activities"
        indexes: ClassVar = [
            models.Index(fields=["timestamp", "id"], name="activities_time"),
            models.Index(fields=["severity", "timestamp", "id"], name="activities_severity"),
            models.Index(
                fields=["severity", "action", "timestamp", "id"], name="activities_by_action"
            ),
            models.Index(fields=["severity", "user", "timestamp", "id"], name="activities_by_user"),
            models.Index(
                fields=["severity", "user", "action", "timestamp", "id"], name="activities_by_both"
            ),
        ]

    def __str__(self) -> str:
        return self.description


class ExecutionState(models.TextChoices):
    """How a job stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"


class Execution(models.Model):
    """One row per job that was started."""

    id = models.CharField(max_length=32, primary_key=True)
    kind = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=16)
    started = models.DateTimeField()
    ended = models.DateTimeField(null=True)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    error = models.TextField(default="")

    class Meta:
        db_table = "executions"
        indexes: ClassVar = [
            models.Index(fields=["started", "id"], name="executions_started"),
            models.Index(fields=["kind", "state"], name="executions_kind"),
        ]

    def __str__(self) -> str:
        return self.title
