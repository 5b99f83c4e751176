"""Streams and who watched them, in the admin."""

from django.contrib import admin

from hetri.core.admin import HistoryAdmin
from streaming.models import StreamSession, SupportGrant, Viewing


@admin.register(StreamSession)
class StreamSessionAdmin(HistoryAdmin):
    list_display = ("requested_at", "device", "owner", "state", "reason", "live_at", "ended_at")
    list_filter = ("state", "reason")
    list_select_related = ("device", "owner")
    exclude = ("key_hash",)
    ordering = ("-id",)


@admin.register(Viewing)
class ViewingAdmin(HistoryAdmin):
    list_display = ("first_seen", "last_seen", "viewer", "stream", "source", "grant")
    list_filter = ("source",)
    list_select_related = ("viewer", "stream", "grant")
    ordering = ("-id",)


@admin.register(SupportGrant)
class SupportGrantAdmin(HistoryAdmin):
    list_display = ("device", "granted_by", "granted_at", "expires_at", "ended_at")
    list_select_related = ("device", "granted_by")
    ordering = ("-id",)
