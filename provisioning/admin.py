"""Batches of collars in the admin: ordered, watched, stopped, and their secrets shown once."""

from base64 import b64encode
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from accounts.admin_access import person
from accounts.models import User
from accounts.roles import OPERATE, may
from core.admin import BOM, HistoryAdmin, as_keys, csv_line
from core.errors import ApiError, Invalid
from core.redaction import masked
from core.times import now
from provisioning.forms import BatchForm
from provisioning.models import Batch
from provisioning.services import batches
from provisioning.services.batches import Entry

COLUMNS = ("label", "id", "name", "host", "port", "username", "password", "client_id", "claim_code")
LABELS_A_SHEET = 24  # 70 x 37 mm, 3 by 8 on A4 (Avery Zweckform 3474 and its like)


@admin.register(Batch)
class BatchAdmin(HistoryAdmin):
    """The history of batches, and a batch's page, which reads itself again while the batch runs."""

    list_display = ("batch", "name", "made", "size", "state", "ordered_by", "created_at", "secrets")
    list_display_links = ("batch",)
    list_filter = ("state",)
    list_select_related = ("made_by", "shown_to")
    search_fields = ("name",)
    search_help_text = "A batch (B12), or a part of its collars' name"
    actions_list = ("begin",)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Named by the button's `permissions`."""
        return isinstance(request.user, User) and may(request.user, OPERATE)

    def get_urls(self) -> list[URLPattern]:
        """The acts on a batch."""
        view = self.admin_site.admin_view
        return [
            path("<uuid:key>/stop/", view(self.stop), name="provisioning_batch_stop"),
            path("<uuid:key>/retire/", view(self.retire), name="provisioning_batch_retire"),
            path("<uuid:key>/show/", view(self.show), name="provisioning_batch_show"),
            *super().get_urls(),
        ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Batch], search_term: str
    ) -> tuple[QuerySet[Batch], bool]:
        """By number, or by name."""
        term = search_term.strip()
        number = term.upper().removeprefix("B").partition("-")[0]
        if number.isdecimal() and len(number) < 10:
            return queryset.filter(number=int(number)), False
        return (queryset.filter(name__icontains=term) if term else queryset), False

    @admin.display(description="batch")
    def batch(self, batch: Batch) -> str:
        """What its labels begin with."""
        return str(batch)

    @admin.display(description="ordered by")
    def ordered_by(self, batch: Batch) -> str:
        """Who, masked."""
        return masked(batch.made_by.email) if batch.made_by else "nobody"

    @admin.display(description="secrets")
    def secrets(self, batch: Batch) -> str:
        """Whether they can still be shown."""
        return batches.secrets_of(batch, now())

    @action(description="Provision a batch", url_path="provision", permissions=["operate"])  # type: ignore[untyped-decorator]
    def begin(self, request: HttpRequest) -> HttpResponse:
        """GET asks how many, POST orders them and leads to the batch."""
        user = person(request, OPERATE)
        form = BatchForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            given = form.cleaned_data
            batch = batches.order_batch(key=given["key"], name=given["name"], size=given["size"], by=user)
            return redirect("admin:provisioning_batch_change", batch.pk)
        return self._answer(request, "batch_new", {"title": "Provision a batch", "form": form})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """How far it is."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self._page(request, self._find(as_keys(object_id)))

    def stop(self, request: HttpRequest, key: UUID) -> HttpResponse:
        """POST makes no more collars of it."""
        person(request, OPERATE)
        batch = self._find([key])
        if request.method == "POST":
            try:
                batches.stop_batch(batch=batch)
            except ApiError as refused:
                return self._page(request, batch, refused)
        return redirect("admin:provisioning_batch_change", key)

    def retire(self, request: HttpRequest, key: UUID) -> HttpResponse:
        """POST retires what nobody has claimed of it, when `sure` is the batch's number."""
        person(request, OPERATE)
        batch = self._find([key])
        if request.method == "POST":
            try:
                if request.POST.get("sure", "").strip().upper() != str(batch):
                    raise Invalid({}, format_lazy(_("Type {batch} to be sure."), batch=batch))
                ended = batches.retire_unclaimed(batch=batch)
            except ApiError as refused:
                return self._page(request, batch, refused)
            messages.success(request, f"{ended} retired.")
        return redirect("admin:provisioning_batch_change", key)

    def show(self, request: HttpRequest, key: UUID) -> HttpResponse:
        """POST answers with the batch's secrets, this once."""
        user = person(request, OPERATE)
        batch = self._find([key])
        if request.method != "POST":
            return redirect("admin:provisioning_batch_change", key)
        try:
            entries = batches.reveal(batch=batch, by=user)
        except ApiError as refused:
            return self._page(request, batch, refused)
        context = {"title": f"Batch {batch}, shown once", "batch": batch, "csv": _csv(entries)}
        host = urlsplit(settings.PUBLIC_URL).netloc
        sheets = [entries[first : first + LABELS_A_SHEET] for first in range(0, len(entries), LABELS_A_SHEET)]
        return self._answer(request, "batch_secrets", {**context, "sheets": sheets, "host": host})

    def _find(self, keys: list[UUID]) -> Batch:
        batch = Batch.objects.select_related("made_by", "shown_to").filter(pk__in=keys).first()
        if batch is None:
            raise Http404
        return batch

    def _page(self, request: HttpRequest, batch: Batch, refused: ApiError | None = None) -> HttpResponse:
        at = now()
        context = {
            "title": f"Batch {batch}",
            "batch": batch,
            "by": self.ordered_by(batch),
            "stalled": batches.is_stalled(batch, at),
            "secrets": batches.secrets_of(batch, at),
            "shown_to": masked(batch.shown_to.email) if batch.shown_to else "nobody",
            "until": batch.ended_at and batch.ended_at + batches.SHOWN_WITHIN,
            "unclaimed": 0 if batch.state == Batch.State.RUNNING else batches.unclaimed(batch).count(),
            "may_operate": self.has_operate_permission(request),
            "refused": refused,
        }
        return self._answer(request, "batch", context, refused.status if refused else 200)

    def _answer(self, request: HttpRequest, name: str, context: dict[str, object], status: int = 200) -> HttpResponse:
        whole = {**self.admin_site.each_context(request), **context}
        return TemplateResponse(request, f"provisioning/{name}.html", whole, status=status)


def _csv(entries: list[Entry]) -> str:
    """The file as a data: URL: it is asked for nowhere, so it can be had from this answer only."""
    lines = [BOM + csv_line(COLUMNS)]
    broker = (settings.MQTT_PUBLIC_HOST, settings.MQTT_PUBLIC_PORT)
    for entry in entries:
        identity = (entry.id, entry.password, entry.id, entry.claim_code)
        lines.append(csv_line((entry.label, entry.id, entry.name, *broker, *identity)))
    return f"data:text/csv;charset=utf-8;base64,{b64encode(''.join(lines).encode()).decode()}"
