"""Add a collar, set it, give it new credentials, hand it over, remove it. All of it works without scripts."""

from contextlib import suppress
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from broker.registry import Credential
from core.errors import ApiError, NotFound
from core.times import now
from devices.models import Device
from devices.services import claims, ownership
from pages.account.forms import PasswordForm
from pages.collars.downloads import download, pattern
from pages.collars.forms import ClaimForm, RemoveForm, SettingsForm, SupportForm, WearerForm
from pages.lookups import device_in_use
from pages.presenters import zone_of
from pages.viewer import viewer
from streaming.services import support, viewings

BEGUN = {"code": 40, "name": 80, "pet": 36}  # what a form keeps while a pet is made, in characters
form_page = require_http_methods(["GET", "HEAD", "POST"])


@form_page
@never_cache
@login_required
def collar_add(request: HttpRequest) -> HttpResponse:
    """Claim a collar by the code of its tag; the pattern on the tag is a link to here with the code in it."""
    user = viewer(request)
    if "new_pet" in request.POST:
        return _to_new_pet(request)
    form = ClaimForm(request.POST or None, owner=user, initial=_begun(request.GET))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            device, credential = claims.claim(
                code=given["code"],
                by=user,
                address=request.META.get("REMOTE_ADDR", ""),
                name=given["name"] or None,
                pet=given["pet"],
            )
        except ApiError as refused:
            form.add_error("code" if refused.code == "not_found" else None, refused.detail)
        else:
            if credential is not None:
                return _credentials(request, device, credential)
            messages.success(request, _("{name} is yours now.").format(name=device.name))
            return redirect("collar", device.pk)
    return render(request, "collars/add.html", {"form": form, "tab": "home"})


@form_page
@never_cache
@login_required
def collar_build(request: HttpRequest) -> HttpResponse:
    """An identity for a board of one's own."""
    user = viewer(request)
    if "new_pet" in request.POST:
        return _to_new_pet(request)
    form = WearerForm(request.POST or None, owner=user, initial=_begun(request.GET))
    if request.method == "POST" and form.is_valid():
        try:
            given = form.cleaned_data
            return _credentials(request, *ownership.provision(name=given["name"], owner=user, pet=given["pet"]))
        except ApiError as refused:
            form.add_error(None, refused.detail)
    return render(request, "collars/build.html", {"form": form, "tab": "home"})


def _begun(typed: QueryDict) -> dict[str, str]:
    """What was typed into the form so far."""
    return {name: text[:most] for name, most in BEGUN.items() if (text := typed.get(name, ""))}


def _to_new_pet(request: HttpRequest) -> HttpResponse:
    """The form of a pet, which leads back to this one as it was."""
    back = f"{request.path}?{urlencode(_begun(request.POST))}"
    return redirect(f"{reverse('pet_add')}?{urlencode({'next': back})}")


def _credentials(request: HttpRequest, device: Device, credential: Credential) -> HttpResponse:
    """What the board needs, this once: nothing of it is kept in a session, and the answer is not stored."""
    context = {"device": device, "mqtt": credential.public(), "file": download(device, credential), "tab": "home"}
    return render(request, "collars/credentials.html", context)


@form_page
@never_cache
@login_required
def collar_settings(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Name, wearer, how often it reports, camera."""
    device = device_in_use(request, device_id)
    form = SettingsForm(request.POST or None, device=device)
    if request.method == "POST" and form.is_valid():
        try:
            ownership.update_device(device=device, changes=form.changes())
        except ApiError as refused:
            form.add_error(None, refused.detail)
        else:
            online = device.presence() == Device.Status.ONLINE
            messages.success(request, _("Saved.") if online else _("Saved. The collar is told when it is online."))
            return redirect("collar_settings", device_id)
    told = device.reported.get("config_version")
    context = {"form": form, "device": device, "applied": told == device.config_version, "tab": "home"}
    return render(request, "collars/settings.html", context)


@form_page
@never_cache
@login_required
def support_view(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Let support watch for a while, or end that. The owner's alone: staff find nothing here."""
    user, device = viewer(request), device_in_use(request, device_id)
    if device.owner_id != user.pk:
        raise Http404
    granted = viewings.valid_grants(now()).filter(device=device).first()
    form = None if granted else SupportForm(request.POST or None)
    if request.method == "POST" and form is None:
        with suppress(NotFound):  # it has just ended
            support.withdraw_support(device=device, by=user)
        messages.success(request, _("Support can no longer watch."))
        return redirect("collar_support", device_id)
    if request.method == "POST" and form is not None and form.is_valid():
        try:
            support.grant_support(device=device, by=user, minutes=form.cleaned_data["minutes"])
        except ApiError as refused:
            form.add_error(None, refused.detail)
        else:
            messages.success(request, _("Support may watch for a while."))
            return redirect("collar_support", device_id)
    context = {"form": form, "grant": granted, "device": device, "zone": device.config["time_zone"], "tab": "home"}
    return render(request, "collars/support.html", context)


@require_safe
@login_required
def collar_checklist(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """What an owner can do about a collar that is offline: what its light says, step by step."""
    return render(request, "collars/check.html", {"device": device_in_use(request, device_id), "tab": "home"})


@form_page
@never_cache
@login_required
def collar_credentials(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """A new password for a collar that was lost or copied."""
    device = device_in_use(request, device_id)
    if request.method == "POST":
        try:
            return _credentials(request, device, claims.renew(device=device))
        except ApiError as refused:
            messages.error(request, refused.detail)
    return render(request, "collars/rotate.html", {"device": device, "tab": "home"})


@sensitive_post_parameters("password")
@form_page
@never_cache
@login_required
def hand_over(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Give a collar to somebody else: what ends and what stays, then, with the password, a code for them.

    While a code is open the page says until when, and asking again makes another in its place.
    """
    user, device = viewer(request), device_in_use(request, device_id)
    form = PasswordForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        try:
            code, until = claims.hand_over(device=device, by=user, password=form.cleaned_data["password"])
        except ApiError as refused:
            form.add_error(None, refused.detail)
        else:
            link = request.build_absolute_uri(f"{reverse('collar_add')}?code={code}")
            context = {"device": device, "code": code, "until": until, "link": link, "pattern": pattern(link)}
            return render(request, "collars/handed_over.html", {**context, "zone": zone_of(device), "tab": "home"})
    context = {"form": form, "device": device, "until": claims.handover_until(device), "zone": zone_of(device)}
    return render(request, "collars/hand_over.html", {**context, "tab": "home"})


@require_POST
@never_cache
@login_required
def call_off_handover(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """The code is good no more; who presses twice is told the same."""
    user, device = viewer(request), device_in_use(request, device_id)
    if device.owner_id != user.pk:
        raise Http404
    with suppress(NotFound):  # it has just run out, or was called off elsewhere
        claims.call_off_handover(device=device, by=user)
    messages.success(request, _("The handover is called off. The collar stays yours."))
    return redirect("collar", device_id)


@form_page
@never_cache
@login_required
def collar_remove(request: HttpRequest, device_id: UUID) -> HttpResponse:
    """Retire a collar for good, once its name was typed."""
    device = device_in_use(request, device_id)
    form = RemoveForm(request.POST or None, device=device)
    if request.method == "POST" and form.is_valid():
        try:
            ownership.retire(device=device)
        except ApiError as refused:
            form.add_error(None, refused.detail)
        else:
            messages.success(request, _("{name} is removed.").format(name=device.name))
            return redirect("home")
    return render(request, "collars/remove.html", {"form": form, "device": device, "tab": "home"})
