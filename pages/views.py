"""Home, one collar. `?part=live` answers only the part of a page that changes: scripts put it in place."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from core.errors import ApiError
from core.times import now
from devices.models import Device
from devices.selectors import windows_of, windows_of_each
from pages import day_chart, day_stats, presenters, timeline, viewers
from pages.day_stats import Day
from pages.forms import TreatForm
from pages.lookups import device_for, device_to_act_on
from pages.presenters import Face, LedgerRow
from pages.treat_panel import Order, Panel, treat_panel
from pages.viewer import viewer
from streaming.services import streams, viewings
from treats.const import TREAT_HEADER
from treats.models import TreatEvent
from treats.services.ledger import send_treat

LEDGER_SHOWN = 5
VIEWERS_SHOWN, VIEWERS_READ = 3, 20  # several of them may be one sitting
LEDGER_PAGE = 50
CARDS_SHOWN = 6  # above that they are rows, with a search
SAID_BY_PANEL = frozenset({"offline", "too_soon", "budget_spent", "retired"})  # the panel has a sentence for these


@require_safe
def signed_in(request: HttpRequest) -> HttpResponse:
    """Asked by nginx before it takes a large body: 204, or 401."""
    return HttpResponse(status=204 if request.user.is_authenticated else 401)


@dataclass(frozen=True)
class Card:
    """A collar on the home page."""

    face: Face
    day: Day
    strip: day_chart.Strip
    panel: Panel
    key: str

    @property
    def last(self) -> LedgerRow | None:
        """The newest treat, in words."""
        if self.day.newest is None or self.face.device.owner is None:
            return None
        return presenters.ledger_row(self.day.newest, self.face.device.owner, self.face.zone)

    @property
    def trouble(self) -> SafeString | str:
        """What a treat that has just come to nothing asks for; nothing after a few minutes."""
        return self.panel.sentence if self.panel.bad or self.panel.state == "expired" else ""

    @property
    def note(self) -> str:
        """What is the matter with a collar that is away."""
        return presenters.offline_note(self.face)


def _panel(face: Face, day: Day, viewer: User, at: datetime) -> Panel:
    per_day = face.device.pet.treats_per_day if face.device.pet else None
    mine = day.newest is not None and day.newest.triggered_by_id == viewer.pk
    return treat_panel(face, Order(event=day.newest, left=day.left, per_day=per_day, mine=mine, at=at))


def _card(face: Face, day: Day, viewer: User, at: datetime) -> Card:
    drawn = day_chart.draw(day.span, face.zone, day.buckets, day.treats)
    return Card(face=face, day=day, strip=drawn, panel=_panel(face, day, viewer, at), key=uuid4().hex)


def _part(request: HttpRequest, name: str, context: dict[str, object]) -> HttpResponse:
    live = request.GET.get("part") == "live"
    return render(request, f"pages/_{name}.html" if live else f"pages/{name}.html", context)


@require_safe
@never_cache
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The owner's collars, and what needs them first."""
    user, at = viewer(request), now()
    devices = Device.objects.in_use().filter(owner=user).select_related("pet", "owner").order_by("pk")
    windows = windows_of_each(user, devices)
    faces = [presenters.face_of(device, windows[device.pk]) for device in devices]
    days = day_stats.days_of(faces, at)
    wanted = request.GET.get("q", "").strip()[:80] if len(faces) > CARDS_SHOWN else ""
    cards = [_card(face, days[face.device.pk], user, at) for face in faces]
    troubles = {card.face.device.pk: card.day.newest for card in cards if card.trouble and card.day.newest}
    urgent, fine = presenters.home_sentence(faces, troubles)
    context = {
        "cards": [card for card in cards if card.face.matches(wanted)],
        "any": bool(faces),
        "many": len(faces) > CARDS_SHOWN,
        "wanted": wanted,
        "urgent": urgent,
        "fine": fine,
        "today": timeline.today(faces, days, user),
        "tab": "home",
    }
    return _part(request, "home", context)


