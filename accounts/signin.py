"""Signing in with a password, throttled per account and per address; shared by the API, the page and the admin."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import authenticate
from django.http import HttpRequest

from accounts import failures
from accounts.models import User
from core.errors import ApiError, BadCredentials, BadPassword, TooMany, Unavailable
from core.throttle import Limit

PER_ACCOUNT = Limit("login-account", most=10, seconds=300)
PER_ADDRESS = Limit("login-address", most=100, seconds=300)
RIGHT = Limit("login-right", most=settings.SIGN_INS_PER_ACCOUNT, seconds=300)


def _no_more(user: User) -> None:
    """The password is enough, for now: the page asks for the rest itself."""


def sign_in(*, request: HttpRequest, email: str, password: str, prove: Callable[[User], None] = _no_more) -> User:
    """The user whose e-mail and password these are.

    A try that fails counts for the account and for the address, one that does not for the account's RIGHT ones.
    `prove` asks for what is needed beside the password; what it raises counts as a failure, too. Raises BadCredentials
    (the same for an unknown e-mail, and as slow), TooMany, and Busy, which counts for nobody.
    """
    email = email.strip().lower()
    try:
        RIGHT.require_room(email)
        with PER_ADDRESS.attempt(request.META.get("REMOTE_ADDR", "")), PER_ACCOUNT.attempt(email):
            user = _proved(request, email, password, prove)
    except Unavailable:
        raise
    except ApiError as refusal:
        failures.count(email=email, throttled=isinstance(refusal, TooMany))
        raise
    RIGHT.spend(email)
    return user


def _proved(request: HttpRequest, email: str, password: str, prove: Callable[[User], None]) -> User:
    user = authenticate(request, username=email, password=password)
    if not isinstance(user, User):
        raise BadCredentials
    prove(user)
    return user


def prove_password(*, user: User, password: str) -> None:
    """Asks somebody who is signed in once more. Raises BadPassword, which counts for the account, and TooMany."""
    with PER_ACCOUNT.attempt(user.email):
        if not user.check_password(password):
            raise BadPassword
