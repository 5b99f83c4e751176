"""Collars, who had them, and their treats in the admin."""

from django.contrib import admin
from django.http import HttpRequest

from devices.models import Assignment, Device, TreatEvent
from hetri.core.admin import HistoryAdmin


@admin.register(Device)
class DeviceAdmin(admin.ModelAdmin[Device]):
    """Looked at here; changed through the API and the commands, which tell the broker too."""

    list_display = ("name", "id", "owner", "pet", "presence_now", "firmware_version", "last_seen")
    list_filter = ("status", "firmware_version")
    search_fields = ("name", "owner__email", "id")
    list_select_related = ("owner", "pet")
    exclude = ("mqtt_pass_hash", "claim_code_hash")
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Device | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Device | None = None) -> bool:
        return False

    @admin.display(description="presence")
    def presence_now(self, device: Device) -> str:
        """Presence with silence taken into account."""
        return device.presence()


@admin.register(Assignment)
class AssignmentAdmin(HistoryAdmin):
    list_display = ("device", "owner", "pet", "started_at", "ended_at")
    list_select_related = ("device", "owner", "pet")


@admin.register(TreatEvent)
class TreatEventAdmin(HistoryAdmin):
    list_display = ("event_time", "device", "pet", "result", "portion", "source", "triggered_by")
    list_filter = ("result", "source")
    list_select_related = ("device", "pet", "triggered_by")
    ordering = ("-id",)
