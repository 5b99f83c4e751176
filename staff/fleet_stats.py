"""The last 24 hours of the fleet: counted each minute into a row an hour, drawn as small lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.db import connection

from core.ids import floor_key, to_ms
from core.runs import runs_of
from core.times import now
from staff.models import FleetHour
from telemetry.models import Sample

RECOUNT_H = 3  # late samples correct the line this far back
SHOWN_H = 24
KEPT = timedelta(days=2)
LAG_OVER = timedelta(minutes=1)
LAG_OF = 1000  # of the newest samples at most: their median is that of all, near enough
STEP, TALL = 10, 60  # an hour's width and the line's height, in units of the drawing
HOUR = timedelta(hours=1)

_COUNT_HOUR = """
    INSERT INTO staff_fleethour AS f (start, samples, treats, rejected, lag_ms) VALUES (
        %(start)s,
        (SELECT coalesce(sum(count), 0) FROM telemetry_rollup WHERE width = 3600 AND start = %(start)s),
        (SELECT count(*) FROM devices_treatevent WHERE result = 'dispensed' AND id >= %(first)s AND id < %(end)s),
        (SELECT count(*) FROM telemetry_rejectedmessage WHERE id >= %(first)s AND id < %(end)s),
        %(lag)s)
    ON CONFLICT (start) DO UPDATE SET samples = EXCLUDED.samples, treats = EXCLUDED.treats,
        rejected = greatest(f.rejected, EXCLUDED.rejected), lag_ms = greatest(f.lag_ms, EXCLUDED.lag_ms)
"""


@dataclass(frozen=True)
class Point:
    """An hour that was counted: where it is in the drawing (y down), and its words."""

    x: int
    y: float
    title: str


@dataclass(frozen=True)
class Line:
    """Runs of hours without a gap; an hour that nobody counted is in none. `said` is the whole in a sentence."""

    runs: tuple[tuple[Point, ...], ...]
    most: str
    said: str


def count_hours() -> None:
    """Sum up the newest hours of every collar, and drop what the dashboard shows no more."""
    this = now().replace(minute=0, second=0, microsecond=0)
    lag = lag_s(now())
    with connection.cursor() as cursor:
        for back in range(RECOUNT_H + 1):
            start = this - back * HOUR
            first, end = floor_key(to_ms(start)), floor_key(to_ms(start + HOUR))
            told = None if back or lag is None else round(lag * 1000)
            cursor.execute(_COUNT_HOUR, {"start": start, "first": first, "end": end, "lag": told})
    FleetHour.objects.filter(start__lt=now() - KEPT).delete()


def lag_s(at: datetime) -> float | None:
    """Seconds from sampling to the table, the median of the last minute's samples; None without one."""
    recent = Sample.objects.filter(id__gte=floor_key(to_ms(at - LAG_OVER)), id__lt=floor_key(to_ms(at)))
    took = recent.order_by("-id").values_list("ts", "received_at")[:LAG_OF]
    return median(found) if (found := [(came - ts).total_seconds() for ts, came in took]) else None


def counted(at: datetime) -> dict[datetime, FleetHour]:
    """The hours of the last 24 that were counted, this one too."""
    first = at.replace(minute=0, second=0, microsecond=0) - (SHOWN_H - 1) * HOUR
    return {hour.start: hour for hour in FleetHour.objects.filter(start__gte=first)}


def line(hours: dict[datetime, FleetHour], at: datetime, column: str, unit: str) -> Line:
    """One column of the hours; lag is drawn in seconds."""
    first = at.replace(minute=0, second=0, microsecond=0) - (SHOWN_H - 1) * HOUR
    scale = 1000 if column == "lag_ms" else 1
    known: list[tuple[int, float]] = []
    for number in range(SHOWN_H):
        hour = hours.get(first + number * HOUR)
        value = None if hour is None else getattr(hour, column)
        if value is not None:
            known.append((number, value / scale))
    most = max((value for _, value in known), default=0.0)
    return Line(tuple(_runs(known, first, most, unit)), f"{most:,.10g} {unit}", _said(known, unit))


def _runs(known: Sequence[tuple[int, float]], first: datetime, most: float, unit: str) -> list[tuple[Point, ...]]:
    values = dict(known)

    def point(number: int) -> Point:
        value = values[number]
        return Point(STEP * number + STEP // 2, TALL - TALL * value / (most or 1), _title(first, number, value, unit))

    return [tuple(point(number) for number in run) for run in runs_of(values)]


def _title(first: datetime, number: int, value: float, unit: str) -> str:
    return f"{first + number * HOUR:%H:%M} UTC: {value:,.10g} {unit}"


def _said(known: Sequence[tuple[int, float]], unit: str) -> str:
    if not known:
        return "No hour of the last 24 was counted."
    values = [value for _, value in known]
    return f"{len(known)} of the last 24 hours, between {min(values):,.10g} and {max(values):,.10g} {unit}."
