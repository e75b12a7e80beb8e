"""Who may sign in, and with what."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models


class Role(models.TextChoices):
    """What somebody may do; each may all that stands before it."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class Person(AbstractUser):
    """One row per person who can sign in, with what they chose for their pages."""

    role = models.CharField(max_length=16, choices=Role, default=Role.VIEWER)
    must_change_password = models.BooleanField(default=False)
    theme = models.CharField(max_length=16, default="system")
    time_zone = models.CharField(max_length=64, default="UTC")
    density = models.CharField(max_length=16, default="comfortable")
    reduces_motion = models.BooleanField(default=False)

    class Meta(AbstractUser.Meta):
        db_table = "people"
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="people_role")
        ]

    def may(self, role: Role) -> bool:
        """Whether this person may what a role may."""
        order = list(Role)
        return self.is_active and order.index(Role(self.role)) >= order.index(role)


class ApiToken(models.Model):
    """One row per token. The token itself is shown once and kept as SHA-256."""

    name = models.CharField(max_length=80)
    token_hash = models.CharField(max_length=64, unique=True)
    scopes = models.CharField(max_length=200)
    owner = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="tokens")
    created = models.DateTimeField()
    last_used = models.DateTimeField(null=True)
    expires = models.DateTimeField(null=True)

    class Meta:
        db_table = "api_tokens"

    def __str__(self) -> str:
        return self.name


class Visit(models.Model):
    """One row per signed-in browser: what its person should know of it."""

    session_key = models.CharField(max_length=40, primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="visits")
    started = models.DateTimeField()
    last_seen = models.DateTimeField()
    ip_address = models.CharField(max_length=45)
    agent = models.CharField(max_length=200)

    class Meta:
        db_table = "visits"

    def __str__(self) -> str:
        return f"{self.ip_address}, {self.agent}"


class SignInTrial(models.Model):
    """One row per name, and per name and address, with which signing in failed of late."""

    key = models.CharField(max_length=64, primary_key=True)
    failures = models.PositiveIntegerField()
    last_failed = models.DateTimeField(db_index=True)
    blocked_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "sign_in_trials"

    def __str__(self) -> str:
        return f"{self.failures} failures"


class PendingReport(models.Model):
    """One row per thing that the web saw and the coordinator has not taken down yet."""

    report_id = models.CharField(max_length=64, unique=True)
    time_ms = models.BigIntegerField()
    body = models.TextField()

    class Meta:
        db_table = "pending_reports"

    def __str__(self) -> str:
        return self.report_id
