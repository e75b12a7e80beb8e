"""The chain as it is indexed: blocks, transactions, outputs, and what each did to whom.

A transaction on the chain has its place as its key, and an output that of its transaction
(`chaindeck.records.places`), so rows are appended in order, a block is one range of keys, and
taking blocks back is deleting the end of each table.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class TxStatus(models.TextChoices):
    """What became of a transaction."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    DROPPED = "dropped"


class Block(models.Model):
    """One row per block that is or was on the chain that is followed."""

    hash = models.CharField(max_length=64, primary_key=True)
    block_index = models.BigIntegerField()
    previous_hash = models.CharField(max_length=64)
    timestamp = models.DateTimeField()
    data = models.TextField()
    """JSON: the rest of the header; of a stale block also the ids of its transactions."""

    node_source = models.CharField(max_length=200)
    is_on_chain = models.BooleanField()
    tx_count = models.IntegerField()
    size = models.IntegerField()
    fees = models.BigIntegerField()
    lowest_per_kb = models.BigIntegerField(null=True)
    """Of its payments' fee rates, in base units for 1,000 bytes; none where it has no payment."""

    highest_per_kb = models.BigIntegerField(null=True)
    reward = models.BigIntegerField()
    amount = models.BigIntegerField()
    miner = models.CharField(max_length=90)
    sealer = models.CharField(max_length=90)
    work = models.CharField(max_length=80)

    class Meta:
        db_table = "blocks"
        indexes: ClassVar = [
            models.Index(fields=["block_index"], name="blocks_height"),
            models.Index(fields=["timestamp"], name="blocks_time"),
        ]

    def __str__(self) -> str:
        return f"{self.block_index} {self.hash}"


class Transaction(models.Model):
    """One row per transaction of the chain (a key from 0 up), or seen waiting (a key below 0)."""

    id = models.BigIntegerField(primary_key=True)
    tx_hash = models.CharField(max_length=64, unique=True)
    from_addr = models.CharField(max_length=90)
    to_addr = models.CharField(max_length=90)
    amount = models.BigIntegerField()
    timestamp = models.DateTimeField()
    status = models.CharField(max_length=16)
    block_index = models.BigIntegerField(null=True)
    fee = models.BigIntegerField()
    size = models.IntegerField()
    made_ms = models.BigIntegerField()
    """What its maker says. `timestamp` is when its block was made, or when it came."""

    reason = models.CharField(max_length=200, default="")

    class Meta:
        db_table = "transactions"

    def __str__(self) -> str:
        return self.tx_hash


class Output(models.Model):
    """One row per output of the chain: a coin, or data."""

    id = models.BigIntegerField(primary_key=True)
    address_id = models.BigIntegerField(null=True)
    amount = models.BigIntegerField()
    spent_by = models.BigIntegerField(null=True)
    """The key of the transaction that spends it."""

    data = models.TextField(null=True)  # noqa: DJ001 - empty data is not the same as a payment

    class Meta:
        db_table = "outputs"
        indexes: ClassVar = [
            models.Index(
                fields=["address_id", "id"],
                condition=models.Q(spent_by=None, address_id__isnull=False),
                name="outputs_coins",
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class Spend(models.Model):
    """One row per input of the chain. What was made before indexing began is named by its text."""

    id = models.BigIntegerField(primary_key=True)
    output_id = models.BigIntegerField(null=True)
    outpoint = models.CharField(max_length=80, default="")

    class Meta:
        db_table = "spends"

    def __str__(self) -> str:
        return str(self.id)


class Address(models.Model):
    """One row per owner of a coin that was ever indexed."""

    id = models.BigIntegerField(primary_key=True)
    key_hash = models.CharField(max_length=40, unique=True)
    address = models.CharField(max_length=90)

    class Meta:
        db_table = "addresses"

    def __str__(self) -> str:
        return self.address


class AddressEntry(models.Model):
    """One row per transaction and address that it concerns, with the sums up to it.

    The newest row of an address is its balance, and the newest before a moment the balance then.
    """

    id = models.BigIntegerField(primary_key=True)
    address_id = models.BigIntegerField()
    received = models.BigIntegerField()
    spent = models.BigIntegerField()
    total_received = models.BigIntegerField()
    total_spent = models.BigIntegerField()
    number = models.BigIntegerField()
    """How many transactions concern the address, this one included."""

    class Meta:
        db_table = "address_entries"
        indexes: ClassVar = [models.Index(fields=["address_id", "id"], name="entries_address")]

    def __str__(self) -> str:
        return str(self.id)


class AddressLabel(models.Model):
    """One row per address that somebody named, or asked to be told of."""

    address = models.CharField(max_length=90, unique=True)
    label = models.CharField(max_length=120)
    is_watched = models.BooleanField(default=False)
    created = models.DateTimeField()

    class Meta:
        db_table = "address_labels"

    def __str__(self) -> str:
        return self.label


class FollowerCursor(models.Model):
    """One row: which network is indexed, and up to where."""

    id = models.SmallIntegerField(primary_key=True)
    network_id = models.CharField(max_length=64)
    genesis_hash = models.CharField(max_length=64)
    address_prefix = models.CharField(max_length=16)
    start_height = models.BigIntegerField()
    height = models.BigIntegerField()
    """The tip of what is indexed. Rows above it are being written, or being removed."""

    hash = models.CharField(max_length=64)
    staged_hash = models.CharField(max_length=64, default="")
    """The block whose rows are written above the tip, piece by piece."""

    left_height = models.BigIntegerField(null=True)
    left_hash = models.CharField(max_length=64, default="")
    """The tip before blocks were taken back, until it is told where the chain went instead."""

    is_forgotten = models.BooleanField(default=False)
    """The index is being removed, piece by piece."""

    class Meta:
        db_table = "follower_cursors"

    def __str__(self) -> str:
        return f"{self.height} {self.hash}"
