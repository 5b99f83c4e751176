"""What is done for a person who cannot do it by themselves: by staff with a reason, or by a command on the server."""

from collections.abc import Callable
from dataclasses import dataclass

from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import letters, sessions
from accounts.models import User
from accounts.roles import MANAGE_PEOPLE, REVEAL
from core.errors import Conflict

RESET = "account/email/password_reset_key"


@dataclass(frozen=True)
class Help:
    """`run` returns what was done, in a sentence; `permission` is what staff need for it."""

    label: str
    permission: str
    run: Callable[[User], str]


def end_sessions(user: User) -> str:
    """Sign the person out everywhere."""
    return f"Sign-ins that ended: {sessions.end_all(user=user)}."


def send_reset(user: User) -> str:
    """Mail the person a link to choose a new password."""
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    place = reverse("account_reset_password").rstrip("/")
    told = {"user": user, "password_reset_url": f"{settings.PUBLIC_URL}{place}/{key}"}
    subject = render_to_string(f"{RESET}_subject.txt", told).strip()
    body = render_to_string(f"{RESET}_message.txt", told)
    letters.post(EmailMultiAlternatives(subject, body, settings.DEFAULT_FROM_EMAIL, [user.email]))
    return "A link to choose a new password is on its way by mail."


@transaction.atomic
def confirm_address(user: User) -> str:
    """Take the address for the person's own. Raises Conflict when it is confirmed already."""
    address, _made = EmailAddress.objects.get_or_create(user=user, email=user.email, defaults={"primary": True})
    if not EmailAddress.objects.filter(pk=address.pk, verified=False).update(verified=True):
        raise Conflict(_("The address is confirmed already."), code="confirmed")
    return "The address counts as confirmed; the person can log in."


@transaction.atomic
def drop_second_factor(user: User) -> str:
    """Take the second factor and its recovery codes away, and end the sign-ins. Raises Conflict without one."""
    if not Authenticator.objects.filter(user=user).delete()[0]:
        raise Conflict(_("There is no second factor."), code="no_factor")
    sessions.end_all(user=user)
    return "The second factor is gone, and all sign-ins ended. Staff have to turn it on again."


HELPS = {
    "end_sessions": Help("End all sign-ins", REVEAL, end_sessions),
    "send_reset": Help("Send a link for a new password", REVEAL, send_reset),
    "confirm_address": Help("Confirm the address", MANAGE_PEOPLE, confirm_address),
    "drop_second_factor": Help("Drop the second factor", MANAGE_PEOPLE, drop_second_factor),
}
