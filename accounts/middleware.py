"""The browser's user: Django's session, and the UserSession that it names must still be open."""

from django.contrib import auth
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts import sessions
from accounts.models import User, UserSession
from core import audit


def browser_session(request: HttpRequest) -> UserSession | None:
    """The open session of this request's cookie; read once per request."""
    if not hasattr(request, "_hetri_session"):
        request._hetri_session = _read(request)  # type: ignore[attr-defined]
    found: UserSession | None = request._hetri_session  # type: ignore[attr-defined]
    return found


def _read(request: HttpRequest) -> UserSession | None:
    session_id = request.session.get(sessions.SESSION_KEY)
    if not session_id or not auth.get_user(request).is_authenticated:
        return None
    return sessions.find_open(session_id)


def _user(request: HttpRequest) -> User | AnonymousUser:
    session = browser_session(request)
    if session is None:
        return AnonymousUser()
    audit.user.set(str(session.user_id))
    sessions.here.set(session.pk)
    return session.user


class SessionAuthMiddleware(AuthenticationMiddleware):
    """Sets `request.user`, read from the database only when somebody looks at it."""

    def process_request(self, request: HttpRequest) -> None:
        sessions.here.set(None)
        request.user = SimpleLazyObject(lambda: _user(request))  # type: ignore[assignment]
