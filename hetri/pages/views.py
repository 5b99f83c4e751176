"""Login, home, one collar."""

from uuid import UUID, uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView, LogoutView
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from devices.models import Device, TreatEvent
from devices.services.treats import send_treat
from hetri.accounts.models import User
from hetri.core.errors import ApiError
from hetri.pages.figures import card_with_day
from hetri.pages.forms import LoginForm, TreatForm
from hetri.pages.presenters import home_sentence, treat_sentence
from hetri.pages.templatetags.ui import PATHS

LEDGER_SHOWN = 5


class Login(LoginView):
    template_name = "pages/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True


class Logout(LogoutView):
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


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The owner's collars, and what needs them first."""
    devices = Device.objects.in_use().filter(owner=_user(request)).select_related("pet").order_by("pk")
    cards = [card_with_day(device) for device in devices]
    urgent, fine = home_sentence(cards)
    return render(request, "pages/home.html", {"cards": cards, "urgent": urgent, "fine": fine, "tab": "home"})


@require_safe
@login_required
def collar(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """One collar: how it is, its treats, its last 24 hours."""
    device = _device(request, device_id)
    card = card_with_day(device)
    ledger = TreatEvent.objects.filter(device=device).order_by("-pk")
    if device.owned_since:
        ledger = ledger.filter(event_time__gte=device.owned_since)
    context = {
        "card": card,
        "device": device,
        "treats": ledger[:LEDGER_SHOWN],
        "said": treat_sentence(card.last_treat, card.zone),
        "per_day": device.pet.treats_per_day if device.pet else None,
        "key": uuid4().hex,
        "icons": {name: PATHS[name] for name in ("bone", "warn", "clock")},
        "tab": "home",
    }
    return render(request, "pages/collar.html", context)


@require_POST
@login_required
def collar_treat(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Throw a treat without JavaScript; the ledger shows what comes of it."""
    device = _device(request, device_id)
    form = TreatForm(request.POST)
    if not form.is_valid():
        messages.error(request, "A treat has 1 to 5 portions.")
        return redirect("collar", device_id)
    user = _user(request)
    source = TreatEvent.Source.STAFF if user.is_staff else TreatEvent.Source.OWNER
    try:
        send_treat(
            device=device,
            by=user,
            source=source,
            portion=form.cleaned_data["portion"],
            key=form.cleaned_data["key"],
        )
    except ApiError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, "The treat is on its way.")
    return redirect("collar", device_id)
