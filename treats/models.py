"""The ledger of treats."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import User
from core.idempotency import KEY_LENGTH_MOST
from core.ids import uuid7
from core.times import now
from devices.models import Device
from devices.selectors import Windows, windows_of
from pets.models import Pet
from treats.const import PORTIONS_MOST

CLOCKS_AGREE = timedelta(seconds=1)


class TreatEventQuerySet(models.QuerySet["TreatEvent"]):
    def of_device(self, device: Device, *, seen_by: User) -> "TreatEventQuerySet":
        """Its treats of the time that this person may see."""
        return self.filter(windows_of(seen_by, device).within("event_time"), device=device)

    def within(self, windows: dict[Device, Windows]) -> "TreatEventQuerySet":
        """Treats of any of these collars, each within its own windows."""
        seen = Q(pk__in=[])
        for device, spans in windows.items():
            seen |= Q(spans.within("event_time"), device=device)
        return self.filter(seen)


class TreatEvent(models.Model):
    """A treat that somebody ordered: log and life cycle in one row."""

    class Result(models.TextChoices):
        PENDING = "pending"
        DISPENSED = "dispensed"
        JAMMED = "jammed"
        EMPTY = "empty"
        EXPIRED = "expired"
        FAILED = "failed"
        OFFLINE = "offline"

    class Source(models.TextChoices):
        OWNER = "owner"
        STAFF = "staff"
        API = "api"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    device = models.ForeignKey(Device, models.CASCADE, related_name="treats")
    pet = models.ForeignKey(Pet, models.SET_NULL, null=True, blank=True, related_name="treats")
    triggered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="treats"
    )
    event_time = models.DateTimeField(default=now)
    result = models.CharField(max_length=9, choices=Result.choices, default=Result.PENDING)
    source = models.CharField(max_length=5, choices=Source.choices)
    portion = models.PositiveSmallIntegerField(default=1)
    idempotency_key = models.CharField(max_length=KEY_LENGTH_MOST, null=True, blank=True)  # noqa: DJ001
    expires_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = TreatEventQuerySet.as_manager()

    class Meta:
        db_table = "devices_treatevent"  # where it was before treats were a room
        constraints = [
            models.UniqueConstraint(fields=["device"], condition=Q(result="pending"), name="one_pending_treat"),
            models.UniqueConstraint(
                fields=["device", "triggered_by", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="treat_key_once",
            ),
            models.CheckConstraint(condition=Q(portion__gte=1, portion__lte=PORTIONS_MOST), name="treat_portion_range"),
        ]
        indexes = [
            models.Index(fields=["device", "-id"], name="treat_by_device"),
            models.Index(fields=["pet", "event_time"], name="treat_by_pet_day"),
            models.Index(fields=["result", "-id"], name="treat_by_result"),
            models.Index(fields=["source", "-id"], name="treat_by_source"),
            models.Index(fields=["expires_at"], condition=Q(result="pending"), name="treat_to_expire"),
        ]

    def __str__(self) -> str:
        return f"{self.portion} for {self.device_id}: {self.result}"

    @property
    def was_too_late_for_collar(self) -> bool:
        """Whether the collar said `expired` while by our clock there was time: the two clocks differ."""
        settled = self.settled_at
        return self.result == self.Result.EXPIRED and settled is not None and settled < self.expires_at - CLOCKS_AGREE
