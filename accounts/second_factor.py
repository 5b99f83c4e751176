"""The second factor where allauth's pages do not ask for it: programs that sign in, and staff who have none."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib import messages
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts import sessions
from accounts.models import User
from accounts.roles import lacks_factor
from core.errors import EmailUnconfirmed, FactorNeeded, OtpRequired


def remember_codes_longer() -> None:
    """Have allauth remember a used code for as long as it would count: it forgets after one of the steps that it takes.

    RFC 6238, section 5.2: one step of tolerance, and no code twice.
    """
    steps = 2 * app_settings.TOTP_TOLERANCE + 1

    def mark_code_used(self: TOTP, code: str) -> bool:
        unused: bool = cache.add(self._get_used_cache_key(code), "y", timeout=steps * app_settings.TOTP_PERIOD)
        return unused

    TOTP._mark_code_used = mark_code_used


def prove(user: User, *, otp: str | None) -> None:
    """What a program shows beside the password. A code is good once.

    Raises EmailUnconfirmed, FactorNeeded for staff who have to turn it on first, and OtpRequired when a second
    factor is set and `otp` is missing or wrong.
    """
    if not EmailAddress.objects.filter(user=user, verified=True).exists():
        raise EmailUnconfirmed
    if lacks_factor(user):
        raise FactorNeeded
    factors = list(Authenticator.objects.filter(user=user))
    if not factors:
        return
    if otp is None:
        raise OtpRequired
    if not any(factor.wrap().validate_code(otp) for factor in factors):
        raise OtpRequired(_("This code is wrong, or was used before. Wait for the next one."))


def detour(request: HttpRequest) -> HttpResponse | None:
    """For the admin's gate: staff who lack the second factor are led to where they turn it on."""
    if not isinstance(request.user, User) or not lacks_factor(request.user):
        return None
    messages.info(request, _("Staff need a second factor. Turn it on, then open /admin/ again."))
    return redirect("mfa_activate_totp")


def on_added(sender: object, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Receiver of allauth's authenticator_added: what signed in to a staff account without it is out."""
    if user.is_staff:
        sessions.end_others(user=user, request=request)
