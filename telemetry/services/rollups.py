"""Rollups of 5 minutes and 1 hour: computed from the samples each time a bucket is marked, so late ones correct it."""

import logging
import threading
from datetime import datetime, timedelta

from django.conf import settings
from django.db import Error, connection, connections, transaction

from core.ids import floor_key, to_ms
from core.locks import Lock, hold_until_commit
from core.times import now
from telemetry.columns import BUCKET_COLUMNS
from telemetry.const import FIVE_MINUTES, HOUR, RECENT

log = logging.getLogger(__name__)
LATE_AFTER = "10 minutes"  # a sample that came so long after it was taken waited in the collar's queue
TAKE_MOST = 10_000
LATE_MOST = 500  # marks of older buckets at once: each may be another partition's, and recent ones wait meanwhile
EVERY_S = 0.7
_COLUMNS = ", ".join(("count", *(one.name for one in BUCKET_COLUMNS), "late_at"))
AGGREGATES = ", ".join(("count(*)", *(one.of_samples for one in BUCKET_COLUMNS)))
_OF_BUCKETS = ", ".join(("sum(count)", *(one.of_buckets for one in BUCKET_COLUMNS), "max(late_at)"))
_LATE = f"max(received_at) FILTER (WHERE received_at > ts + interval '{LATE_AFTER}')"
_NEW_VALUES = ", ".join(f"{name} = EXCLUDED.{name}" for name in _COLUMNS.split(", "))
_CONFLICT = f"ON CONFLICT (device_id, width, start) DO UPDATE SET {_NEW_VALUES}"
# Late ones by time and not by age: those of one partition together.
_RECENT_RANGE = """
    SELECT min(start), max(start)
    FROM (SELECT start FROM telemetry_rollupmark WHERE start >= %s ORDER BY id LIMIT %s) oldest
"""
_LATE_RANGE = """
    SELECT min(start), max(start)
    FROM (SELECT start FROM telemetry_rollupmark WHERE start < %s ORDER BY start LIMIT %s) oldest
"""
# core.ids.floor_key of a moment, in SQL.
_FLOOR_KEY = "(lpad(to_hex((extract(epoch FROM {}) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid"
# One statement, so one snapshot: marks and samples are committed together, and whatever a mark stands for is seen.
# The bounds on `id` as constants keep all but the partitions in question out of the plan, those of each bucket
# all but its own out of the run.
_FROM_SAMPLES = f"""
    WITH taken AS (
        DELETE FROM telemetry_rollupmark WHERE id IN (
            SELECT id FROM telemetry_rollupmark WHERE start >= %(first)s AND start <= %(last)s
            ORDER BY id LIMIT %(most)s)
        RETURNING device_id, start
    ), bucket AS (
        SELECT device_id, start, {_FLOOR_KEY.format("start")} AS low,
               {_FLOOR_KEY.format("start + interval '5 minutes'")} AS high
        FROM (SELECT DISTINCT device_id, start FROM taken) once
    ), five AS (
        INSERT INTO telemetry_rollup (id, device_id, width, start, {_COLUMNS})
        SELECT gen_random_uuid(), b.device_id, {FIVE_MINUTES}, b.start, s.*
        FROM bucket b
        CROSS JOIN LATERAL (
            SELECT {AGGREGATES}, {_LATE} FROM telemetry_sample t
            WHERE t.device_id = b.device_id AND t.ts >= b.start AND t.ts < b.start + interval '5 minutes'
              AND t.id >= b.low AND t.id < b.high AND t.id >= %(lowest)s AND t.id < %(highest)s
            HAVING count(*) > 0) s
        {_CONFLICT}
    )
    SELECT (SELECT count(*) FROM taken), array_agg(hour.device_id), array_agg(hour.start)
    FROM (SELECT DISTINCT device_id, date_trunc('hour', start, 'UTC') AS start FROM bucket) hour
"""
_FROM_BUCKETS = f"""
    INSERT INTO telemetry_rollup (id, device_id, width, start, {_COLUMNS})
    SELECT gen_random_uuid(), b.device_id, {HOUR}, b.start, r.*
    FROM unnest(%(devices)s::uuid[], %(starts)s::timestamptz[]) AS b(device_id, start)
    CROSS JOIN LATERAL (
        SELECT {_OF_BUCKETS} FROM telemetry_rollup t
        WHERE t.device_id = b.device_id AND t.width = {FIVE_MINUTES}
          AND t.start >= b.start AND t.start < b.start + interval '1 hour'
        HAVING count(*) > 0) r
    {_CONFLICT}
"""


def recompute(limit: int = TAKE_MOST) -> int:
    """Compute the buckets of the oldest marks, recent and late, and their hours. Returns how many were taken."""
    return recompute_recent(limit) + recompute_late(limit)


def recompute_recent(limit: int = TAKE_MOST) -> int:
    """Those of the last days. Returns how many marks were taken."""
    return _recompute(_RECENT_RANGE, now() - RECENT, limit)


def recompute_late(limit: int = LATE_MOST) -> int:
    """Those before, a few at a time: samples scattered over a year hold up nobody's chart. Returns how many."""
    return _recompute(_LATE_RANGE, now() - RECENT, limit)


@transaction.atomic
def _recompute(which: str, since: datetime, limit: int) -> int:
    hold_until_commit(Lock.ROLLUPS)  # two loops side by side take turns
    with connection.cursor() as cursor:
        cursor.execute(which, [since, limit])
        first, last = cursor.fetchone()
        if first is None:
            return 0
        end = to_ms(last) + FIVE_MINUTES * 1000
        bounds = {"lowest": floor_key(to_ms(first)), "highest": floor_key(end)}
        cursor.execute(_FROM_SAMPLES, {"most": limit, "first": first, "last": last, **bounds})
        taken, devices, starts = cursor.fetchone()
        if taken:
            cursor.execute(_FROM_BUCKETS, {"devices": devices, "starts": starts})
    return int(taken)


def prune() -> int:
    """Delete the buckets of days past the retention, whose samples are dropped. Returns how many."""
    oldest = (now() - timedelta(days=settings.RETENTION_DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM telemetry_rollup WHERE start < %s", [oldest])
        return int(cursor.rowcount)


class RollupLoop:
    """Recomputes while there are marks, for as long as the ingest process runs."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping

    def run(self) -> None:
        """Until `stopping`; a database that is away is waited for."""
        while not self._stopping.is_set():
            try:
                behind = recompute_recent() == TAKE_MOST
                behind |= recompute_late() == LATE_MOST
            except Error as error:
                log.warning("rollups_wait", extra={"error": str(error).strip()})
                connections.close_all()
                behind = False
            if not behind:
                self._stopping.wait(EVERY_S)
        connections.close_all()
