"""Signing in with a password, throttled per account and per address; shared by the API, the page and the admin."""

from collections.abc import Callable

from django.contrib.auth import authenticate
from django.db import transaction
from django.http import HttpRequest

from hetri.accounts import failures
from hetri.accounts.models import User
from hetri.core.errors import ApiError, BadCredentials, TooMany
from hetri.core.throttle import Limit

PER_ACCOUNT = Limit("login-account", most=10, seconds=300)
PER_ADDRESS = Limit("login-address", most=100, seconds=300)


def _no_more(user: User) -> None:
    """The password is enough, for now: the page asks for the rest itself."""


def sign_in(*, request: HttpRequest, email: str, password: str, prove: Callable[[User], None] = _no_more) -> User:
    """The user whose e-mail and password these are.

    Each try is spent before the password is looked at and given back when it was right. Tries for one account
    take turns, so that side by side wrong ones cannot slip past the limit and right ones do not fill it. `prove`
    asks for what is needed beside the password; what it raises counts as a failure, too. Raises BadCredentials
    (the same for an unknown e-mail, and as slow) and TooMany.
    """
    email = email.strip().lower()
    address = request.META.get("REMOTE_ADDR", "")
    try:
        PER_ADDRESS.spend(address)
        found = _take_turn(request, email, password, prove)
    except TooMany:
        failures.count(email=email, throttled=True)
        raise
    if isinstance(found, ApiError):
        failures.count(email=email)
        raise found
    PER_ADDRESS.refund(address)
    return found


@transaction.atomic
def _take_turn(request: HttpRequest, email: str, password: str, prove: Callable[[User], None]) -> User | ApiError:
    """The user, or the refusal: returned, not raised, because the try that was spent must stay."""
    PER_ACCOUNT.queue(email)
    PER_ACCOUNT.spend(email)
    user = authenticate(request, username=email, password=password)
    if not isinstance(user, User):
        return BadCredentials()
    try:
        prove(user)
    except ApiError as refusal:
        return refusal
    PER_ACCOUNT.refund(email)
    return user
