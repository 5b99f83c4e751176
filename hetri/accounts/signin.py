"""Signing in with a password, throttled per account and per address; shared by the API, the page and the admin."""

from collections.abc import Callable

from django.contrib.auth import authenticate
from django.http import HttpRequest

from hetri.accounts.models import User
from hetri.core.errors import BadCredentials
from hetri.core.throttle import Limit

PER_ACCOUNT = Limit("login-account", most=10, seconds=300)
PER_ADDRESS = Limit("login-address", most=100, seconds=300)


def _no_more(user: User) -> None:
    """The password is enough, for now: the page asks for the rest itself."""


def sign_in(*, request: HttpRequest, email: str, password: str, prove: Callable[[User], None] = _no_more) -> User:
    """The user whose e-mail and password these are.

    Each try is spent before the password is looked at and given back when it was right, so tries side by
    side cannot slip past the limit. `prove` asks for what is needed beside the password; what it raises
    counts as a failure, too. Raises BadCredentials (the same for an unknown e-mail, and as slow) and
    TooMany.
    """
    email = email.strip().lower()
    address = request.META.get("REMOTE_ADDR", "")
    PER_ADDRESS.spend(address)
    PER_ACCOUNT.spend(email)
    user = authenticate(request, username=email, password=password)
    if not isinstance(user, User):
        raise BadCredentials
    prove(user)
    PER_ADDRESS.refund(address)
    PER_ACCOUNT.refund(email)
    return user
