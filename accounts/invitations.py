"""Who may sign up: everybody, who has an invitation, or nobody (HETRI_SIGNUP).

An invitation is a signed link for one address; it is used up when that address has an account.
"""

from datetime import timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMultiAlternatives
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import letters
from accounts.models import User
from core.errors import Conflict

LIFE = timedelta(days=14)
SALT = "hetri.invitation"
PARAMETER = "invite"
LETTER = "account/email/invitation"


def invite(email: str) -> str:
    """The link for that address, which is mailed to it, too. Raises Conflict when it has an account."""
    address = email.strip().lower()
    if User.objects.filter(email=address).exists():
        raise Conflict(_("This address has an account already."), code="exists")
    said = urlencode({PARAMETER: signing.dumps(address, salt=SALT)})
    link = f"{settings.PUBLIC_URL}{reverse('account_signup')}?{said}"
    subject = render_to_string(f"{LETTER}_subject.txt").strip()
    body = render_to_string(f"{LETTER}_message.txt", {"link": link, "days": LIFE.days})
    letters.post(EmailMultiAlternatives(subject, body, settings.DEFAULT_FROM_EMAIL, [address]))
    return link


def invited_address(request: HttpRequest) -> str | None:
    """Whom the request's invitation is for; None without a good one."""
    try:
        address: str = signing.loads(request.GET.get(PARAMETER, ""), salt=SALT, max_age=LIFE)
    except signing.BadSignature:
        return None
    return address


def may_sign_up(request: HttpRequest) -> bool:
    """Whether the page of sign-up is open to this request."""
    return settings.SIGNUP == "open" or (settings.SIGNUP == "invite" and invited_address(request) is not None)
