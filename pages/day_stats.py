"""The figures of a day, read for any number of collars with the same few queries."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.times import day_bounds
from devices.models import Device
from pages.day_chart import Bucket, Span, hours
from pages.formatting import duration, local, time_tag
from pages.presenters import Face
from telemetry.const import FIVE_MINUTES, HOUR
from telemetry.models import Rollup
from treats.models import TreatEvent
from treats.services.budget import HOLDING

ENOUGH = 0.6  # of a day worn; with less nothing is said about it
SAME_S = 60


@dataclass(frozen=True)
class Day:
    """A collar since its pet's midnight, as far as the reader may see it.

    `buckets` are in order of time; `treats` newest first; `left` is what the pet may still get today, in
    portions, None without a limit.
    """

    span: Span
    buckets: list[Bucket] = field(default_factory=list)
    treats: list[TreatEvent] = field(default_factory=list)
    newest: TreatEvent | None = None
    left: int | None = None

    @property
    def active(self) -> str:
        """Active time in words; a day without samples has none."""
        seconds = sum(bucket.active_s for bucket in self.buckets)
        return duration(seconds) if self.buckets else _("no data")


def days_of(faces: Sequence[Face], at: datetime) -> dict[UUID, Day]:
    """The day of each collar, by its id."""
    spans = {face.device.pk: _today(face, at) for face in faces}
    if not spans:
        return {}
    devices = [face.device for face in faces]
    since = min(span.start for span in spans.values())
    buckets = _buckets(list(spans), since)
    treats = list(_treats(devices, since))
    newest = {event.device_id: event for event in _newest(devices)}
    return {
        pk: _day(face, spans[pk], buckets.get(pk, []), treats, newest.get(pk))
        for face in faces
        for pk in (face.device.pk,)
    }


def last_24_h(face: Face, at: datetime) -> tuple[Span, list[Bucket]]:
    """The span of the chart and its buckets."""
    start = at - timedelta(hours=24)
    span = Span(start=start, end=at, known_from=silent_from(face.device, at), now=at)
    return span, _own_buckets(face, start)


RANGES = {"24h": 1, "7d": 7, "30d": 30}
DayRow = tuple[date, int | None, float | None]


def table(face: Face, at: datetime, wanted: str) -> list[DayRow] | list[tuple[datetime, int | None, float | None]]:
    """What the chart shows in numbers, newest first: hours of the last 24, or days. None is no data."""
    if wanted == "24h":
        span, buckets = last_24_h(face, at)
        return hours(span, face.zone, buckets)
    since = at - timedelta(days=RANGES[wanted])
    rows = Rollup.objects.filter(device=face.device, width=HOUR, start__gte=since).order_by("start")
    found: dict[date, list[tuple[int, float]]] = {}
    for start, active_s, battery in rows.values_list("start", "active_s", "battery_level_min"):
        if face.windows.contain(start):
            found.setdefault(local(start, face.zone).date(), []).append((active_s, battery))
    today = local(at, face.zone).date()
    days = [today - timedelta(days=number) for number in range(RANGES[wanted])]
    known = min(found, default=today)
    return [_day_row(day, found.get(day)) for day in days if day >= known]


def headline(day: Day, rows: Sequence[DayRow], wanted: str) -> SafeString:
    """What is said above the chart: `17 min today`, or `2 h 15 min a day in these 7 days`, as markup.

    The mean is over the days that are known; `rows` are those of table().
    """
    if wanted == "24h":
        return format_html(_("<b>{active}</b> today"), active=day.active)
    known = [active for _when, active, _battery in rows if active is not None]
    if not known:
        return format_html("<b>{}</b>", _("no data"))
    words = ngettext("<b>{active}</b> on one day", "<b>{active}</b> a day in these {n} days", len(known))
    return format_html(words, active=duration(sum(known) / len(known)), n=len(known))


def _day_row(day: date, told: list[tuple[int, float]] | None) -> DayRow:
    if not told:
        return day, None, None
    return day, sum(active for active, _battery in told), min(battery for _active, battery in told)


def more_than_yesterday(face: Face, day: Day, at: datetime) -> str:
    """`11 min more than yesterday by this time`; empty when either day is not known well enough to say."""
    before = day_bounds(day.span.start - timedelta(hours=1), face.zone)[0]
    if not face.windows.contain(before):
        return ""
    passed = at - day.span.start
    yesterday = [bucket for bucket in _own_buckets(face, before) if bucket.start < before + passed]
    enough = ENOUGH * passed / timedelta(seconds=FIVE_MINUTES)
    if min(len(yesterday), len(day.buckets)) < max(1, enough):
        return ""
    more = sum(bucket.active_s for bucket in day.buckets) - sum(bucket.active_s for bucket in yesterday)
    if abs(more) < SAME_S:
        return _("as much as yesterday by this time")
    words = _("{span} more than yesterday by this time") if more > 0 else _("{span} less than yesterday by this time")
    return words.format(span=duration(abs(more)))


def late_stretches(day: Day) -> list[tuple[datetime, timedelta, datetime]]:
    """What came late today: from when it is, how long it is, when it came. Neighbours are one stretch."""
    found: list[tuple[datetime, timedelta, datetime]] = []
    width = timedelta(seconds=FIVE_MINUTES)
    for bucket in day.buckets:
        if bucket.late_at is None or bucket.late_at < day.span.start:
            continue
        start, length, came = found[-1] if found else (bucket.start, timedelta(0), bucket.late_at)
        if found and start + length == bucket.start:
            found[-1] = (start, length + width, max(came, bucket.late_at))
        else:
            found.append((bucket.start, width, bucket.late_at))
    return found


def late(face: Face, day: Day) -> SafeString:
    """`20 min from 11:20 arrived late and are in the chart.`, of the newest such stretch; or nothing."""
    stretches = late_stretches(day)
    if not stretches:
        return SafeString("")
    start, length, _came = max(stretches, key=lambda stretch: stretch[2])
    words = _("{span} from {time} arrived late and are in the chart.")
    return format_html(words, span=duration(length.total_seconds()), time=time_tag(start, face.zone))


def ledger(face: Face, most: int, before: UUID | None = None) -> list[TreatEvent]:
    """The newest treats that the reader may see, newest first; older ones than `before`, if given."""
    events = TreatEvent.objects.within({face.device: face.windows})
    if before is not None:
        events = events.filter(pk__lt=before)
    return list(events.select_related("triggered_by").order_by("-pk")[:most])


def _today(face: Face, at: datetime) -> Span:
    start, end = day_bounds(at, face.zone)
    return Span(start=start, end=end, known_from=silent_from(face.device, at), now=at)


def silent_from(device: Device, at: datetime) -> datetime:
    """From when on silence means something: one that was never heard has no gaps, nor has the time before it came."""
    if device.last_seen is None:
        return at
    return device.owned_since or device.created_at


def _buckets(devices: list[UUID], since: datetime) -> dict[UUID, list[Bucket]]:
    rows = Rollup.objects.filter(device__in=devices, width=FIVE_MINUTES, start__gte=since).order_by("start")
    found: dict[UUID, list[Bucket]] = {}
    columns = rows.values_list("device_id", "start", "active_s", "battery_level_min", "late_at")
    for device, start, active_s, battery, late_at in columns:
        found.setdefault(device, []).append(Bucket(start, active_s, battery, late_at))
    return found


def _own_buckets(face: Face, since: datetime) -> list[Bucket]:
    """What the reader may see of one collar."""
    found = _buckets([face.device.pk], since).get(face.device.pk, [])
    return [bucket for bucket in found if face.windows.contain(bucket.start)]


def _treats(devices: Sequence[Device], since: datetime) -> QuerySet[TreatEvent]:
    """Also those that these collars' pets got from another collar: they share the budget."""
    pets = {device.pet_id for device in devices if device.pet_id}
    events = TreatEvent.objects.filter(Q(device__in=devices) | Q(pet__in=pets), event_time__gte=since)
    return events.select_related("triggered_by").order_by("-pk")


