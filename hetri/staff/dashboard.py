"""The dashboard's figures: read by an index or from a table as small as the fleet; no day of samples is counted."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import redis
from django.conf import settings
from django.db import connection
from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from redis.exceptions import RedisError

from devices.models import Device, TreatEvent
from devices.mqtt import publisher
from hetri.accounts.models import User
from hetri.accounts.roles import may
from hetri.core.errors import Unavailable
from hetri.core.ids import floor_key, to_ms
from hetri.core.times import now
from hetri.staff.models import FleetHour
from telemetry.models import RejectedMessage, RollupMark, Sample

RATE_OVER_S = 60  # the telemetry rate is of the last minute
REJECTED_MOST = 1000  # beyond it the figure says "1000+": counting on helps nobody
HEARTBEAT_OLD_S = 30.0  # docs/operations.md
RECOUNT_H = 3  # late samples correct the line this far back

_COUNT_HOURS = """
    INSERT INTO staff_fleethour AS f (start, samples)
    SELECT start, sum(count) FROM telemetry_rollup WHERE width = 3600 AND start >= %s GROUP BY start
    ON CONFLICT (start) DO UPDATE SET samples = EXCLUDED.samples WHERE f.samples <> EXCLUDED.samples
"""


@dataclass(frozen=True)
class Figure:
    """A number and the list behind it; `bad` when somebody has to act."""

    name: str
    value: str
    url: str = ""
    bad: bool = False


@dataclass(frozen=True)
class Bar:
    """An hour of the chart, in units of the drawing: x from 0 to 240, height from 0 to 100."""

    x: int
    y: float
    height: float
    title: str


def count_hours() -> None:
    """Sum up the newest hours of every collar, and drop what the dashboard shows no more."""
    since = now() - timedelta(hours=RECOUNT_H)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_HOURS, [since.replace(minute=0, second=0, microsecond=0)])
    FleetHour.objects.filter(start__lt=now() - timedelta(days=2)).delete()


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's hook: the figures of the front page, for staff who may look at collars."""
    if not isinstance(request.user, User) or not may(request.user, "devices.view_device"):
        return context
    at = now()
    treats = _treats(at)
    return {
        **context,
        "title": "Dashboard",
        "needs": [figure for figure in _needs(at, treats) if figure.bad],
        "groups": [("Fleet", _fleet()), ("Treats, 24 h", _treat_figures(treats)), ("Telemetry", _telemetry(at))],
        "bars": bars(at),
        "health": health(),
    }


def _list(model: str, query: str = "") -> str:
    return reverse(f"admin:{model}_changelist") + query


def _of_last_day(at: datetime) -> Q:
    return Q(id__gte=floor_key(to_ms(at - timedelta(days=1))))


def _treats(at: datetime) -> dict[str, int]:
    rows = TreatEvent.objects.filter(_of_last_day(at)).values_list("result").annotate(Count("id"))
    return dict(rows.order_by())


def _needs(at: datetime, treats: dict[str, int]) -> list[Figure]:
    silent = Device.objects.in_use().filter(last_seen__lt=at - timedelta(hours=1)).count()
    rejected = len(RejectedMessage.objects.filter(_of_last_day(at)).order_by("-id").values_list("pk")[:REJECTED_MOST])
    jammed, told = treats.get("jammed", 0), Device.objects.config_waiting().count()
    return [
        Figure("silent for over 1 h", str(silent), _list("devices_device", "?silent=1h"), silent > 0),
        Figure("messages rejected, 24 h", _up_to(rejected), _list("telemetry_rejectedmessage"), rejected > 0),
        Figure("treats jammed, 24 h", str(jammed), _list("devices_treatevent", "?result__exact=jammed"), jammed > 0),
        Figure("config not applied", str(told), _list("devices_device", "?config=waiting"), told > 0),
    ]


def _up_to(count: int) -> str:
    return f"{REJECTED_MOST}+" if count == REJECTED_MOST else str(count)


def _fleet() -> list[Figure]:
    names = {"online": "online", "offline": "offline", "never_seen": "never seen", "retired": "retired"}
    counts = {status: Device.objects.with_presence(status).count() for status in names}
    return [
        Figure(name, str(counts[status]), _list("devices_device", f"?presence={status}"))
        for status, name in names.items()
    ]


def _treat_figures(treats: dict[str, int]) -> list[Figure]:
    return [
        Figure(result.value, str(treats.get(result, 0)), _list("devices_treatevent", f"?result__exact={result.value}"))
        for result in TreatEvent.Result
    ]


def _telemetry(at: datetime) -> list[Figure]:
    span = {"id__gte": floor_key(to_ms(at) - RATE_OVER_S * 1000), "id__lt": floor_key(to_ms(at))}
    rate = Sample.objects.filter(**span).count() / RATE_OVER_S
    newest = Sample.objects.filter(id__gte=floor_key(to_ms(at - timedelta(days=1)))).order_by("-id").first()
    lag = f"{(newest.received_at - newest.ts).total_seconds():.1f} s" if newest else "no sample"
    mark = RollupMark.objects.order_by("pk").first()
    return [
        Figure("samples a second, last minute", f"{rate:.1f}", _list("telemetry_sample")),
        Figure("from collar to table, newest sample", lag, _list("telemetry_sample")),
        Figure("rollups", "up to date" if mark is None else "catching up", _list("telemetry_rollupmark")),
    ]


def bars(at: datetime) -> list[Bar]:
    """The samples of each of the last 24 hours; an hour without a count has no bar."""
    first = at.replace(minute=0, second=0, microsecond=0) - timedelta(hours=23)
    counts = dict(FleetHour.objects.filter(start__gte=first).values_list("start", "samples"))
    most = max(counts.values(), default=0) or 1
    hours = [first + timedelta(hours=number) for number in range(24)]
    return [
        Bar(
            10 * number, 100 - 100 * counts[hour] / most, 100 * counts[hour] / most, f"{hour:%H:%M} UTC: {counts[hour]}"
        )
        for number, hour in enumerate(hours)
        if hour in counts
    ]


def health() -> list[tuple[str, bool]]:
    """What the platform stands on, and whether it is well. The database is, or this page would not be."""
    return [
        ("Database", True),
        ("Redis", _redis()),
        ("Broker", _broker()),
        *((name.title(), _beats(name)) for name in ("ingest", "worker", "beat")),
    ]


def _redis() -> bool:
    try:
        client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.2, socket_connect_timeout=0.2)
        return bool(client.ping())
    except RedisError:
        return False


def _broker() -> bool:
    try:
        publisher.require()
    except Unavailable:
        return False
    return True


def _beats(name: str) -> bool:
    try:
        touched = (settings.VAR_DIR / "heartbeat" / name).stat().st_mtime
    except OSError:
        return False
    return time.time() - touched < HEARTBEAT_OLD_S
