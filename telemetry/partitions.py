"""The partitions of the sample table: made ahead by beat, made when missing by ingest, dropped when expired.

A partition holds a span of time (a day, or a week in small installs), and is named by its first day.
"""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from hetri.core.ids import floor_key
from hetri.core.times import now

log = logging.getLogger(__name__)
DAY_MS = 86_400_000
AHEAD_DAYS = 7
_LOCK = 0x7061_7274  # advisory lock: one process makes or drops partitions at a time
_MONDAY_MS = 4 * DAY_MS  # 1970-01-05, the first Monday since the epoch
_known: set[int] = set()


def _span() -> tuple[int, int]:
    """Width of a partition and the moment that the widths are counted from, in ms."""
    return (7 * DAY_MS, _MONDAY_MS) if settings.PARTITION == "week" else (DAY_MS, 0)


def _start_of(ms: int) -> int:
    width, origin = _span()
    return ms - (ms - origin) % width


def _name(start: int) -> str:
    return f"telemetry_sample_{datetime.fromtimestamp(start // 1000, UTC):%Y%m%d}"


def forget() -> None:
    """Forget which partitions exist: another database, or a rolled-back transaction."""
    _known.clear()


def ensure(moments: Iterable[int]) -> None:
    """Make the partitions of these moments (ms since 1970) where they are missing; cheap when they are known."""
    missing = {_start_of(ms) for ms in moments} - _known
    if not missing:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        for start in sorted(missing):
            bounds = [floor_key(start), floor_key(start + _span()[0])]
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS {_name(start)} PARTITION OF telemetry_sample FOR VALUES FROM (%s) TO (%s)",
                bounds,
            )
    _known.update(missing)


def make_ahead() -> None:
    """Make the partitions of the coming days."""
    today = now()
    ensure(int((today + timedelta(days=day)).timestamp() * 1000) for day in range(-1, AHEAD_DAYS + 1))


def drop_expired() -> list[str]:
    """Drop partitions that end before the retention does. Returns their names."""
    oldest = _start_of(int((now() - timedelta(days=settings.RETENTION_DAYS)).timestamp() * 1000))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute(
            "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid "
            "WHERE inhparent = 'telemetry_sample'::regclass AND child.relname < %s ORDER BY 1",
            [_name(oldest)],
        )
        expired = [name for (name,) in cursor.fetchall()]
        for name in expired:
            cursor.execute(f"DROP TABLE {name}")
            log.info("partition_dropped", extra={"partition": name})
    _known.difference_update(start for start in list(_known) if start < oldest)
    return expired
