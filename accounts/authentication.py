"""The one way that a request proves who it is, for DRF views and plain async views alike."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from accounts import sessions, tokens
from accounts.middleware import browser_session
from accounts.models import User, UserSession
from core import audit
from core.errors import BadToken, CsrfFailed, NotAuthenticated


@dataclass(frozen=True)
class Caller:
    """Who asks, and by which door."""

    session: UserSession
    by_bearer: bool

    @property
    def user(self) -> User:
        return self.session.user


class _CsrfCheck(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> str:
        return reason


def _caller(session: UserSession, by_bearer: bool) -> Caller:
    audit.user.set(str(session.user_id))
    sessions.here.set(session.pk)
    return Caller(session=session, by_bearer=by_bearer)


def identify(request: HttpRequest) -> Caller | None:
    """Bearer token, or the browser's session with its CSRF token; None for a request that shows neither.

    Raises BadToken (a bad bearer gets no second try by cookie) and CsrfFailed.
    """
    header = get_authorization_header(request).split()  # type: ignore[arg-type]
    if header and header[0].lower() == b"bearer":
        if len(header) != 2:
            raise BadToken
        return _caller(tokens.session_of(header[1].decode("latin-1")), by_bearer=True)
    session = browser_session(request)
    if session is None:
        return None
    check = _CsrfCheck(lambda _: None)  # type: ignore[arg-type]
    check.process_request(request)
    if check.process_view(request, lambda _: None, (), {}):  # type: ignore[arg-type,return-value]
        raise CsrfFailed
    return _caller(session, by_bearer=False)


def authenticate(request: HttpRequest) -> Caller:
    """As `identify`; raises NotAuthenticated for nobody."""
    caller = identify(request)
    if caller is None:
        raise NotAuthenticated
    return caller


class ApiAuthentication(BaseAuthentication):
    """DRF's door to `identify`: `request.user` is the User, `request.auth` the Caller."""

    def authenticate(self, request: Request) -> tuple[User, Caller] | None:
        caller = identify(request._request)
        return (caller.user, caller) if caller else None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
