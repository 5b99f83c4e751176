"""Signing in with a password, throttled per account and per address; shared by the API, the page and the admin."""

from django.contrib.auth import authenticate
from django.db import transaction
from django.http import HttpRequest

from hetri.accounts.models import User
from hetri.core.errors import BadCredentials
from hetri.core.throttle import Limit

PER_ACCOUNT = Limit("login-account", most=10, seconds=300)
PER_ADDRESS = Limit("login-address", most=100, seconds=300)


def sign_in(*, request: HttpRequest, email: str, password: str) -> User:
    """The user whose e-mail and password these are.

    Each try is spent before the password is looked at and given back when it was right. Tries for one account
    take turns, so that side by side wrong ones cannot slip past the limit and right ones do not fill it.
    Raises BadCredentials (the same for an unknown e-mail, and as slow) and TooMany.
    """
    email = email.strip().lower()
    address = request.META.get("REMOTE_ADDR", "")
    PER_ADDRESS.spend(address)
    user = _take_turn(request, email, password)
    if user is None:
        raise BadCredentials
    PER_ADDRESS.refund(address)
    return user


@transaction.atomic
def _take_turn(request: HttpRequest, email: str, password: str) -> User | None:
    PER_ACCOUNT.queue(email)
    PER_ACCOUNT.spend(email)
    user = authenticate(request, username=email, password=password)
    if not isinstance(user, User):
        return None
    PER_ACCOUNT.refund(email)
    return user
