"""Samples in partitions by time, their rollups, and what was refused."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from core.ids import uuid7
from core.times import now
from devices.models import Device


class Sample(models.Model):
    """What a collar felt at `ts`. The key is made from its identity, so a repeat collides with itself.

    The table is partitioned by the key, whose time is `ts` (docs/decisions/partition-key.md): bound `id`
    whenever you bound `ts`. accel in g, battery in percent, activity over the time since the sample before.
    """

    id = models.UUIDField(primary_key=True)
    device = models.ForeignKey(Device, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    ts = models.DateTimeField()
    received_at = models.DateTimeField()
    boot = models.CharField(max_length=8)
    seq = models.BigIntegerField()
    accel_x = models.FloatField()
    accel_y = models.FloatField()
    accel_z = models.FloatField()
    battery_level = models.FloatField()
    sd_mg = models.IntegerField(null=True)
    odba_mg = models.IntegerField(null=True)
    active_s = models.IntegerField(null=True)
    steps = models.IntegerField(null=True)

    class Meta:
        indexes = [models.Index(fields=["device", "ts", "id"], name="sample_device_ts")]

    def __str__(self) -> str:
        return f"{self.device_id} {self.boot}/{self.seq}"


class Rollup(models.Model):
    """A bucket of 300 or 3600 seconds; sums are integers of a millionth.

    `late_at` is when the last of those samples came that were LATE_AFTER old by then; null when none was.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    device = models.ForeignKey(Device, models.CASCADE, db_constraint=False, db_index=False, related_name="+")
    width = models.PositiveSmallIntegerField()
    start = models.DateTimeField()
    count = models.PositiveIntegerField()
    accel_x_sum = models.BigIntegerField()
    accel_y_sum = models.BigIntegerField()
    accel_z_sum = models.BigIntegerField()
    accel_x_min = models.FloatField()
    accel_x_max = models.FloatField()
    accel_y_min = models.FloatField()
    accel_y_max = models.FloatField()
    accel_z_min = models.FloatField()
    accel_z_max = models.FloatField()
    battery_level_min = models.FloatField()
    battery_level_max = models.FloatField()
    active_s = models.BigIntegerField()
    steps = models.BigIntegerField()
    late_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "width", "start"], name="rollup_bucket")]
        # Rows come in about the order of time: a few kilobytes find what is past the retention, or new.
        indexes = [BrinIndex(fields=["start"], name="rollup_start", autosummarize=True, pages_per_range=32)]

    def __str__(self) -> str:
        return f"{self.device_id} {self.width} s from {self.start}"


class RollupMark(models.Model):
    """A 5-minute bucket that got samples and waits to be computed. Append-only: writers never wait."""

    device_id = models.UUIDField()
    start = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.device_id} {self.start}"


class RejectedMessage(models.Model):
    """What was refused and why; the newest of each device are kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    device = models.ForeignKey(Device, models.CASCADE, null=True, blank=True, related_name="+")
    topic = models.CharField(max_length=100)
    reason = models.CharField(max_length=200)
    payload = models.TextField(blank=True)
    received_at = models.DateTimeField(default=now)

    class Meta:
        indexes = [models.Index(fields=["device", "-id"], name="rejected_by_device")]

    def __str__(self) -> str:
        return f"{self.topic}: {self.reason}"
