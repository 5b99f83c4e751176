"""Streams, who watched them, and what owners allow support to see."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import UserSession
from core.ids import uuid7
from core.times import now
from devices.models import Device


class StreamSession(models.Model):
    """One time that a collar's camera is on. Viewers name its id; each publish inside it is a run with its own key.

    requested -> starting -> live -> ended; live -> requested when the publisher was lost while somebody watches.
    """

    class State(models.TextChoices):
        REQUESTED = "requested"  # the collar is asked
        STARTING = "starting"  # it publishes; no segment yet
        LIVE = "live"
        ENDED = "ended"

    class Reason(models.TextChoices):
        UNWATCHED = "unwatched"
        NO_PICTURE = "no_picture"
        REFUSED = "refused"
        UNSUPPORTED = "unsupported"
        CAMERA_OFF = "camera_off"
        RETIRED = "retired"
        OWNER_LEFT = "owner_left"
        NOT_SENT = "not_sent"
        STAFF = "staff"
        GAVE_WAY = "gave_way"
        BAD_PICTURE = "bad_picture"
        UNPLAYABLE = "unplayable"  # a codec, colours or a depth that browsers do not show

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    device = models.ForeignKey(Device, models.CASCADE, related_name="streams")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="streams")
    state = models.CharField(max_length=9, choices=State.choices, default=State.REQUESTED)
    reason = models.CharField(max_length=11, choices=Reason.choices, blank=True)
    requested_at = models.DateTimeField(default=now)
    live_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    dark_since = models.DateTimeField(default=now)  # since when a picture is awaited; counts while not live
    watched_at = models.DateTimeField(default=now)  # the last time that somebody watched, or was about to
    leased_at = models.DateTimeField(default=now)  # when the collar was last told to go on
    run = models.UUIDField(default=uuid7, unique=True)
    run_at = models.DateTimeField(default=now)
    run_over = models.BooleanField(default=False)  # its publisher is gone
    key_hash = models.CharField(max_length=64)  # SHA-256 of the run's publish key
    key_expires_at = models.DateTimeField()
    key_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device"], condition=~Q(state="ended"), name="one_open_stream"),
            models.CheckConstraint(
                condition=Q(state="ended", ended_at__isnull=False) | ~Q(state="ended") & Q(ended_at__isnull=True),
                name="stream_ended_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["device", "-id"], name="stream_by_device"),
            models.Index(fields=["state", "-id"], name="stream_by_state"),
            models.Index(fields=["reason", "-id"], name="stream_by_reason"),
        ]

    def __str__(self) -> str:
        return f"stream of {self.device_id}: {self.state}"

    @property
    def publish_name(self) -> str:
        """How nginx-rtmp knows the present run."""
        return f"{self.id.hex}-{self.run.hex}"


class SupportGrant(models.Model):
    """An owner lets staff watch this collar until `expires_at`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    device = models.ForeignKey(Device, models.CASCADE, related_name="support_grants")
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="support_grants"
    )
    granted_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device"], condition=Q(ended_at=None), name="one_support_grant"),
        ]

    def __str__(self) -> str:
        return f"support may watch {self.device_id} until {self.expires_at}"


class Viewing(models.Model):
    """Somebody watched: from `first_seen` to `last_seen`. Both are empty while nothing was fetched yet."""

    class Source(models.TextChoices):
        PAGE = "page"
        API = "api"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    stream = models.ForeignKey(StreamSession, models.CASCADE, related_name="viewings")
    viewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="viewings"
    )  # null: the account is gone, the ledger stays
    session = models.ForeignKey(UserSession, models.SET_NULL, null=True, related_name="viewings")
    grant = models.ForeignKey(SupportGrant, models.RESTRICT, null=True, blank=True, related_name="viewings")
    source = models.CharField(max_length=4, choices=Source.choices)
    asked_at = models.DateTimeField(default=now)  # of the newest token
    first_seen = models.DateTimeField(null=True, blank=True)
    last_seen = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["stream", "session"], condition=Q(ended_at=None), name="one_open_viewing"),
        ]
        indexes = [
            models.Index(fields=["stream"], condition=Q(ended_at=None), name="viewing_open"),
            models.Index(fields=["source", "-id"], name="viewing_by_source"),
        ]

    def __str__(self) -> str:
        return f"{self.viewer_id} watches {self.stream_id}"
