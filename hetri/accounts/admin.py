"""People and their sessions in the admin."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from hetri.accounts.models import User, UserSession
from hetri.core.admin import HistoryAdmin
from hetri.core.models import RateCount


@admin.register(User)
class UserAdmin(admin.ModelAdmin[User]):
    list_display = ("email", "name", "role", "is_active", "created_at")
    list_filter = ("role", "is_active")
    search_fields = ("email", "name")
    fields = ("email", "name", "role", "is_active", "groups", "created_at")
    readonly_fields = ("email", "created_at")
    show_full_result_count = False

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        obj.is_superuser = obj.role == "admin"
        super().save_model(request, obj, form, change)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(UserSession)
class UserSessionAdmin(HistoryAdmin):
    list_display = ("user", "kind", "created_at", "expires_at", "ended_at", "ip")
    list_filter = ("kind",)
    fields = ("user", "kind", "created_at", "expires_at", "ended_at", "ip", "user_agent")
    list_select_related = ("user",)


@admin.register(RateCount)
class RateCountAdmin(HistoryAdmin):
    """Who is near a limit; the subject is a digest."""

    list_display = ("key", "count", "window_start")
    ordering = ("-window_start",)
