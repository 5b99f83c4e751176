"""What follows a new password, by whatever door it was set: page, reset, admin, command, shell."""

from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from accounts import letters, sessions
from accounts.models import User
from core import audit
from core.times import now

LETTER = "account/email/password_changed"


def on_password_set(sender: object, user: User, **kwargs: Any) -> None:
    """Receiver of password_set: whoever knew the old one is out, and the person reads of it.

    On the pages allauth writes the letter.
    """
    sessions.end_all_but_here(user=user)
    if audit.door.get() != "page":
        letters.post(_letter(user))


def _letter(user: User) -> EmailMultiAlternatives:
    subject = render_to_string(f"{LETTER}_subject.txt").strip()
    body = render_to_string(f"{LETTER}_message.txt", {"timestamp": now()})
    return EmailMultiAlternatives(subject, body, settings.DEFAULT_FROM_EMAIL, [user.email])
