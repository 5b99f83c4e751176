"""Login, home, one collar. `?part=live` answers only the part of a page that changes: scripts put it in place."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from devices.models import Device, TreatEvent
from devices.services.treats import send_treat
from hetri.accounts.models import User
from hetri.core.errors import ApiError
from hetri.core.times import now
from hetri.pages import figures, presenters, strip
from hetri.pages.figures import Day
from hetri.pages.forms import LoginForm, TreatForm
from hetri.pages.presenters import Face, LedgerRow
from hetri.pages.treat_panel import Order, Panel, treat_panel

LEDGER_SHOWN = 5
TODAY_SHOWN = 12
SAID_BY_PANEL = frozenset({"offline", "too_soon", "budget_spent", "retired"})  # the panel has a sentence for these


class Login(LoginView):
    """E-mail and password; `next` is followed only within this site."""

    template_name = "pages/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True


class Logout(LogoutView):
    """By POST only."""

    next_page = "login"


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):  # login_required comes first
        raise Http404
    return request.user


def _device(request: HttpRequest, device_id: UUID) -> Device:
    devices = Device.objects.visible_to(_user(request)).select_related("pet", "owner")
    device = devices.filter(pk=device_id).first()
    if device is None:
        raise Http404
    return device


@dataclass(frozen=True)
class Card:
    """A collar on the home page."""

    face: Face
    day: Day
    strip: strip.Strip
    panel: Panel
    key: str

    @property
    def last(self) -> LedgerRow | None:
        """The newest treat, in words."""
        if self.day.newest is None or self.face.device.owner is None:
            return None
        return presenters.ledger_row(self.day.newest, self.face.device.owner, self.face.zone)

    @property
    def note(self) -> str:
        """What is the matter with a collar that is away."""
        return presenters.offline_note(self.face)


def _panel(face: Face, day: Day, viewer: User, at: datetime) -> Panel:
    per_day = face.device.pet.treats_per_day if face.device.pet else None
    mine = day.newest is not None and day.newest.triggered_by_id == viewer.pk
    return treat_panel(face, Order(event=day.newest, left=day.left, per_day=per_day, mine=mine, at=at))


def _card(face: Face, day: Day, viewer: User, at: datetime) -> Card:
    drawn = strip.draw(day.span, face.zone, day.buckets, day.treats)
    return Card(face=face, day=day, strip=drawn, panel=_panel(face, day, viewer, at), key=uuid4().hex)


def _today(cards: list[Card], viewer: User) -> list[LedgerRow]:
    """The day of all collars in one list, newest first."""
    pairs = [(event, card.face) for card in cards for event in card.day.treats]
    pairs.sort(key=lambda pair: (pair[0].event_time, pair[0].pk), reverse=True)
    return [presenters.ledger_row(event, viewer, face.zone, face.name) for event, face in pairs[:TODAY_SHOWN]]


def _part(request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    live = request.GET.get("part") == "live"
    return render(request, f"pages/_{name}.html" if live else f"pages/{name}.html", context)


@require_safe
@never_cache
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The owner's collars, and what needs them first."""
    user, at = _user(request), now()
    devices = Device.objects.in_use().filter(owner=user).select_related("pet", "owner").order_by("pk")
    faces = [presenters.face_of(device) for device in devices]
    days = figures.days_of(faces, at)
    cards = [_card(face, days[face.device.pk], user, at) for face in faces]
    urgent, fine = presenters.home_sentence(faces)
    context = {"cards": cards, "urgent": urgent, "fine": fine, "today": _today(cards, user), "tab": "page"}
    return _part(request, "home", context)


@require_safe
@never_cache
@login_required
def collar(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """One collar: how it is, its treats, its last 24 hours."""
    user, at = _user(request), now()
    device = _device(request, device_id)
    face = presenters.face_of(device)
    day = figures.days_of([face], at)[device.pk]
    span, buckets = figures.last_24_h(face, at)
    context = {
        "face": face,
        "day": day,
        "panel": _panel(face, day, user, at),
        "hours": strip.hours(span, face.zone, buckets),
        "known_from": figures.silent_from(device, at),
        "ledger": [presenters.ledger_row(event, user, face.zone) for event in figures.ledger(device, LEDGER_SHOWN)],
        "facts": presenters.facts(device),
        "key": uuid4().hex,
        "tab": "true",  # within Home, and not Home itself
    }
    return _part(request, "collar", context)


@require_POST
@login_required
def collar_treat(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Order a treat without JavaScript; the panel and the ledger show what comes of it."""
    device = _device(request, device_id)
    if not device.operable_by(_user(request)):
        raise PermissionDenied
    form = TreatForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("A treat has 1 to 5 portions."))
        return redirect("collar", device_id)
    user = _user(request)
    source = TreatEvent.Source.STAFF if user.is_staff else TreatEvent.Source.OWNER
    try:
        send_treat(device=device, by=user, source=source, **form.cleaned_data)
    except ApiError as refused:
        if refused.code not in SAID_BY_PANEL:
            messages.error(request, refused.detail)
    return redirect("collar", device_id)
