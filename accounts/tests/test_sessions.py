"""A session's life: begun, found while it is open, ended once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import RequestFactory

from accounts import sessions
from accounts.models import User, UserSession
from accounts.signals import sessions_ended
from conftest import make_user
from core.times import now

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return make_user("alice")


def begin(user: User, rf: RequestFactory, **headers: str) -> UserSession:
    return sessions.begin(user=user, kind="api", request=rf.get("/", headers=headers))


def test_it_remembers_where_it_was_begun_without_what_a_database_cannot_hold(rf: RequestFactory, alice: User) -> None:
    begun = begin(alice, rf, **{"User-Agent": "Fire\x00fox " + "x" * 300})
    assert (begun.ip, begun.user_agent[:8], len(begun.user_agent)) == ("127.0.0.1", "Firefox ", 200)


@pytest.mark.parametrize(("role", "hours"), [("owner", 30 * 24), ("staff", 12)])
def test_staff_sign_in_for_a_day_of_work_and_owners_for_a_month(rf: RequestFactory, role: str, hours: int) -> None:
    begun = begin(make_user("someone", role), rf)
    lasts = begun.expires_at - now()
    assert lasts <= timedelta(hours=hours)
    assert lasts > timedelta(hours=hours) - timedelta(minutes=1)


@pytest.mark.parametrize(
    "over",
    [
        lambda session: UserSession.objects.filter(pk=session.pk).update(ended_at=now()),
        lambda session: UserSession.objects.filter(pk=session.pk).update(expires_at=now()),
        lambda session: User.objects.filter(pk=session.user_id).update(is_active=False),
    ],
    ids=["ended", "run out", "of somebody who is locked out"],
)
def test_one_that_is_over_is_not_found(rf: RequestFactory, alice: User, over: Callable[[UserSession], Any]) -> None:
    begun = begin(alice, rf)
    assert sessions.find_open(begun.pk) == begun
    over(begun)
    assert sessions.find_open(begun.pk) is None


def test_the_one_that_was_used_longest_ago_gives_way(rf: RequestFactory, alice: User, settings: Any) -> None:
    settings.SESSIONS_PER_PERSON = 2
    old, used = begin(alice, rf), begin(alice, rf)
    UserSession.objects.filter(pk=old.pk).update(expires_at=now() + timedelta(days=60))  # refreshed meanwhile
    begin(alice, rf)
    assert [sessions.find_open(one.pk) is not None for one in (old, used)] == [True, False]


def test_an_end_is_told_once_after_commit(
    rf: RequestFactory, alice: User, django_capture_on_commit_callbacks: Any
) -> None:
    told: list[Any] = []

    def hear(session_ids: list[Any], **about: Any) -> None:
        told.extend(session_ids)

    sessions_ended.connect(hear)
    begun = begin(alice, rf)
    with django_capture_on_commit_callbacks(execute=True):
        assert sessions.end_all(user=alice) == 1
        assert told == []
    with django_capture_on_commit_callbacks(execute=True):
        assert sessions.end_all(user=alice) == 0
    assert told == [begun.pk]
