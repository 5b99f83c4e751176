"""Device, and who had it when."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import ExpressionWrapper, F, Func, Q, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Greatest, Now, Upper

from core.editions import edition_of
from core.ids import uuid7
from core.times import now
from devices.config import new_config
from devices.const import SILENT_AFTER_S, SILENT_INTERVALS
from pets.models import Pet


class DeviceQuerySet(models.QuerySet["Device"]):
    def in_use(self) -> "DeviceQuerySet":
        """Not retired."""
        return self.filter(retired_at=None)

    def locked_in_turn(self) -> "DeviceQuerySet":
        """Their rows by id, held until commit: so everybody takes them who takes several (decisions/row-locks.md)."""
        return self.select_for_update(no_key=True).order_by("pk")

    def with_presence(self, status: str) -> "DeviceQuerySet":
        """Those whose presence is `status` now; the same rule as `Device.presence`, in SQL."""
        interval = Cast(KeyTextTransform("telemetry_interval_s", "config"), models.FloatField())
        silence = Greatest(Value(float(SILENT_AFTER_S)), interval * SILENT_INTERVALS)
        span = Func(silence, template="make_interval(secs => %(expressions)s)", output_field=models.DurationField())
        heard = self.alias(silent_at=ExpressionWrapper(F("last_seen") + span, output_field=models.DateTimeField()))
        match status:
            case Device.Status.ONLINE:
                return heard.filter(status=status, silent_at__gte=now())
            case Device.Status.OFFLINE:
                gone_silent = Q(status=Device.Status.ONLINE) & (Q(silent_at=None) | Q(silent_at__lt=now()))
                return heard.filter(Q(status=status) | gone_silent)
        return self.filter(status=status)

    def config_waiting(self) -> "DeviceQuerySet":
        """Those that were heard and do not report the version of the config that they were told."""
        told = self.alias(
            applied=KeyTextTransform("config_version", "reported"),
            wanted=Cast("config_version", models.TextField()),
        )
        return told.filter(Q(applied__isnull=True) | ~Q(applied=F("wanted")), retired_at=None, last_seen__isnull=False)

    def suspended_since(self, since: datetime) -> "DeviceQuerySet":
        """Those that were kept out of the broker at that moment, or later, for sending too much."""
        return self.filter(retired_at=None, suspended_until__gte=since)

    def search(self, text: str) -> "DeviceQuerySet":
        """Those with `text` in their name, or with just this id."""
        try:
            return self.filter(Q(pk=UUID(text)))
        except ValueError:
            return self.filter(name__icontains=text)


class Device(models.Model):
    """A collar: its identity on the broker, what it is told (`config`), what it says (`reported`)."""

    class Status(models.TextChoices):
        NEVER_SEEN = "never_seen"
        ONLINE = "online"
        OFFLINE = "offline"
        RETIRED = "retired"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=80)
    label = models.CharField(max_length=16, blank=True, default="", db_default="")  # beside the claim code: B12-007
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.NEVER_SEEN)
    firmware_version = models.CharField(max_length=32, blank=True)
    board = models.CharField(max_length=32, blank=True, default="", db_default="")  # empty: it never said
    has_camera = models.BooleanField(default=True, db_default=True)
    has_dispenser = models.BooleanField(default=True, db_default=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="devices")
    pet = models.ForeignKey(Pet, models.PROTECT, null=True, blank=True, related_name="devices")
    owned_since = models.DateTimeField(null=True, blank=True)  # null: from the first sample on
    mqtt_user = models.CharField(max_length=36, unique=True)
    mqtt_pass_hash = models.CharField(max_length=160)  # the broker's own password line, without the name
    password_shown = models.BooleanField(default=False)  # a person saw the MQTT password
    claim_code_hash = models.CharField(max_length=64, null=True, blank=True, unique=True)
    claim_expires_at = models.DateTimeField(null=True, blank=True)
    config = models.JSONField(default=new_config)
    config_version = models.PositiveIntegerField(default=1)
    reported = models.JSONField(default=dict, blank=True)
    latest = models.JSONField(null=True, blank=True)  # the newest sample by ts, as the API shows it
    latest_key = models.UUIDField(null=True, blank=True)  # the key of that sample: key order is time order
    last_seen = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    retired_at = models.DateTimeField(null=True, blank=True)
    suspended_until = models.DateTimeField(null=True, blank=True)  # not let in by the broker; past: the last time
    suspended_for = models.CharField(max_length=32, blank=True, default="", db_default="")

    objects = DeviceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status="retired", retired_at__isnull=False)
                | ~Q(status="retired") & Q(retired_at__isnull=True),
                name="device_retired_has_time",
            ),
            models.UniqueConstraint(fields=["label"], condition=~Q(label=""), name="device_label_once"),
        ]
        # Not last_seen: each batch of telemetry writes it, and would then have to touch every index of the row.
        indexes = [
            models.Index(fields=["status"], name="device_status"),
            GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="device_name_part"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def edition(self) -> str:
        """The ETag: another one as soon as somebody has changed the collar."""
        wearer = (self.owner_id, self.pet_id, self.retired_at)
        return edition_of(self.name, self.config, self.config_version, *wearer)

    def silent_after(self) -> timedelta:
        """How long nothing may be heard before the collar counts as offline."""
        return timedelta(seconds=max(SILENT_AFTER_S, SILENT_INTERVALS * int(self.config["telemetry_interval_s"])))

    def presence(self, at: datetime | None = None) -> str:
        """online, offline, never_seen or retired at that moment: what it reported, unless it went silent."""
        if self.status != self.Status.ONLINE:
            return str(self.status)
        heard = self.last_seen is not None and (at or now()) - self.last_seen <= self.silent_after()
        return "online" if heard else "offline"


class BrokerTrial(models.Model):
    """An identity that the broker is told of before it is anybody's: its password line, or none to shut it out.

    The broker's file holds it in place of the collar's own line, for TRIAL_S at most (docs/decisions/steps.md).
    """

    ref = models.CharField(primary_key=True, max_length=36)
    verifier = models.CharField(max_length=160, blank=True)
    begun_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.ref


class Assignment(models.Model):
    """Who had a collar, on which pet, from when to when. Reads are clipped to it by a sample's ts."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    device = models.ForeignKey(Device, models.CASCADE, related_name="assignments")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="assignments")
    pet = models.ForeignKey(Pet, models.SET_NULL, null=True, blank=True, related_name="assignments")
    started_at = models.DateTimeField(null=True, blank=True)  # null: from the first sample on
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device"], condition=Q(ended_at=None), name="one_owner_at_a_time")
        ]

    def __str__(self) -> str:
        return f"{self.device_id} with {self.owner_id}"


class SentCommand(models.Model):
    """A command that its collar answers by this id: whose answer it is. Kept as long as the ledgers are."""

    id = models.UUIDField(primary_key=True, editable=False)
    device = models.ForeignKey(Device, models.CASCADE, related_name="+")
    name = models.CharField(max_length=16)  # as in broker.commands

    def __str__(self) -> str:
        return f"{self.name} {self.id}"