def _newest(devices: Sequence[Device]) -> QuerySet[TreatEvent]:
    """The newest treat of each: one step down the index (device, -id) for each."""
    last = TreatEvent.objects.filter(device=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    ids = Device.objects.filter(pk__in=[device.pk for device in devices]).values_list(Subquery(last), flat=True)
    return TreatEvent.objects.filter(pk__in=ids).select_related("triggered_by")


def _day(face: Face, span: Span, buckets: list[Bucket], treats: list[TreatEvent], newest: TreatEvent | None) -> Day:
    device, windows = face.device, face.windows
    return Day(
        span=span,
        buckets=[bucket for bucket in buckets if bucket.start >= span.start and windows.contain(bucket.start)],
        treats=[
            event
            for event in treats
            if event.device_id == device.pk and event.event_time >= span.start and windows.contain(event.event_time)
        ],
        newest=newest if newest and windows.contain(newest.event_time) else None,
        left=_left(device, span, treats),
    )


def _left(device: Device, span: Span, treats: list[TreatEvent]) -> int | None:
    """As treats.services.budget counts, out of rows that are here already."""
    if device.pet is None or device.pet.treats_per_day is None:
        return None
    today = [event for event in treats if event.pet_id == device.pet_id and span.start <= event.event_time < span.end]
    used = sum(event.portion for event in today if event.result in HOLDING)
    return max(0, device.pet.treats_per_day - used)
