"""Releases and update jobs in the admin."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from firmware.models import Release, UpdateJob
from firmware.services import rollouts
from hetri.accounts.roles import OPERATE, may
from hetri.core.admin import HistoryAdmin
from hetri.core.errors import ApiError


class _Act:
    """One admin action: tried on every chosen release, with a line on what became of it."""

    def __init__(self, name: str, label: str, run: Any) -> None:
        self.__name__, self.short_description, self._run = name, label, run
        self.allowed_permissions = ("operate",)

    def __call__(self, model_admin: Any, request: HttpRequest, chosen: QuerySet[Release]) -> None:
        for release in chosen:
            try:
                self._run(release)
            except ApiError as refused:
                messages.error(request, f"{release}: {refused.detail}")
            else:
                messages.success(request, f"{release}: done.")


ACTS = (
    _Act("publish", "Publish", lambda release: rollouts.publish(release=release)),
    _Act("roll_out_10", "Roll out to 10 %", lambda release: rollouts.roll_out(release=release, percent=10)),
    _Act("roll_out_50", "Roll out to 50 %", lambda release: rollouts.roll_out(release=release, percent=50)),
    _Act("roll_out_100", "Roll out to all", lambda release: rollouts.roll_out(release=release, percent=100)),
    _Act("pause", "Pause", lambda release: rollouts.pause(release=release)),
    _Act("resume", "Resume", lambda release: rollouts.resume(release=release)),
    _Act("withdraw", "Withdraw", lambda release: rollouts.withdraw(release=release)),
)


@admin.register(Release)
class ReleaseAdmin(HistoryAdmin):
    list_display = ("version", "board", "state", "percent", "paused", "created_at", "published_at")
    list_filter = ("state", "board")
    fields = (*list_display, "fail_percent", "notes", "size", "withdrawn_at")
    actions = ACTS

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Who may act on releases."""
        return may(request.user, OPERATE)  # type: ignore[arg-type]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Release]:
        found: QuerySet[Release] = super().get_queryset(request)
        return found.defer("program", "manifest", "signature")


@admin.register(UpdateJob)
class UpdateJobAdmin(HistoryAdmin):
    list_display = ("created_at", "device", "release", "state", "reason", "ended_at")
    list_filter = ("state",)
    fields = (*list_display, "offered_at", "downloading_at", "installed_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[UpdateJob]:
        found: QuerySet[UpdateJob] = super().get_queryset(request)
        return found.select_related("device", "release").defer("release__program", "release__manifest")
