"""The day as a drawing: bars, gaps, days of other lengths."""

from datetime import UTC, datetime, timedelta

from core.times import day_bounds
from pages import day_chart
from pages.day_chart import Bucket, Span
from treats.models import TreatEvent

ZONE = "Europe/Berlin"
START = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def span(hours: float, known_from: datetime = LONG_AGO) -> Span:
    return Span(START, START + timedelta(hours=24), known_from, START + timedelta(hours=hours))


def buckets(*hours: float, active_s: int = 0) -> list[Bucket]:
    return [Bucket(START + timedelta(hours=hour), active_s, 80.0) for hour in hours]


def quarters(start: int, end: int) -> list[float]:
    return [number / 4 for number in range(start, end)]


def test_a_slot_without_samples_is_a_gap_and_neighbours_are_one() -> None:
    drawn = day_chart.draw(span(3), ZONE, buckets(*quarters(0, 4), *quarters(8, 12)), [])
    assert [(gap.x, gap.width) for gap in drawn.gaps] == [(4.17, 4.16)]
    assert len(drawn.bars) == 8


def test_silence_until_now_is_a_gap_but_the_running_slot_is_not() -> None:
    drawn = day_chart.draw(span(2.1), ZONE, buckets(*quarters(0, 4)), [])
    assert [(gap.x, round(gap.x + gap.width, 2)) for gap in drawn.gaps] == [(4.17, 8.33)]
    assert drawn.now == 8.75


def test_what_was_before_the_owner_is_no_gap() -> None:
    drawn = day_chart.draw(span(4, known_from=START + timedelta(hours=2)), ZONE, buckets(*quarters(8, 16)), [])
    assert drawn.gaps == ()


def test_rest_is_a_line_and_activity_a_bar() -> None:
    quiet, busy = day_chart.draw(span(1), ZONE, [*buckets(0), *buckets(0.25, active_s=600)], []).bars
    assert quiet.height == day_chart.QUIET
    assert busy.height == round(600 / 900 * day_chart.TALLEST)


def test_only_dispensed_treats_are_dots() -> None:
    given = [TreatEvent(result=result, event_time=START + timedelta(hours=6)) for result in ("dispensed", "jammed")]
    assert day_chart.draw(span(7), ZONE, [], given).treats == (25.0,)


def test_noon_is_where_it_is_on_a_day_of_25_hours() -> None:
    start, end = day_bounds(datetime(2026, 10, 25, 12, tzinfo=UTC), ZONE)
    drawn = day_chart.draw(Span(start, end, LONG_AGO, end), ZONE, [], [])
    assert dict(drawn.ticks)["12"] == 52.0


def test_the_table_names_hours_without_data() -> None:
    day = Span(START, START + timedelta(hours=3), LONG_AGO, START + timedelta(hours=3))
    rows = day_chart.hours(day, ZONE, [*buckets(0.5, 0.75, active_s=60), *buckets(2.5, active_s=30)])
    assert [(row[1], row[2]) for row in rows] == [(30, 80.0), (None, None), (120, 80.0)]


def test_samples_from_before_the_collar_was_set_up_count_as_known() -> None:
    drawn = day_chart.draw(span(4, known_from=START + timedelta(hours=4)), ZONE, buckets(1, *quarters(12, 16)), [])
    assert [(gap.x, round(gap.x + gap.width, 2)) for gap in drawn.gaps] == [(5.21, 12.5)]
