"""Sign-ins that failed, counted by person and day for staff to see."""

from datetime import timedelta
from typing import Any

from django.db import connection
from django.http import HttpRequest

from accounts.models import SignInFailure, User
from core.ids import uuid7
from core.times import now

KEPT_DAYS = 90
_COUNT = """
    INSERT INTO accounts_signinfailure AS f (id, user_id, day, wrong, throttled, last_at)
    VALUES (%(id)s, (SELECT id FROM accounts_user WHERE email = %(email)s), %(day)s, %(wrong)s, %(throttled)s, %(at)s)
    ON CONFLICT (user_id, day) DO UPDATE SET
        wrong = f.wrong + EXCLUDED.wrong, throttled = f.throttled + EXCLUDED.throttled, last_at = EXCLUDED.last_at
"""


def count(*, email: str, throttled: bool = False) -> None:
    """One more failure for this address, lower case, in one statement; an unknown one counts for nobody."""
    at = now()
    counts = {"wrong": int(not throttled), "throttled": int(throttled)}
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"id": uuid7(), "email": email, "day": at.date(), "at": at, **counts})


def on_wrong_code(sender: object, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Receiver of allauth's authentication_failed: a wrong code on the page of the second factor."""
    count(email=user.email)


def prune() -> int:
    """Drop what is older than KEPT_DAYS; how many."""
    return SignInFailure.objects.filter(day__lt=(now() - timedelta(days=KEPT_DAYS)).date()).delete()[0]
