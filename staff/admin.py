"""What the top room adds to the admin: one collar on one screen, actions, personal data with a reason, the trail."""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID, uuid4

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action as page_action

from accounts.admin import UserAdmin
from accounts.admin_access import person
from accounts.helping import HELPS
from accounts.models import User
from accounts.roles import MANAGE_PEOPLE, OPERATE, REVEAL, may
from core.admin import HistoryAdmin, as_keys, one_of
from core.errors import ApiError
from core.idempotency import is_first_time
from core.redaction import masked
from devices.admin import DeviceAdmin
from devices.models import Device
from firmware.models import Release
from provisioning.views import provision_page
from staff.actions import ACTIONS, MOST, act
from staff.device_page import screen
from staff.models import DOORS, SUBJECTS, VERBS, AuditLine, FleetHour
from staff.personal_data import REASON_LEAST, REASON_MOST, help_person, reveal


def pairs(values: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Values that are their own words."""
    return ((value, value) for value in values)


@admin.register(Device)
class DeviceScreenAdmin(DeviceAdmin):
    """The list of collars with actions, and a collar's screen."""

    actions_list = ("provision",)

    @page_action(description="Provision a collar", url_path="provision", permissions=["operate"])  # type: ignore[untyped-decorator]
    def provision(self, request: HttpRequest) -> HttpResponse:
        """One collar, by the button above the list."""
        return provision_page(request, self.admin_site)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Named by the actions' `permissions`."""
        return isinstance(request.user, User) and may(request.user, OPERATE)

    def get_actions(self, request: HttpRequest) -> dict[str, object]:
        """Those of everybody, and an entry for each of ours that leads to the page that asks."""
        shown: dict[str, object] = super().get_actions(request)
        if self.has_operate_permission(request):
            shown |= {f"ask_{name}": (_ask, f"ask_{name}", action.label) for name, action in ACTIONS.items()}
        return shown

    def get_urls(self) -> list[URLPattern]:
        """The page that asks and acts."""
        view = self.admin_site.admin_view(self.act)
        return [path("act/<slug:name>/", view, name="devices_device_act"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Everything about one collar."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        devices = Device.objects.select_related("owner", "pet").filter(pk__in=as_keys(object_id))
        device = devices.first()
        if device is None:
            raise Http404
        buttons = ACTIONS.values() if self.has_operate_permission(request) else []
        context = {**self.admin_site.each_context(request), **screen(device), "title": device.name, "actions": buttons}
        return TemplateResponse(request, "staff/device.html", context)

    def act(self, request: HttpRequest, name: str) -> HttpResponse:
        """GET asks, POST acts and says what became of each collar. Passwords are shown on that answer only."""
        user = person(request, OPERATE)
        action = ACTIONS.get(name)
        chosen = request.POST if request.method == "POST" else request.GET
        keys = [key for text in chosen.getlist("id") for key in as_keys(text)][:MOST]
        devices = list(Device.objects.select_related("owner", "pet").filter(pk__in=keys).order_by("-pk"))
        if action is None or not devices:
            raise Http404
        key = request.POST.get("key", "")[:200]
        if request.method == "POST" and key and not is_first_time(user.pk, request.path, key):
            messages.error(request, "This was done already, and what came of it was shown then.")
            return redirect("admin:devices_device_changelist")
        lines = act(action, devices, user) if request.method == "POST" else None
        context = {"title": action.label, "action": action, "devices": devices, "lines": lines, "key": uuid4()}
        return TemplateResponse(request, "staff/act.html", {**self.admin_site.each_context(request), **context})


def _ask(model_admin: Any, request: HttpRequest, queryset: QuerySet[Device]) -> HttpResponse:
    """To the page that asks, with the chosen collars."""
    keys = list(queryset.values_list("pk", flat=True)[: MOST + 1])
    if len(keys) > MOST:
        messages.error(request, f"An action takes {MOST} collars at a time.")
        return redirect("admin:devices_device_changelist")
    query = QueryDict(mutable=True)
    query.setlist("id", [str(key) for key in keys])
    name = request.POST["action"].removeprefix("ask_")
    return redirect(f"{reverse('admin:devices_device_act', args=[name])}?{query.urlencode()}")


def _button(name: str, label: str, permission: str) -> Any:
    """A button on a person's page that leads to the page that asks why."""

    def lead(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect("admin:accounts_user_help", object_id, name)

    lead.__name__ = f"ask_{name}"
    allowed = "manage" if permission == MANAGE_PEOPLE else "help"
    return page_action(description=label, url_path=f"ask-{name.replace('_', '-')}", permissions=[allowed])(lead)


@admin.register(User)
class PersonAdmin(UserAdmin):
    """People, who are helped, and whose personal data is shown, by who says why."""

    actions_detail = tuple(f"ask_{name}" for name in HELPS)
    ask_end_sessions, ask_send_reset, ask_confirm_address, ask_drop_second_factor = (
        _button(name, one.label, one.permission) for name, one in HELPS.items()
    )

    def has_help_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        """Named by the buttons' `permissions`."""
        return isinstance(request.user, User) and may(request.user, REVEAL)

    def has_manage_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        """As above."""
        return isinstance(request.user, User) and may(request.user, MANAGE_PEOPLE)

    def get_urls(self) -> list[URLPattern]:
        """The pages that ask for the reason."""
        pages = (("reveal/", self.reveal, "reveal"), ("help/<slug:name>/", self.help, "help"))
        urls = [
            path(f"<uuid:user_id>/{place}", self.admin_site.admin_view(view), name=f"accounts_user_{name}")
            for place, view, name in pages
        ]
        return [*urls, *super().get_urls()]

    def help(self, request: HttpRequest, user_id: UUID, name: str) -> HttpResponseBase:
        """GET asks for a reason; POST records it and does it."""
        wanted = HELPS.get(name)
        if wanted is None or not User.objects.filter(pk=user_id).exists():
            raise Http404
        by = person(request, wanted.permission)
        context: dict[str, object] = {"title": wanted.label, "least": REASON_LEAST, "subject_id": user_id}
        if request.method == "POST":
            try:
                messages.success(request, help_person(user_id=user_id, name=name, by=by, reason=_reason(request)))
                return redirect("admin:accounts_user_change", user_id)
            except ApiError as refused:
                context["error"] = str(refused)
        return TemplateResponse(request, "staff/help.html", {**self.admin_site.each_context(request), **context})

    def reveal(self, request: HttpRequest, user_id: UUID) -> HttpResponseBase:
        """GET asks for a reason; POST records it and shows the data once."""
        by = person(request, REVEAL)
        context: dict[str, object] = {"title": "Personal data", "subject_id": user_id, "least": REASON_LEAST}
        if request.method == "POST":
            try:
                context["person"] = reveal(user_id=user_id, by=by, reason=_reason(request))
            except ApiError as refused:
                context["error"] = str(refused)
        elif not User.objects.filter(pk=user_id).exists():
            raise Http404
        return TemplateResponse(request, "staff/reveal.html", {**self.admin_site.each_context(request), **context})


def _reason(request: HttpRequest) -> str:
    """What was written down. Raises ApiError when that says too little, or too much."""
    reason = request.POST.get("reason", "").strip()
    if not (REASON_LEAST <= len(reason) <= REASON_MOST and reason.isprintable()):
        words = _("Write a reason of {least} to {most} characters.")
        raise ApiError(format_lazy(words, least=REASON_LEAST, most=REASON_MOST))
    return reason


SUBJECT_PAGES = {"device": "devices_device", "user": "accounts_user", "pet": "pets_pet", "release": "firmware_release"}


@admin.register(AuditLine)
class AuditLineAdmin(HistoryAdmin):
    """Searched by who, by what, or by request."""

    list_display = ("at", "who", "door", "action", "what", "changes", "reason", "request_id")
    export_fields = ("at", "actor_id", "door", "action", "subject", "subject_id", "changes", "reason", "request_id")
    list_filter = (one_of("door", *pairs(DOORS)), one_of("action", *pairs(VERBS)), one_of("subject", *pairs(SUBJECTS)))
    search_fields = ("request_id",)
    search_help_text = "The id or whole e-mail of a person, the id of a collar or a pet, or a request id"
    fields = export_fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditLine]:
        """With what ids stand for, as far as it is still there."""
        people = User.objects.filter(pk=OuterRef("actor_id")).values("email")
        releases = Release.objects.filter(pk=OuterRef("subject_id")).values("version")
        lines: QuerySet[AuditLine] = super().get_queryset(request)
        return lines.annotate(actor_email=Subquery(people[:1]), release_version=Subquery(releases[:1]))

    @admin.display(description="who")
    def who(self, line: Any) -> str:
        """Masked, leading to their page; the id of who is gone."""
        if line.actor_email is None:
            return str(line.actor_id or "")
        place = reverse("admin:accounts_user_change", args=[line.actor_id])
        return format_html('<a href="{}">{}</a>', place, masked(line.actor_email))

    @admin.display(description="what")
    def what(self, line: Any) -> str:
        """Its kind and its id, leading to its page where it has one; a release by its version."""
        name = f"{line.subject} {line.release_version or str(line.subject_id)[-8:]}"
        page = SUBJECT_PAGES.get(line.subject)
        if page is None:
            return name
        place = reverse(f"admin:{page}_change", args=[line.subject_id])
        return format_html('<a href="{}" title="{}">{}</a>', place, line.subject_id, name)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditLine], search_term: str
    ) -> tuple[QuerySet[AuditLine], bool]:
        """Whole ids only, each by its index."""
        term = search_term.strip()
        found = Q(request_id=term)
        person = User.objects.filter(email=term.lower()).values_list("pk", flat=True) if "@" in term else ()
        for key in (*as_keys(term), *person):
            found |= Q(subject_id=key) | Q(actor_id=key) | Q(device_id=key)
        return (queryset.filter(found) if term else queryset), False


@admin.register(FleetHour)
class FleetHourAdmin(HistoryAdmin):
    """What the dashboard draws."""

    list_display = ("start", "samples", "treats", "rejected", "lag_ms")
