"""This week beside last week, out of days; and the drawing of it. Across in percent, down in pixels."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from core.times import day_bounds
from pages.day_stats import ENOUGH
from pages.formatting import duration, local, percent
from telemetry.const import FIVE_MINUTES
from telemetry.services.days import PetDay

TOP, BASE = 24, 232  # pixels of the drawing: where the tallest bar ends, where all begin
A_WEEK = timedelta(days=7)
WIDTH = 3.2  # percent of a bar


@dataclass(frozen=True)
class Bar:
    """A day in the drawing: `x` in percent, `y` and `height` in pixels."""

    x: float
    y: int
    height: int
    label: str = ""
    width: float = WIDTH


@dataclass(frozen=True)
class Column:
    """A day of this week beside the same day of the last one. `worn` is 0 to 1, None without a sample."""

    day: date
    name: str
    is_today: bool
    is_to_come: bool
    active_s: int
    before_s: int | None
    worn: float | None
    middle: float
    this: Bar | None
    last: Bar | None

    @property
    def enough(self) -> bool:
        """Whether the day can be counted."""
        return self.worn is not None and self.worn >= ENOUGH

    @property
    def active(self) -> str:
        """In words."""
        return duration(self.active_s) if self.worn else _("no data")

    @property
    def before(self) -> str:
        """The same day of last week, in words."""
        return _("no data") if self.before_s is None else duration(self.before_s)

    @property
    def worn_words(self) -> str:
        """`worn 92 %`."""
        return _("worn {share}").format(share=percent(self.worn * 100)) if self.worn is not None else ""


@dataclass(frozen=True)
class Week:
    columns: list[Column]
    sentence: str
    ticks: list[tuple[int, str]]


def bounds(at: datetime, zone: str) -> tuple[date, datetime]:
    """Monday of this week in `zone`, and the moment at which last week began."""
    today = local(at, zone).date()
    monday = today - timedelta(days=today.weekday())
    noon = local(at, zone).replace(hour=12) - timedelta(days=today.weekday() + 7)
    return monday, day_bounds(noon, zone)[0]


@dataclass(frozen=True)
class Told:
    """What is known: days of two weeks, seen from `at` in `zone`. A report stands for `interval_s`."""

    days: dict[date, PetDay]
    at: datetime
    zone: str
    interval_s: int

    @property
    def today(self) -> date:
        """The day that runs."""
        return local(self.at, self.zone).date()

    def worn(self, day: date) -> float | None:
        """How much of a day (up to now) has samples, 0 to 1. None for a day to come, or without any."""
        found = self.days.get(day)
        if found is None:
            return None
        start, end = day_bounds(datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(self.zone)), self.zone)
        passed = (min(end, self.at) - start).total_seconds()
        told = found.slots * max(FIVE_MINUTES, self.interval_s)
        return min(1.0, told / max(passed, FIVE_MINUTES))

    def active(self, day: date) -> int | None:
        """Active seconds of a day that was worn enough; None of any other."""
        worn = self.worn(day)
        return self.days[day].active_s if worn is not None and worn >= ENOUGH else None


def draw(told: Told) -> Week:
    """This week's seven days, each beside the one a week before."""
    monday, _start = bounds(told.at, told.zone)
    week = [monday + timedelta(days=number) for number in range(7)]
    hours = _hours(told, week)
    columns = [_column(told, day, number, hours) for number, day in enumerate(week)]
    step = 1 if hours <= 4 else 2 if hours <= 8 else 6
    ticks = [(_y(hour * 3600, hours), f"{hour} h") for hour in range(0, hours + 1, step)]
    return Week(columns=columns, sentence=_sentence(columns), ticks=ticks)


def _hours(told: Told, week: list[date]) -> int:
    shown = [*week, *(day - A_WEEK for day in week)]
    return max(1, -(-max(told.active(day) or 0 for day in shown) // 3600))


def _y(active_s: int, hours: int) -> int:
    return BASE - round(active_s / (hours * 3600) * (BASE - TOP))


def _column(told: Told, day: date, number: int, hours: int) -> Column:
    this, before = told.active(day), told.active(day - A_WEEK)
    middle = (number + 0.5) * 100 / 7
    return Column(
        day=day,
        name=_("Today") if day == told.today else date_format(day, "D"),
        is_today=day == told.today,
        is_to_come=day > told.today,
        active_s=told.days[day].active_s if day in told.days else 0,
        before_s=before,
        worn=told.worn(day),
        middle=round(middle, 2),
        this=None if this is None else _bar(middle + 0.5, this, hours),
        last=None if before is None else _bar(middle - WIDTH - 0.5, before, hours),
    )


def _bar(x: float, active_s: int, hours: int) -> Bar:
    y = min(BASE - 2, _y(active_s, hours))
    minutes = round(active_s / 60)
    return Bar(x=round(x, 2), y=y, height=BASE - y, label=f"{minutes // 60}:{minutes % 60:02}")


def _sentence(columns: list[Column]) -> str:
    """The average of the days that count, beside the same days of last week."""
    counted = [column for column in columns if column.enough and not column.is_today]
    if not counted:
        return _("No whole day of this week yet.")
    mean = _mean([column.active_s for column in counted])
    pairs = [(column.active_s, column.before_s) for column in counted if column.before_s is not None]
    if not pairs:
        return _("{time} a day. Nothing to compare with last week yet.").format(time=duration(mean))
    more = _mean([this for this, _last in pairs]) - _mean([last or 0 for _this, last in pairs])
    if abs(more) < 60:
        return _("{time} a day, the same as on these days last week.").format(time=duration(mean))
    words = _("{time} a day, {more} more than on the same days last week.")
    if more < 0:
        words = _("{time} a day, {more} less than on the same days last week.")
    return words.format(time=duration(mean), more=duration(abs(more)))


def _mean(values: list[int]) -> float:
    return sum(values) / len(values)
