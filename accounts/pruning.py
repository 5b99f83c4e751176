"""What grows with people, and ends: sessions, counts of tries, accounts that nobody confirmed, letters as files."""

from datetime import datetime, timedelta
from pathlib import Path

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef

from accounts import failures
from accounts.models import Role, User, UserSession
from core.models import RateCount
from core.times import now

SESSION_KEPT = timedelta(days=90)  # after its end, for staff to see
COUNT_KEPT = timedelta(days=1)  # the longest window is an hour
UNCONFIRMED_KEPT = timedelta(days=14)  # the link of the mail is good for three (allauth's default)
LETTER_KEPT = timedelta(days=30)  # where mail is written to a folder


def prune() -> dict[str, int]:
    """Drop all of it that is over; how many of each."""
    at = now()
    return {
        "browsers": Session.objects.filter(expire_date__lt=at).delete()[0],
        "sessions": _sessions(at),
        "counts": RateCount.objects.filter(window_start__lt=at - COUNT_KEPT).delete()[0],
        "failures": failures.prune(),
        "unconfirmed": _unconfirmed(at),
        "letters": _letters(at),
    }


def _sessions(at: datetime) -> int:
    """Ended, or run out, that long ago."""
    over = UserSession.objects.filter(expires_at__lt=at - SESSION_KEPT)
    ended = UserSession.objects.filter(ended_at__lt=at - SESSION_KEPT)
    return over.delete()[0] + ended.delete()[0]


def _unconfirmed(at: datetime) -> int:
    """People whose address nobody ever confirmed: they never got in, so nothing is theirs."""
    confirmed = EmailAddress.objects.filter(user=OuterRef("pk"), verified=True)
    waiting = User.objects.filter(~Exists(confirmed), role=Role.OWNER, created_at__lt=at - UNCONFIRMED_KEPT)
    never_in = waiting.filter(sessions=None, devices=None, pets=None)
    return sum(person.delete()[0] for person in never_in)


def _letters(at: datetime) -> int:
    folder = Path(getattr(settings, "EMAIL_FILE_PATH", None) or "/nowhere")
    oldest = (at - LETTER_KEPT).timestamp()
    old = [file for file in folder.glob("*.log") if file.stat().st_mtime < oldest]
    for file in old:
        file.unlink(missing_ok=True)
    return len(old)
