"""Times as the API writes them, and calendar days in somebody's zone."""

from datetime import UTC, datetime, time, timedelta
from typing import overload
from zoneinfo import ZoneInfo

# A time that the server wrote itself and that lies further ahead was written before its clock was set back. More than
# the clocks of two hosts differ.
CLOCK_SLACK = timedelta(seconds=60)


def now() -> datetime:
    """The server's UTC time."""
    return datetime.now(UTC)


@overload
def iso(moment: datetime) -> str: ...
@overload
def iso(moment: None) -> None: ...
@overload
def iso(moment: datetime | None) -> str | None: ...
def iso(moment: datetime | None) -> str | None:
    """`2026-11-23T10:00:00.123Z`: UTC, milliseconds. None stays None."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_ms(ms: int) -> datetime:
    """UTC time of a count of milliseconds since 1970."""
    return datetime.fromtimestamp(ms // 1000, UTC) + timedelta(milliseconds=ms % 1000)


def day_bounds(moment: datetime, zone: str) -> tuple[datetime, datetime]:
    """Start and end (exclusive), in UTC, of the calendar day of `moment` in `zone`; 23 to 25 hours apart."""
    local = ZoneInfo(zone)
    day = moment.astimezone(local).date()
    start = datetime.combine(day, time.min, local)
    end = datetime.combine(day + timedelta(days=1), time.min, local)
    return start.astimezone(UTC), end.astimezone(UTC)
