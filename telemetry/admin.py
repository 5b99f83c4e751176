"""Samples, rollups and refusals in the admin: looked at, never edited, never counted."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from hetri.core.admin import HistoryAdmin
from hetri.core.ids import floor_key, to_ms
from hetri.core.times import now
from telemetry.models import RejectedMessage, Rollup, RollupMark, Sample

SHOWN = timedelta(days=2)
ROWS_MOST = 2000


class UncountedPaginator(Paginator[Any]):
    """Counts no further than ROWS_MOST: a count(*) over millions of rows helps nobody."""

    @property
    def count(self) -> int:
        """Rows, ROWS_MOST at the most."""
        rows: Any = self.object_list
        return len(rows.order_by()[:ROWS_MOST].values_list("pk"))


@admin.register(Sample)
class SampleAdmin(HistoryAdmin):
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
    search_fields = ("device__id",)
    search_help_text = "A collar's id"
    ordering = ("-id",)
    paginator = UncountedPaginator

    def get_queryset(self, request: HttpRequest) -> QuerySet[Sample]:
        """Bounded by key, so that only the newest partitions are read."""
        return super().get_queryset(request).filter(id__gte=floor_key(to_ms(now() - SHOWN)))


@admin.register(Rollup)
class RollupAdmin(HistoryAdmin):
    """The last two days."""

    list_display = ("start", "width", "device_id", "count", "active_s", "steps")
    list_filter = ("width",)
    search_fields = ("device__id",)
    ordering = ("-start",)
    paginator = UncountedPaginator

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rollup]:
        """Bounded by time, so that an index finds them."""
        return super().get_queryset(request).filter(start__gte=now() - SHOWN)


@admin.register(RejectedMessage)
class RejectedMessageAdmin(HistoryAdmin):
    list_display = ("received_at", "device_id", "topic", "reason")
    search_fields = ("reason", "topic")
    ordering = ("-id",)
    paginator = UncountedPaginator


@admin.register(RollupMark)
class RollupMarkAdmin(HistoryAdmin):
    """Empty but for a moment: marks that stay say that the rollups stand still."""

    list_display = ("start", "device_id")
    ordering = ("-id",)
    paginator = UncountedPaginator
