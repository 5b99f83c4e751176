"""The dashboard's figures: read by an index or from a table as small as the fleet; no day of samples is counted."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import User
from accounts.roles import may
from core.ids import floor_key, to_ms
from core.times import now
from devices.models import Device
from firmware.models import UpdateJob
from staff import fleet_stats
from staff.health import health
from streaming.models import StreamSession
from telemetry.models import RejectedMessage, RollupMark, Sample
from treats.models import TreatEvent

RATE_OVER_S = 60  # the telemetry rate is of the last minute
REJECTED_MOST = 1000  # beyond it the figure says "1000+": counting on helps nobody
DAY = timedelta(days=1)
PRESENCES = {
    Device.Status.ONLINE: "online",
    Device.Status.OFFLINE: "silent",
    Device.Status.NEVER_SEEN: "never seen",
    Device.Status.RETIRED: "retired",
}


@dataclass(frozen=True)
class Figure:
    """A number and the list behind it, filtered to what was counted; `bad` when somebody has to act."""

    name: str
    value: str
    url: str = ""
    bad: bool = False


@dataclass(frozen=True)
class Rate:
    """A figure of now, and its last 24 hours; `kind` names the line's colour."""

    figure: Figure
    line: fleet_stats.Line
    kind: str = ""


def fill(request: HttpRequest, context: dict[str, object]) -> dict[str, object]:
    """Unfold's hook: the figures of the front page, for staff who may look at collars."""
    if not isinstance(request.user, User) or not may(request.user, "devices.view_device"):
        return context
    at = now()
    treats, rejected = _treats(at), _rejected(at)
    return {
        **context,
        "title": "Dashboard",
        "needs": [figure for figure in _needs(at, treats, rejected) if figure.bad],
        "fleet": _fleet(),
        "rates": _rates(at, treats, rejected),
        "treats": _treat_figures(treats),
        "health": health(),
    }


def _list(model: str, query: str = "") -> str:
    return reverse(f"admin:{model}_changelist") + query


def _of_last_day(at: datetime) -> Q:
    return Q(id__gte=floor_key(to_ms(at - DAY)))


def _treats(at: datetime) -> dict[str, int]:
    rows = TreatEvent.objects.filter(_of_last_day(at)).values_list("result").annotate(Count("id"))
    return dict(rows.order_by())


def _rejected(at: datetime) -> str:
    found = RejectedMessage.objects.filter(_of_last_day(at)).order_by("-id").values_list("pk")[:REJECTED_MOST]
    count = len(found)
    return f"{REJECTED_MOST}+" if count == REJECTED_MOST else str(count)


def _needs(at: datetime, treats: dict[str, int], rejected: str) -> list[Figure]:
    silent = Device.objects.in_use().filter(last_seen__lt=at - timedelta(hours=1)).count()
    failed = UpdateJob.objects.failed_since(at - DAY).count()
    cut = Device.objects.suspended_since(at - DAY).count()
    jammed, told = treats.get("jammed", 0), Device.objects.config_waiting().count()
    found = (
        ("silent for over 1 h", str(silent), _list("devices_device", "?silent=1h")),
        ("cut for sending too much, 24 h", str(cut), _list("devices_device", "?cut=24h")),
        ("messages rejected, 24 h", rejected, _list("telemetry_rejectedmessage", "?since=24h")),
        ("treats jammed, 24 h", str(jammed), _list("treats_treatevent", "?result__exact=jammed&since=24h")),
        ("updates failed, 24 h", str(failed), _list("firmware_updatejob", "?progress=failed")),
        ("config not applied", str(told), _list("devices_device", "?config=waiting")),
    )
    return [Figure(name, value, url, value != "0") for name, value, url in found]


def _presences() -> dict[str, int]:
    """How many there are of each; one that says online and went silent is silent (Device.presence)."""
    said = dict(Device.objects.values_list("status").annotate(Count("id")).order_by())
    heard = Device.objects.with_presence(Device.Status.ONLINE).count()
    silent = said.get(Device.Status.OFFLINE, 0) + said.get(Device.Status.ONLINE, 0) - heard
    return {**said, Device.Status.ONLINE: heard, Device.Status.OFFLINE: silent}


def _fleet() -> list[Figure]:
    counts = _presences()
    streams = StreamSession.objects.filter(state=StreamSession.State.LIVE).count()
    updates = UpdateJob.objects.running().count()
    return [
        *(
            Figure(name, str(counts.get(status, 0)), _list("devices_device", f"?presence={status}"))
            for status, name in PRESENCES.items()
        ),
        Figure("streams live", str(streams), _list("streaming_streamsession", "?state__exact=live")),
        Figure("updates on their way", str(updates), _list("firmware_updatejob", "?progress=running")),
    ]


def _rates(at: datetime, treats: dict[str, int], rejected: str) -> list[Rate]:
    minute = {"id__gte": floor_key(to_ms(at) - RATE_OVER_S * 1000), "id__lt": floor_key(to_ms(at))}
    rate = Sample.objects.filter(**minute).count() / RATE_OVER_S
    lag = fleet_stats.lag_s(at)
    mark = RollupMark.objects.order_by("pk").first()
    behind = "" if mark is None else ", rollups catching up"
    samples = _list("telemetry_sample", "?since=1m")
    dispensed = _list("treats_treatevent", "?result__exact=dispensed&since=24h")
    refused = _list("telemetry_rejectedmessage", "?since=24h")
    counted = fleet_stats.counted(at)

    def drawn(column: str, unit: str) -> fleet_stats.Line:
        return fleet_stats.line(counted, at, column, unit)

    return [
        Rate(Figure(f"samples a second, last minute{behind}", f"{rate:.1f}", samples), drawn("samples", "an hour")),
        Rate(
            Figure("lag to the table, last minute", "no sample" if lag is None else f"{lag:.1f} s", samples),
            drawn("lag_ms", "s"),
        ),
        Rate(
            Figure("treats dispensed, 24 h", str(treats.get("dispensed", 0)), dispensed),
            drawn("treats", "an hour"),
            "food",
        ),
        Rate(Figure("messages rejected, 24 h", rejected, refused), drawn("rejected", "an hour")),
    ]


def _treat_figures(treats: dict[str, int]) -> list[Figure]:
    return [
        Figure(
            str(result.value),
            str(treats.get(result, 0)),
            _list("treats_treatevent", f"?result__exact={result.value}&since=24h"),
        )
        for result in TreatEvent.Result
    ]
