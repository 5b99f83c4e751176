"""The partitions of the sample table: made ahead by beat, made when missing by ingest, dropped when expired.

A partition holds a span of whole days (one, or a week in small installs), and is named by its first day. What is
covered is read from the catalogue, so the width may be changed at any time: new partitions fill the gaps.
"""

import logging
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper

from core.ids import floor_key, to_ms
from core.locks import Lock, hold_until_commit
from core.times import now

log = logging.getLogger(__name__)
DAY_MS = 86_400_000
AHEAD_DAYS = 7
AT_ONCE = 4  # partitions in one transaction: who else needs one waits for it
QUIET_MOST_DAYS = 30  # a fleet that is silent for longer keeps its oldest samples, until it speaks again
_MONDAY = 4  # 1970-01-05, the first Monday since the epoch, in days
_BOUNDS = re.compile(r"'([0-9a-f-]{36})'.*'([0-9a-f-]{36})'")
_known: set[int] = set()  # days since the epoch that have a partition


class Span(NamedTuple):
    """A partition: days since the epoch, the end exclusive."""

    start: int
    end: int
    name: str


def forget() -> None:
    """Forget which partitions exist: another database, or a rolled-back transaction."""
    _known.clear()


def ensure(moments: Iterable[int]) -> None:
    """Make the partitions of these moments (ms since 1970) where they are missing; cheap when they are known."""
    missing = {ms // DAY_MS for ms in moments} - _known
    if not missing:
        return
    days = sorted(missing, reverse=True)  # the newest first: somebody may wait for it
    for first in range(0, len(days), AT_ONCE):
        _make_missing(days[first : first + AT_ONCE])


def _make_missing(days: list[int]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        hold_until_commit(Lock.PARTITIONS)
        spans = _spans(cursor)
        for day in days:
            if not any(span.start <= day < span.end for span in spans):
                spans.append(_make(cursor, day, spans))
    _known.update(days)


def make_ahead() -> None:
    """Make the partitions of the coming days."""
    today = to_ms(now())
    ensure(today + day * DAY_MS for day in range(-1, AHEAD_DAYS + 1))


def drop_expired() -> list[str]:
    """Drop partitions that end before the retention does. Returns their names."""
    with connection.cursor() as cursor:
        oldest = (_today(cursor) - settings.RETENTION_DAYS * DAY_MS) // DAY_MS
        expired = [span for span in _spans(cursor) if span.end <= oldest]
    dropped = [span.name for span in expired if _drop(span)]
    _known.difference_update([day for day in _known if day < oldest])
    return dropped


def _today(cursor: CursorWrapper) -> int:
    """Now, in ms, but for a clock that is far ahead of all samples: nothing must be dropped because a clock jumped."""
    cursor.execute("SELECT id FROM telemetry_sample ORDER BY id DESC LIMIT 1")
    newest = cursor.fetchone()
    here = to_ms(now())
    return min(here, (newest[0].int >> 80) + QUIET_MOST_DAYS * DAY_MS) if newest else here


def _spans(cursor: CursorWrapper) -> list[Span]:
    """The partitions that there are."""
    cursor.execute(
        "SELECT child.relname, pg_get_expr(child.relpartbound, child.oid) FROM pg_inherits "
        "JOIN pg_class child ON child.oid = inhrelid WHERE inhparent = 'telemetry_sample'::regclass ORDER BY 1"
    )
    found = ((name, _BOUNDS.search(bounds)) for name, bounds in cursor.fetchall())
    return [Span(_day(match[1]), _day(match[2]), name) for name, match in found if match]


def _day(key: str) -> int:
    return (UUID(key).int >> 80) // DAY_MS


def _make(cursor: CursorWrapper, day: int, others: list[Span]) -> Span:
    """A partition around `day`, as wide as the setting says and its neighbours allow."""
    width, origin = (7, _MONDAY) if settings.PARTITION == "week" else (1, 0)
    start = day - (day - origin) % width
    end = min([start + width, *(other.start for other in others if other.start > day)])
    start = max([start, *(other.end for other in others if other.end <= day)])
    name = f"telemetry_sample_{datetime.fromtimestamp(start * DAY_MS // 1000, UTC):%Y%m%d}"
    # Made aside and attached: CREATE ... PARTITION OF would wait for every reader (a dump) and let nobody past.
    cursor.execute(f"CREATE TABLE {name} (LIKE telemetry_sample INCLUDING CONSTRAINTS)")
    cursor.execute(
        f"ALTER TABLE telemetry_sample ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)",
        [floor_key(start * DAY_MS), floor_key(end * DAY_MS)],
    )
    return Span(start, end, name)


def _drop(span: Span) -> bool:
    """Drop it unless somebody reads the table just now: the next run tries again, nobody waits behind us."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '1s'")
            cursor.execute(f"DROP TABLE {span.name}")
    except OperationalError as error:
        log.warning("partition_kept", extra={"partition": span.name, "error": str(error).strip()})
        return False
    log.info("partition_dropped", extra={"partition": span.name})
    return True
