"""Streams and who watched them, in the admin."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core.admin import SinceFilter
from devices.admin import OfDeviceAdmin, device_keys
from streaming.models import StreamSession, SupportGrant, Viewing


@admin.register(StreamSession)
class StreamSessionAdmin(OfDeviceAdmin):
    list_display = ("requested_at", "device", "owner", "state", "reason", "live_at", "ended_at")
    list_filter = ("state", "reason", SinceFilter)
    list_select_related = ("device", "owner")
    exclude = ("key_hash",)


@admin.register(Viewing)
class ViewingAdmin(OfDeviceAdmin):
    list_display = ("first_seen", "last_seen", "viewer", "stream", "source", "grant")
    list_filter = ("source", SinceFilter)
    list_select_related = ("viewer", "stream", "grant")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Viewing], search_term: str
    ) -> tuple[QuerySet[Viewing], bool]:
        """By the collar of the stream."""
        if not search_term:
            return queryset, False
        streams = StreamSession.objects.filter(device__in=device_keys(search_term))
        return queryset.filter(stream__in=streams), False


@admin.register(SupportGrant)
class SupportGrantAdmin(OfDeviceAdmin):
    list_display = ("device", "granted_by", "granted_at", "expires_at", "ended_at")
    list_filter = (SinceFilter,)
    list_select_related = ("device", "granted_by")
