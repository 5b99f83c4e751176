"""Production batches: many collars made at once."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from core.ids import uuid7
from core.times import now


class Batch(models.Model):
    """Many collars made at once: running -> done | stopped | failed. What makes collars counts them in `made`."""

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        STOPPED = "stopped"
        FAILED = "failed"  # given up: nothing went forward for long

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.PositiveIntegerField(unique=True)  # printed on labels, so never used twice
    name = models.CharField(max_length=60)
    size = models.PositiveSmallIntegerField()
    made = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=7, choices=State.choices, default=State.RUNNING)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    door = models.CharField(max_length=8)  # with the request, for the audit lines of what the worker writes
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=now)
    moved_at = models.DateTimeField(default=now)  # when it last went forward
    ended_at = models.DateTimeField(null=True, blank=True)
    shown_at = models.DateTimeField(null=True, blank=True)  # when its secrets were shown, which is once
    shown_to = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        db_table = "devices_batch"  # where it was before provisioning was a room
        verbose_name_plural = "batches"
        constraints = [
            models.CheckConstraint(condition=Q(made__lte=models.F("size")), name="batch_made_in_size"),
            models.CheckConstraint(
                condition=Q(state="running", ended_at__isnull=True) | ~Q(state="running") & Q(ended_at__isnull=False),
                name="batch_ended_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"B{self.number}"


class BatchSheet(models.Model):
    """The secrets of some collars of a batch, encrypted; gone once they are shown, or when nobody asks in time."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    batch = models.ForeignKey(Batch, models.CASCADE, related_name="sheets")
    sealed = models.TextField()

    class Meta:
        db_table = "devices_batchsheet"

    def __str__(self) -> str:
        return f"sheet of {self.batch_id}"
