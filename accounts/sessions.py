"""Sessions: begun at a sign-in, checked by each request, ended once."""

from collections.abc import Iterable
from contextvars import ContextVar
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import User, UserSession
from accounts.signals import sessions_ended
from core import audit
from core.times import now

NOBODY = UUID(int=0)
SESSION_KEY = "sid"  # where a browser's Django session keeps the id of its UserSession


here: ContextVar[UUID | None] = ContextVar("session", default=None)  # of the request that is being answered


def begin(*, user: User, kind: str, request: HttpRequest, refresh_jti: str = "") -> UserSession:
    """Record a sign-in from `request` and return its session, good for 30 days; for staff, a day of work."""
    audit.user.set(str(user.pk))  # nobody had proved who they are until now
    begun = UserSession.objects.create(
        user=user,
        kind=kind,
        refresh_jti=refresh_jti,
        expires_at=now() + _age_limit(user),
        ip=request.META.get("REMOTE_ADDR") or None,
        user_agent=agent_of(request),
    )
    _end_surplus(user, begun)
    return begun


def agent_of(request: HttpRequest) -> str:
    """Which program asks, as it says itself."""
    return request.headers.get("User-Agent", "").replace("\x00", "")[:200]


def _end_surplus(user: User, begun: UserSession) -> None:
    """A person keeps so many: the one that was used longest ago ends, for a refresh moves its end."""
    others = open_sessions().filter(user=user).exclude(pk=begun.pk).order_by("-expires_at", "-pk")
    surplus = list(others.values_list("pk", flat=True)[settings.SESSIONS_PER_PERSON - 1 :])
    if surplus:
        end(UserSession.objects.filter(pk__in=surplus))


def _age_limit(user: User) -> timedelta:
    """How long a sign-in holds: a working day for staff, whose screens show everybody's collars."""
    return timedelta(seconds=settings.STAFF_SESSION_S if user.is_staff else settings.SESSION_COOKIE_AGE)


def open_sessions() -> QuerySet[UserSession]:
    """Sessions that still let somebody in."""
    return UserSession.objects.filter(ended_at=None, expires_at__gt=now(), user__is_active=True)


def find_open(session_id: UUID | str) -> UserSession | None:
    """The open session with this id and its user, in one query; None when it ended or never was."""
    return open_sessions().select_related("user").filter(pk=session_id).first()


@transaction.atomic
def end(sessions: QuerySet[UserSession]) -> int:
    """End every open session of the query; who depends on them is told after commit. Returns how many."""
    ended = list(sessions.filter(ended_at=None).values_list("pk", flat=True))
    count = UserSession.objects.filter(pk__in=ended, ended_at=None).update(ended_at=now())
    _announce(ended)
    return count


def end_all(*, user: User) -> int:
    """Log out everywhere."""
    return end(UserSession.objects.filter(user=user))


def end_others(*, user: User, request: HttpRequest) -> int:
    """Every session but the one of this request."""
    return end(UserSession.objects.filter(user=user).exclude(pk=request.session.get(SESSION_KEY) or NOBODY))


def end_all_but_here(*, user: User) -> int:
    """Every session but the one of the request that is being answered, if there is one."""
    return end(UserSession.objects.filter(user=user).exclude(pk=here.get() or NOBODY))


def _announce(session_ids: Iterable[UUID]) -> None:
    ids = list(session_ids)
    if ids:
        transaction.on_commit(lambda: sessions_ended.send_robust(UserSession, session_ids=ids))


def on_browser_login(sender: object, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Receiver of Django's user_logged_in: pages and the admin alike."""
    session = begin(user=user, kind=UserSession.Kind.BROWSER, request=request)
    request.session[SESSION_KEY] = str(session.pk)


def on_browser_logout(sender: object, request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    """Receiver of Django's user_logged_out, before the Django session is flushed."""
    session_id = request.session.get(SESSION_KEY)
    if session_id:
        end(UserSession.objects.filter(pk=session_id))
