"""How things stand and stood: nodes, the network, the system, and measurements over time."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Node(models.Model):
    """One row per node that we run or were told of."""

    name = models.CharField(max_length=80, unique=True)
    node_id = models.CharField(max_length=80)
    ip_address = models.CharField(max_length=45)
    port = models.IntegerField()
    """Where its peers reach it; its API is at `url`."""

    url = models.CharField(max_length=200)
    last_seen = models.DateTimeField(null=True)
    chain_height = models.BigIntegerField()
    is_active = models.BooleanField()
    tip_hash = models.CharField(max_length=64)
    version = models.CharField(max_length=40)
    peers = models.IntegerField()
    pool_count = models.IntegerField()
    clock_offset_ms = models.BigIntegerField(null=True)
    """How far its clock is ahead of this machine's, None where it never answered."""

    state = models.CharField(max_length=20)
    is_ours = models.BooleanField()

    class Meta:
        db_table = "nodes"

    def __str__(self) -> str:
        return self.name


class NetworkStat(models.Model):
    """One row per moment at which the network was measured."""

    timestamp = models.DateTimeField()
    total_nodes = models.IntegerField()
    network_height = models.BigIntegerField()
    tx_count = models.BigIntegerField()
    """Transactions on the chain up to then."""

    hash_rate = models.FloatField(null=True)
    tx_rate = models.FloatField(null=True)
    blocks_per_minute = models.FloatField(null=True)
    propagation_ms = models.FloatField(null=True)
    forks = models.IntegerField()
    pool_count = models.IntegerField()

    class Meta:
        db_table = "network_stats"
        indexes: ClassVar = [models.Index(fields=["timestamp"], name="network_stats_time")]

    def __str__(self) -> str:
        return str(self.timestamp)


class LiveMetric(models.Model):
    """One row per measurement of the last hour."""

    metric_type = models.CharField(max_length=80)
    metric_value = models.FloatField()
    timestamp = models.DateTimeField()

    class Meta:
        db_table = "live_metrics"
        indexes: ClassVar = [
            models.Index(fields=["metric_type", "-timestamp"], name="live_metrics_newest"),
            models.Index(fields=["timestamp"], name="live_metrics_time"),
        ]

    def __str__(self) -> str:
        return self.metric_type


class Step(models.TextChoices):
    """How long a span is that measurements are rolled up over."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


class MetricRollup(models.Model):
    """One row per measure and minute, hour or day."""

    step = models.CharField(max_length=8, choices=Step)
    metric_type = models.CharField(max_length=80)
    start = models.DateTimeField()
    count = models.BigIntegerField()
    total = models.FloatField()
    lowest = models.FloatField()
    highest = models.FloatField()

    class Meta:
        db_table = "metric_rollups"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["step", "metric_type", "start"], name="metric_rollups_span"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["step", "start"], name="metric_rollups_age")]

    def __str__(self) -> str:
        return self.metric_type


class SystemStatus(models.Model):
    """One row: how the whole stands."""

    id = models.SmallIntegerField(primary_key=True)
    node_status = models.CharField(max_length=20)
    coordinator_status = models.CharField(max_length=20)
    last_updated = models.DateTimeField()
    data = models.TextField()
    """JSON: what `/api/status/` says."""

    class Meta:
        db_table = "system_status"

    def __str__(self) -> str:
        return self.node_status
