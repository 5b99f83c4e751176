"""Releases and update jobs in the admin."""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.roles import RELEASE, may
from core.admin import HistoryAdmin, SinceFilter
from core.errors import ApiError
from core.times import now
from devices.admin import OfDeviceAdmin
from devices.models import Device
from firmware.models import Release, UpdateJob, UpdateJobQuerySet
from firmware.services import rollouts


class _Act:
    """One admin action: tried on every chosen release, with a line on what became of it.

    With `ends`, what it does to collars, it asks first.
    """

    allowed_permissions = ("release",)
    do_not_call_in_templates = True

    def __init__(self, name: str, label: str, ends: str = "", percent: int = 0) -> None:
        self.name = self.__name__ = f"{name}_{percent}" if percent else name
        self.label, self.ends = label, ends
        self.short_description = label.replace("%", "%%")  # Django formats it
        self._run, self._percent = rollouts.ACTS[name], percent

    def __call__(self, model_admin: Any, request: HttpRequest, chosen: QuerySet[Release]) -> HttpResponse | None:
        if self.ends and "sure" not in request.POST:
            told = {"title": self.label, "act": self, "releases": chosen}
            context = {**model_admin.admin_site.each_context(request), **told}
            return TemplateResponse(request, "staff/release_act.html", context)
        for release in chosen:
            try:
                offered = self._run(release, self._percent)
            except ApiError as refused:
                messages.error(request, f"{release}: {refused.detail}")
            else:
                reached = "" if offered is None else f" Offered to {offered} more collars; who is busy or away follows."
                messages.success(request, f"{release}: done.{reached}")
        return None


SHARES = {"10 %": 10, "50 %": 50, "all": 100}
INSTALL = (
    "Collars install it and start anew once they are at rest. What is installed goes away with a newer release only."
)
END = "Collars that have not installed it get it no more. It cannot be published again."
ACTS = (
    _Act("publish", "Publish"),
    *(_Act("roll_out", f"Roll out to {share}", INSTALL, percent) for share, percent in SHARES.items()),
    _Act("retry", "Try again where it failed", INSTALL),
    _Act("pause", "Pause"),
    _Act("resume", "Resume"),
    _Act("withdraw", "Withdraw", END),
)


@admin.register(Release)
class ReleaseAdmin(HistoryAdmin):
    list_display = ("version", "board", "state", "percent", "held", "created_at", "published_at")
    list_filter = ("state", "board")
    search_fields = ("version",)
    search_help_text = "A part of the version"
    fields = (*list_display, "other_boards", "fail_percent", "notes", "size", "withdrawn_at")
    actions = ACTS

    @admin.display(description="rollout")
    def held(self, release: Release) -> str:
        """Whether it goes on."""
        return "paused" if release.paused else ""

    @admin.display(description="collars of other boards")
    def other_boards(self, release: Release) -> int:
        """Those that it is not for; one that never said its board counts as the release's."""
        return Device.objects.in_use().exclude(board__in=(release.board, "")).count()

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
