"""The server's clock is set back after it was far ahead: what it wrote meanwhile must not last until it is there again."""

from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.db import connection

from conftest import Around, _end
from core.errors import Forbidden, TooMany
from core.throttle import Limit
from tools.testing import wait_for

FAKETIME = next(Path("/usr/lib").glob("*-linux-gnu/faketime/libfaketimeMT.so.1"))


def set_back() -> None:
    """As it looks when the clock was 300 days ahead, and is right again."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE core_ratecount SET window_start = window_start + interval '300 days', "
            "held_until = held_until + interval '300 days' WHERE key LIKE 'clock:%'"
        )


@pytest.mark.django_db
def test_a_throttle_begins_anew() -> None:
    limit = Limit("clock", most=1, seconds=300)
    limit.spend("somebody")
    with pytest.raises(TooMany):
        limit.spend("somebody")
    set_back()
    limit.spend("somebody")
    with pytest.raises(TooMany) as refused:
        limit.spend("somebody")
    assert refused.value.retry_after <= 300


@pytest.mark.django_db
def test_wrong_tries_are_forgotten() -> None:
    limit = Limit("clock", most=1, seconds=300)
    with pytest.raises(Forbidden), limit.attempt("somebody"):
        raise Forbidden("no")
    with pytest.raises(TooMany), limit.attempt("somebody"):
        pass
    set_back()
    limit.require_room("somebody")
    with limit.attempt("somebody"):
        pass


def sends(around: Around, folder: Path, **clock: str) -> bool:
    """Run the clock of the tasks until it has sent some; whether it did."""
    queue = redis.Redis.from_url(settings.REDIS_URL)
    queue.delete("celery")
    ours = Around({**around.env, **clock}, around.logs, around.url)
    command = ("celery", "-A", "hetri", "beat", "-s", str(folder / "schedule"), "--pidfile=")
    beat = ours.spawn("beat", *command)
    try:
        return bool(wait_for(lambda: queue.llen("celery") > 3, 60))
    finally:
        _end(beat)  # it keeps what it sent when


@pytest.mark.usefixtures("live_db")
def test_tasks_go_on_at_once(around: Around, tmp_path: Path) -> None:
    ahead = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": "+300d"}
    assert sends(around, tmp_path, **ahead)
    assert sends(around, tmp_path)
