"""Treats in the admin."""

from django.contrib import admin

from core.admin import SinceFilter
from devices.admin import OfDeviceAdmin
from treats.models import TreatEvent


@admin.register(TreatEvent)
class TreatEventAdmin(OfDeviceAdmin):
    list_display = ("event_time", "device", "pet", "result", "portion", "source", "triggered_by_id")
    list_filter = ("result", "source", SinceFilter)
    list_select_related = ("device", "pet")
    fields = (*list_display, "expires_at", "published_at", "delivered_at", "settled_at")
