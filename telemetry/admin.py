"""Samples, rollups and refusals in the admin: looked at, never edited, never counted."""

from datetime import timedelta

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core.admin import HistoryAdmin, SinceFilter, one_of
from core.ids import floor_key, to_ms
from core.times import now
from devices.admin import OfDeviceAdmin
from telemetry.const import FIVE_MINUTES, HOUR
from telemetry.models import RejectedMessage, Rollup, RollupMark, Sample

SHOWN = timedelta(days=2)


@admin.register(Sample)
class SampleAdmin(OfDeviceAdmin):
    """The last two days; older samples are in a collar's history."""

    list_display = (
        "ts",
        "device_id",
        "boot",
        "seq",
        "accel_x",
        "accel_y",
        "accel_z",
        "battery_level",
        "active_s",
    )
    list_filter = (SinceFilter,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Sample]:
        """Bounded by key, so that only the newest partitions are read."""
        rows: QuerySet[Sample] = super().get_queryset(request)
        return rows.filter(id__gte=floor_key(to_ms(now() - SHOWN)))


@admin.register(Rollup)
class RollupAdmin(OfDeviceAdmin):
    """The last two days."""

    list_display = ("start", "width", "device_id", "count", "active_s", "steps")
    list_filter = (one_of("width", (FIVE_MINUTES, "5 minutes"), (HOUR, "1 hour")),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rollup]:
        """Bounded by time, so that an index finds them."""
        rows: QuerySet[Rollup] = super().get_queryset(request)
        return rows.filter(start__gte=now() - SHOWN)


@admin.register(RejectedMessage)
class RejectedMessageAdmin(OfDeviceAdmin):
    list_display = ("received_at", "device_id", "topic", "reason")
    list_filter = (SinceFilter,)


@admin.register(RollupMark)
class RollupMarkAdmin(HistoryAdmin):
    """Empty but for a moment: marks that stay say that the rollups stand still."""

    list_display = ("start", "device_id")
