"""Collars, and who had them, in the admin."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from core.admin import HistoryAdmin, SinceFilter, as_keys
from core.redaction import masked
from core.times import now
from devices.const import BATTERY_LOW
from devices.models import Assignment, Device, SentCommand

NAMED_MOST = 100  # collars of one name whose history a search covers


def device_keys(text: str) -> list[UUID]:
    """Collars with this id, or with the text in their name; few, so that an index finds their history."""
    return as_keys(text) or list(Device.objects.filter(name__icontains=text).values_list("pk", flat=True)[:NAMED_MOST])


class OfDeviceAdmin(HistoryAdmin):
    """History of collars: searched by the collar's name or id."""

    search_fields = ("device",)
    search_help_text = "A collar's name or id"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Looks up the collars first: the history is read by index."""
        return (queryset.filter(device_id__in=device_keys(search_term)) if search_term else queryset), False


class PresenceFilter(admin.SimpleListFilter):
    """Presence with silence taken into account: what a page says."""

    title = "presence"
    parameter_name = "presence"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, str(label)) for value, label in Device.Status.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The same rule as the API's `status`."""
        value = self.value()
        if value not in Device.Status.values:
            return queryset
        return queryset.filter(pk__in=Device.objects.with_presence(value).values("pk"))


class SilentFilter(admin.SimpleListFilter):
    """Collars that spoke once and say nothing now."""

    title = "silent since"
    parameter_name = "silent"
    HOURS = {"1h": 1, "1d": 24, "7d": 168}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1h", "more than 1 hour"), ("1d", "more than 1 day"), ("7d", "more than 7 days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Not retired, and nothing heard for that long."""
        hours = self.HOURS.get(self.value() or "")
        if hours is None:
            return queryset
        return queryset.filter(retired_at=None, last_seen__lt=now() - timedelta(hours=hours))


class BatteryFilter(admin.SimpleListFilter):
    title = "battery"
    parameter_name = "battery"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("low", f"under {BATTERY_LOW} %")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """By the newest sample."""
        return queryset.filter(latest__battery_level__lt=BATTERY_LOW) if self.value() == "low" else queryset


class ConfigFilter(admin.SimpleListFilter):
    title = "config"
    parameter_name = "config"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("waiting", "not applied")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Seen, and reporting another version than it was told."""
        if self.value() != "waiting":
            return queryset
        return queryset.filter(pk__in=Device.objects.config_waiting().values("pk"))


class CutFilter(admin.SimpleListFilter):
    title = "cut for sending too much"
    parameter_name = "cut"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("24h", "in the last 24 hours")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those that ingest kept out of the broker."""
        if self.value() != "24h":
            return queryset
        return queryset.filter(pk__in=Device.objects.suspended_since(now() - timedelta(days=1)).values("pk"))


class DeviceAdmin(HistoryAdmin):
    """The list of collars; staff.admin registers it with what staff may do."""

    list_display = ("name", "id", "kept_by", "pet", "presence_now", "battery", "firmware_version", "last_seen")
    list_filter = (PresenceFilter, SilentFilter, BatteryFilter, ConfigFilter, CutFilter, "firmware_version", "board")
    search_fields = ("name",)
    search_help_text = "A collar's name, id or label, or its owner's whole e-mail"
    list_select_related = ("owner", "pet")
    export_fields = ("name", "label", *list_display[1:])
    fields = (
        "name",
        "id",
        "label",
        "kept_by",
        "pet",
        "presence_now",
        "firmware_version",
        "board",
        "has_camera",
        "has_dispenser",
        "last_seen",
        "config",
        "config_version",
        "reported",
        "latest",
        "created_at",
        "retired_at",
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Device], search_term: str
    ) -> tuple[QuerySet[Device], bool]:
        """By id, by the owner's whole e-mail, by what a label begins with, or by a part of the name."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if "@" in term:
            return queryset.filter(owner__email=term.lower()), False
        if keys := as_keys(term):
            return queryset.filter(pk__in=keys), False
        labelled = Q(label__startswith=term.upper())
        return queryset.filter(labelled | Q(name__icontains=term)), False

    @admin.display(description="presence")
    def presence_now(self, device: Device) -> str:
        """Presence with silence taken into account."""
        return device.presence()

    @admin.display(description="owner")
    def kept_by(self, device: Device) -> str:
        """The owner, masked."""
        return masked(device.owner.email) if device.owner else "nobody"

    @admin.display(description="battery")
    def battery(self, device: Device) -> str:
        """Percent of the newest sample."""
        level = (device.latest or {}).get("battery_level")
        return "" if level is None else f"{level:.0f} %"


@admin.register(SentCommand)
class SentCommandAdmin(OfDeviceAdmin):
    """What collars may answer; a line's id says when it was sent."""

    list_display = ("id", "device", "name")
    list_select_related = ("device",)
    list_filter = (SinceFilter,)
    fields = list_display


@admin.register(Assignment)
class AssignmentAdmin(OfDeviceAdmin):
    list_display = ("device", "kept_by", "pet", "started_at", "ended_at")
    list_select_related = ("device", "owner", "pet")
    fields = list_display

    @admin.display(description="owner")
    def kept_by(self, assignment: Assignment) -> str:
        """The owner, masked."""
        return masked(assignment.owner.email)
