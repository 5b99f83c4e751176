"""JWT: a short access token that names its session, and a refresh token that is good once."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db.models import F
from django.http import HttpRequest
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from accounts import sessions
from accounts.models import User, UserSession
from core.errors import BadToken
from core.times import now

GRACE = timedelta(seconds=30)


def issue(*, user: User, request: HttpRequest) -> dict[str, str]:
    """Begin an API session and return `{"access", "refresh"}` for it."""
    jti = uuid4().hex
    session = sessions.begin(user=user, kind=UserSession.Kind.API, request=request, refresh_jti=jti)
    return _pair(session, jti)


def rotate(*, refresh: str, request: HttpRequest) -> dict[str, str]:
    """A new pair for a refresh token. One that is used again ends its session. Raises BadToken.

    An answer may be lost on its way: the token before the newest is good once more for GRACE, for the same program.
    """
    session_id, jti = _read(RefreshToken, refresh)
    session = sessions.find_open(session_id)
    if session is None or not _spend(session, jti, new_jti := uuid4().hex, sessions.agent_of(request)):
        sessions.end(UserSession.objects.filter(pk=session_id))
        raise BadToken
    return _pair(session, new_jti)


def _spend(session: UserSession, jti: str, new_jti: str, agent: str) -> bool:
    """Put the new token in the place of one that is good.

    Guarded on the row itself: behind a join PostgreSQL would let two at once past the guard.
    """
    at = now()
    spent = {
        "refresh_jti": new_jti,
        "previous_jti": F("refresh_jti"),
        "refreshed_at": at,
        "expires_at": _until(session),
    }
    mine = UserSession.objects.filter(pk=session.pk, ended_at=None)
    if mine.filter(refresh_jti=jti).update(**spent):
        return True
    lost = mine.filter(previous_jti=jti, refreshed_at__gt=at - GRACE, user_agent=agent)
    return bool(lost.update(**spent))


def _until(session: UserSession) -> datetime:
    """30 days from now for an owner; a sign-in of staff ends when it was to end."""
    if session.user.is_staff:
        return session.expires_at
    return now() + timedelta(seconds=settings.SESSION_COOKIE_AGE)


def end(*, refresh: str) -> None:
    """Log out the session of a refresh token. Raises BadToken when it is none of ours."""
    session_id, _ = _read(RefreshToken, refresh)
    sessions.end(UserSession.objects.filter(pk=session_id))


def session_of(access: str) -> UserSession:
    """The open session (with its user) of an access token. Raises BadToken."""
    session_id, _ = _read(AccessToken, access)
    session = sessions.find_open(session_id)
    if session is None:
        raise BadToken
    return session


def _pair(session: UserSession, jti: str) -> dict[str, str]:
    refresh, access = RefreshToken(), AccessToken()
    for token in (refresh, access):
        token["sid"] = str(session.pk)
    refresh["jti"] = jti
    return {"access": str(access), "refresh": str(refresh)}


def _read(kind: type[Token], raw: str) -> tuple[UUID, str]:
    token: Any = raw  # simplejwt annotates its parameter as its own class, and takes the text
    try:
        parsed = kind(token)
        return UUID(str(parsed["sid"])), str(parsed["jti"])
    except (TokenError, KeyError, ValueError, RecursionError) as error:
        raise BadToken from error
