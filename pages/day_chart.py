"""The day of a collar as a drawing: bars of 15 minutes, hatched where nothing was sent, a dot for each treat.

Across, everything is in percent of the day, so that the drawing fits any width; down, in pixels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.runs import runs_of
from pages.formatting import local
from treats.models import TreatEvent

SLOT_S = 900
TALLEST = 44  # pixels of a bar that was active all 15 minutes
QUIET = 2  # pixels of a slot with samples and no activity: there is a line where there is knowledge
BASE = 64  # pixels from the top to the line


@dataclass(frozen=True)
class Bucket:
    """Five minutes of samples, out of the rollups.

    `battery` is the lowest of them, in percent; `late_at` is when some of them came late, if any did.
    """

    start: datetime
    active_s: int
    battery: float = 0.0
    late_at: datetime | None = None


@dataclass(frozen=True)
class Box:
    """A rectangle: x and width in percent, y and height in pixels."""

    x: float
    width: float
    y: int
    height: int


@dataclass(frozen=True)
class Strip:
    """All that the template draws. `now` is where the unknown rest of the day begins, in percent."""

    bars: tuple[Box, ...]
    gaps: tuple[Box, ...]
    treats: tuple[float, ...]
    ticks: tuple[tuple[str, float], ...]
    now: float
    base: int = BASE


@dataclass(frozen=True)
class Span:
    """The day drawn. Silence is a gap from `known_from` on, or from the first sample when that is earlier."""

    start: datetime
    end: datetime
    known_from: datetime
    now: datetime

    def share(self, moment: datetime) -> float:
        """Where `moment` lies, in percent of the day."""
        part = (moment - self.start) / (self.end - self.start) * 100
        return round(min(100.0, max(0.0, part)), 2)


def draw(span: Span, zone: str, buckets: Sequence[Bucket], treats: Sequence[TreatEvent]) -> Strip:
    """The strip of one day. A slot that is over and has no samples is a gap."""
    active: dict[int, int] = {}
    for bucket in buckets:
        slot = int((bucket.start - span.start).total_seconds() // SLOT_S)
        active[slot] = active.get(slot, 0) + bucket.active_s
    given = [event for event in treats if event.result == TreatEvent.Result.DISPENSED]
    return Strip(
        bars=tuple(_bar(span, slot, seconds) for slot, seconds in sorted(active.items())),
        gaps=tuple(_gaps(span, active, min([span.known_from, *(bucket.start for bucket in buckets[:1])]))),
        treats=tuple(span.share(event.event_time) for event in given),
        ticks=tuple(_ticks(span, zone)),
        now=span.share(span.now) if active or span.known_from < span.now else 0.0,
    )


def _slot_start(span: Span, slot: int) -> datetime:
    return span.start + timedelta(seconds=slot * SLOT_S)


def _bar(span: Span, slot: int, active_s: int) -> Box:
    height = max(QUIET, round(min(active_s, SLOT_S) / SLOT_S * TALLEST))
    width = SLOT_S / (span.end - span.start).total_seconds() * 100
    left = span.share(_slot_start(span, slot))
    return Box(x=round(left + width * 0.18, 2), width=round(width * 0.64, 2), y=BASE - height, height=height)


def _gaps(span: Span, active: dict[int, int], since: datetime) -> Iterator[Box]:
    """Neighbouring empty slots are one gap."""
    first = -int((span.start - since).total_seconds() // SLOT_S)
    last = int((span.now - span.start).total_seconds() // SLOT_S)
    empty = [slot for slot in range(max(0, first), last) if slot not in active]
    for slots in runs_of(empty):
        left, right = span.share(_slot_start(span, slots[0])), span.share(_slot_start(span, slots[-1] + 1))
        yield Box(x=left, width=round(right - left, 2), y=BASE - TALLEST, height=TALLEST)


def _ticks(span: Span, zone: str) -> Iterator[tuple[str, float]]:
    """00, 06, 12, 18, 24 where they really are, on days of 23 and 25 hours, too."""
    midnight = local(span.start, zone)
    for hour in (0, 6, 12, 18):
        yield f"{hour:02}", span.share(midnight.replace(hour=hour))
    yield "24", 100.0


def hours(span: Span, zone: str, buckets: Sequence[Bucket]) -> list[tuple[datetime, int | None, float | None]]:
    """The table beneath the chart: (hour, active seconds, lowest battery), newest first; None is no data."""
    found: dict[datetime, list[Bucket]] = {}
    for bucket in buckets:
        found.setdefault(_hour(bucket.start, zone), []).append(bucket)
    rows: list[tuple[datetime, int | None, float | None]] = []
    since = min([span.known_from, *(bucket.start for bucket in buckets[:1])])
    hour, first = _hour(span.now - timedelta(seconds=1), zone), max(span.start, since) - timedelta(hours=1)
    while hour > first:
        inside = found.get(hour)
        active = sum(bucket.active_s for bucket in inside) if inside else None
        rows.append((hour, active, min(bucket.battery for bucket in inside) if inside else None))
        hour -= timedelta(hours=1)
    return rows


def _hour(moment: datetime, zone: str) -> datetime:
    """The start of the hour on the clock of `zone`, some of which are half an hour off."""
    past = timedelta(minutes=local(moment, zone).minute, seconds=moment.second, microseconds=moment.microsecond)
    return moment - past
