"""Releases of the collar's program, and the job of bringing one to a collar."""

from datetime import datetime

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q

from core.ids import uuid7
from core.times import now
from devices.models import Device

PARTS = ("manifest", "signature", "program")  # what collars download; 200 KB that only a download needs


class ReleaseManager(models.Manager["Release"]):
    """Leaves the parts in the database until somebody asks for them."""

    def get_queryset(self) -> models.QuerySet["Release"]:
        return super().get_queryset().defer(*PARTS)


OPEN_STATES = ("queued", "offered", "downloading", "installed")
SERVER_REASONS = ("withdrawn", "superseded", "retired")  # the server ended it: no try of the collar's
# Neither they nor a collar without slots, or one of another board, say anything about the program.
OWN_REASONS = (*SERVER_REASONS, "unsupported", "other_board")
FAILED = Q(state__in=["failed", "rolled_back"])


class UpdateJobQuerySet(models.QuerySet["UpdateJob"]):
    def running(self) -> "UpdateJobQuerySet":
        """Those that are on their way."""
        return self.filter(state__in=OPEN_STATES)

    def failed_since(self, moment: datetime) -> "UpdateJobQuerySet":
        """Those that failed by the collar's own word from then on."""
        return self.filter(FAILED, ended_at__gte=moment).exclude(reason__in=OWN_REASONS)

    def with_release(self) -> "UpdateJobQuerySet":
        """The release beside each job, without its parts."""
        return self.select_related("release").defer(*(f"release__{part}" for part in PARTS))


class Release(models.Model):
    """A signed program for one board, and how far it is rolled out. draft -> published -> withdrawn.

    Its parts never change.
    """

    class State(models.TextChoices):
        DRAFT = "draft"
        PUBLISHED = "published"
        WITHDRAWN = "withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.CharField(max_length=32)
    board = models.CharField(max_length=32)
    notes = models.TextField(blank=True)
    state = models.CharField(max_length=9, choices=State.choices, default=State.DRAFT)
    manifest = models.BinaryField()
    signature = models.BinaryField()
    program = models.BinaryField()
    size = models.PositiveIntegerField()  # bytes of the program
    percent = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(100)])  # of all collars
    fail_percent = models.PositiveSmallIntegerField(default=20, validators=[MaxValueValidator(100)])
    paused = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=now)
    published_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    rolled_out_at = models.DateTimeField(null=True, blank=True)  # the last time; the newest is what collars should run

    objects = ReleaseManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "board"], condition=~Q(state="withdrawn"), name="one_release_a_version"
            )
        ]

    def __str__(self) -> str:
        return f"{self.version} for {self.board}"


class UpdateJob(models.Model):
    """A try to bring one release to one collar.

    queued -> offered -> downloading -> installed -> confirmed, failed or rolled_back.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        OFFERED = "offered"
        DOWNLOADING = "downloading"
        INSTALLED = "installed"
        CONFIRMED = "confirmed"
        FAILED = "failed"
        ROLLED_BACK = "rolled_back"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    release = models.ForeignKey(Release, models.RESTRICT, related_name="jobs")
    device = models.ForeignKey(Device, models.CASCADE, related_name="update_jobs")
    state = models.CharField(max_length=11, choices=State.choices, default=State.QUEUED)
    reason = models.CharField(max_length=32, blank=True)
    created_at = models.DateTimeField(default=now)
    offered_at = models.DateTimeField(null=True, blank=True)
    downloading_at = models.DateTimeField(null=True, blank=True)
    installed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = UpdateJobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["device"],
                condition=Q(state__in=list(OPEN_STATES)),
                name="one_open_update",
            ),
        ]
        indexes = [
            models.Index(fields=["release", "state"], name="job_release_state"),
            models.Index(fields=["device", "-id"], name="job_by_device"),
            models.Index(fields=["state", "-id"], name="job_by_state"),
            models.Index(fields=["ended_at"], condition=FAILED, name="job_failed"),
        ]

    def __str__(self) -> str:
        return f"{self.release_id} on {self.device_id}: {self.state}"
