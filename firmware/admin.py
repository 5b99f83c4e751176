"""Releases and update jobs in the admin."""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from devices.admin import OfDeviceAdmin
from firmware.models import Release, UpdateJob, UpdateJobQuerySet
from firmware.services import rollouts
from hetri.accounts.roles import RELEASE, may
from hetri.core.admin import HistoryAdmin, SinceFilter
from hetri.core.errors import ApiError
from hetri.core.times import now


class _Act:
    """One admin action: tried on every chosen release, with a line on what became of it."""

    allowed_permissions = ("release",)

    def __init__(self, name: str, label: str, percent: int = 0) -> None:
        self.__name__ = f"{name}_{percent}" if percent else name
        self.short_description = label
        self._run, self._percent = rollouts.ACTS[name], percent

    def __call__(self, model_admin: Any, request: HttpRequest, chosen: QuerySet[Release]) -> None:
        for release in chosen:
            try:
                self._run(release, self._percent)
            except ApiError as refused:
                messages.error(request, f"{release}: {refused.detail}")
            else:
                messages.success(request, f"{release}: done.")


ACTS = (
    _Act("publish", "Publish"),
    _Act("roll_out", "Roll out to 10 %%", 10),  # Django formats it
    _Act("roll_out", "Roll out to 50 %%", 50),
    _Act("roll_out", "Roll out to all", 100),
    _Act("pause", "Pause"),
    _Act("resume", "Resume"),
    _Act("withdraw", "Withdraw"),
)


@admin.register(Release)
class ReleaseAdmin(HistoryAdmin):
    list_display = ("version", "board", "state", "percent", "held", "created_at", "published_at")
    list_filter = ("state", "board")
    search_fields = ("version",)
    search_help_text = "A part of the version"
    fields = (*list_display, "fail_percent", "notes", "size", "withdrawn_at")
    actions = ACTS

    @admin.display(description="rollout")
    def held(self, release: Release) -> str:
        """Whether it goes on."""
        return "paused" if release.paused else ""

    def has_release_permission(self, request: HttpRequest) -> bool:
        """Named by the actions' `allowed_permissions`."""
        return may(request.user, RELEASE)  # type: ignore[arg-type]


class ProgressFilter(admin.SimpleListFilter):
    """What the dashboard counts."""

    title = "progress"
    parameter_name = "progress"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("running", "on its way"), ("failed", "failed in the last 24 hours")]

    def queryset(self, request: HttpRequest, queryset: UpdateJobQuerySet) -> UpdateJobQuerySet:  # type: ignore[override]
        """Everything, unless one is chosen."""
        match self.value():
            case "running":
                return queryset.running()
            case "failed":
                return queryset.failed_since(now() - timedelta(hours=24))
        return queryset


@admin.register(UpdateJob)
class UpdateJobAdmin(OfDeviceAdmin):
    list_display = ("created_at", "device", "release", "state", "reason", "ended_at")
    list_filter = (ProgressFilter, "state", SinceFilter)
    fields = (*list_display, "offered_at", "downloading_at", "installed_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[UpdateJob]:
        return UpdateJob.objects.with_release().select_related("device")