@require_safe
@never_cache
@login_required
def collar(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """One collar: how it is, its treats, its last 24 hours."""
    user, at = viewer(request), now()
    device = device_for(request, device_id)
    face = presenters.face_of(device, windows_of(user, device))
    day = day_stats.days_of([face], at)[device.pk]
    wanted = request.GET.get("range", "")
    wanted = wanted if wanted in day_stats.RANGES else "24h"
    seen = viewings.list_viewings(device, user)
    rows = day_stats.table(face, at, wanted)
    context = {
        "face": face,
        "day": day,
        "panel": _panel(face, day, user, at),
        "range": wanted,
        "ranges": [("24h", _("24 h")), ("7d", _("7 d")), ("30d", _("30 d"))],
        "hours": rows,
        "headline": day_stats.headline(day, rows, wanted),
        "known_from": day_stats.silent_from(device, at),
        "ledger": [presenters.ledger_row(event, user, face.zone) for event in day_stats.ledger(face, LEDGER_SHOWN)],
        "more": day_stats.more_than_yesterday(face, day, at) if wanted == "24h" else "",
        "late": day_stats.late(face, day),
        "viewers": viewers.viewer_rows(seen.order_by("-pk")[:VIEWERS_READ], user)[:VIEWERS_SHOWN],
        "watching": viewers.watching_now(seen.filter(ended_at=None).order_by("pk"), user),
        "facts": presenters.facts(device),
        "camera": presenters.camera_of(face, is_on=streams.open_stream(device) is not None),
        "linger_s": settings.STREAM_LINGER_S,
        "key": uuid4().hex,
        "tab": "home",
    }
    return _part(request, "collar", context)


@require_safe
@never_cache
@login_required
def treat_list(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """The whole ledger, a page at a time."""
    user, device = viewer(request), device_for(request, device_id)
    face = presenters.face_of(device, windows_of(user, device))
    events = day_stats.ledger(face, LEDGER_PAGE + 1, _before(request))
    rows = [presenters.ledger_row(event, user, face.zone) for event in events[:LEDGER_PAGE]]
    older = events[LEDGER_PAGE - 1].pk if len(events) > LEDGER_PAGE else None
    return render(request, "collars/treats.html", {"face": face, "rows": rows, "older": older, "tab": "home"})


@require_safe
@never_cache
@login_required
def viewer_list(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Everybody who watched, a page at a time."""
    user, device = viewer(request), device_for(request, device_id)
    found = viewings.list_viewings(device, user).order_by("-pk")
    before = _before(request)
    seen = list((found.filter(pk__lt=before) if before else found)[: LEDGER_PAGE + 1])
    context = {
        "face": presenters.face_of(device),
        "viewers": viewers.viewer_rows(seen[:LEDGER_PAGE], user),
        "older": seen[LEDGER_PAGE - 1].pk if len(seen) > LEDGER_PAGE else None,
        "tab": "home",
    }
    return render(request, "collars/viewers.html", context)


def _before(request: HttpRequest) -> UUID | None:
    try:
        return UUID(request.GET["before"])
    except (KeyError, ValueError):
        return None


@require_POST
@login_required
def collar_treat(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Order a treat without JavaScript; the panel and the ledger show what comes of it."""
    device = device_to_act_on(request, device_id)
    form = TreatForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("A treat has 1 to 5 portions."))
        return redirect("collar", device_id)
    user = viewer(request)
    source = TreatEvent.Source.STAFF if user.is_staff else TreatEvent.Source.OWNER
    answer = redirect("collar", device_id)
    try:
        answer[TREAT_HEADER] = str(send_treat(device=device, by=user, source=source, **form.cleaned_data).pk)
    except ApiError as refused:
        if refused.code not in SAID_BY_PANEL:
            messages.error(request, refused.detail)
    return answer
