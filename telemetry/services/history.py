"""Reading samples and buckets back: PostgreSQL writes the JSON, clipped to what the reader may see.

Each query bounds `id` beside `ts`, so that only the partitions in question are planned and read.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from core.ids import floor_key, to_ms
from devices.models import Device
from telemetry.models import MICRO
from telemetry.services.rollups import AGGREGATES, FIVE_MINUTES, HOUR

Window = tuple[datetime | None, datetime | None]  # from (inclusive) to (exclusive); None is unbounded
WIDTHS = {"5m": FIVE_MINUTES, "1h": HOUR, "1d": FIVE_MINUTES}
# PostgreSQL prints a timestamp in a third of the time that to_char takes. A microsecond more makes it print six digits;
# `_texts` takes off what we do not want. The session's time zone is UTC (Django sets it).
ISO = """'"' || (ts + interval '1 microsecond')::text || '"'"""
# Each value as SQL that gives its JSON: text put together is four times as fast as json_build_object.
_SAMPLE_FIELDS = {
    "ts": ISO,
    **{name: name for name in ("accel_x", "accel_y", "accel_z", "battery_level")},
    "activity": "CASE WHEN active_s IS NULL THEN 'null' ELSE "
    """format('{"sd_mg":%%s,"odba_mg":%%s,"active_s":%%s,"steps":%%s}', sd_mg, odba_mg, active_s, steps) END""",
}
_BUCKET_FIELDS = {
    "ts": ISO,
    "count": "count",
    **{
        f"accel_{axis}_{kind}": f"accel_{axis}_sum / (count * {MICRO}.0)::float8"
        if kind == "mean"
        else f"accel_{axis}_{kind}"
        for axis in "xyz"
        for kind in ("min", "mean", "max")
    },
    **{name: name for name in ("battery_level_min", "battery_level_max", "active_s", "steps")},
}
_BUCKET_COLUMNS = (
    "ts, count, accel_x_sum, accel_y_sum, accel_z_sum, accel_x_min, accel_x_max, accel_y_min, accel_y_max, "
    "accel_z_min, accel_z_max, battery_level_min, battery_level_max, active_s, steps"
)


@dataclass(frozen=True)
class Ask:
    """What a reader wants: [start, end), `limit` rows in `order`, after `cursor`, as rows or columns."""

    device: Device
    windows: list[Window]
    start: datetime
    end: datetime
    limit: int
    order: str
    shape: str
    cursor: str | None = None


@dataclass(frozen=True)
class Place:
    """How a list is ordered, what a cursor points at, and how a cursor's text becomes that (SQL)."""

    order: str
    position: str
    cursor: str


@dataclass(frozen=True)
class Answer:
    """JSON text without its closing brace, and the cursor of the next page or None."""

    json: str
    next: str | None


def samples(ask: Ask) -> Answer:
    """Samples of the window; the cursor is the last sample's id."""
    clip, clip_values = _clip(ask.windows, "ts >= {}", "ts < {}")
    inner = f"""
        SELECT * FROM telemetry_sample
        WHERE device_id = %(device)s AND ts >= %(start)s AND ts < %(end)s
          AND id >= %(low)s AND id < %(high)s AND {clip}
    """
    values = {**clip_values, **_bounds(ask)}
    return _run(ask, inner, _SAMPLE_FIELDS, Place("ts, id", "id", "%(cursor)s::uuid"), values)


def buckets(ask: Ask, resolution: str) -> Answer:
    """Buckets that have samples, by their start; days are the pet's. The cursor is the last bucket's start."""
    inner, values = _base(ask, WIDTHS[resolution])
    if resolution == "1d":
        inner = _days(inner)
        values["zone"] = ask.device.pet.time_zone if ask.device.pet else "UTC"
    inner = f"SELECT * FROM ({inner}) bucket WHERE ts >= %(start)s AND ts < %(end)s"
    place = Place("ts", "extract(epoch FROM ts)::bigint", "%(cursor)s::bigint")
    return _run(ask, inner, _BUCKET_FIELDS, place, values)


def _bounds(ask: Ask) -> dict[str, Any]:
    return {
        "device": ask.device.pk,
        "start": ask.start,
        "end": ask.end,
        "low": floor_key(to_ms(ask.start)),
        "high": floor_key(to_ms(ask.end) + 1),
    }


def _clip(windows: list[Window], since: str, until: str) -> tuple[str, dict[str, Any]]:
    """SQL that is true inside any window, and its values."""
    clauses, values = [], {}
    for number, (start, end) in enumerate(windows):
        terms = ["TRUE"]
        if start is not None:
            terms.append(since.format(f"%(from{number})s"))
            values[f"from{number}"] = start
        if end is not None:
            terms.append(until.format(f"%(to{number})s"))
            values[f"to{number}"] = end
        clauses.append(" AND ".join(terms))
    return f"({' OR '.join(f'({clause})' for clause in clauses) or 'FALSE'})", values


def _base(ask: Ask, width: int) -> tuple[str, dict[str, Any]]:
    """Buckets of `width` seconds: whole ones from the rollups, those cut by a window's edge from the samples."""
    whole, whole_values = _clip(ask.windows, "start >= {}", f"start + interval '{width} seconds' <= {{}}")
    inside, inside_values = _clip(ask.windows, "t.ts >= {}", "t.ts < {}")
    # A day is made of buckets that may begin after `end`: read one longest day further.
    last = ask.end + timedelta(hours=25)
    cut = [start for start in _cut_buckets(ask.windows, width) if ask.start <= start < last]
    values = {**whole_values, **inside_values, **_bounds(ask), "last": last, "cut": cut}
    values["cut_low"] = [floor_key(to_ms(start)) for start in cut]
    values["cut_high"] = [floor_key(to_ms(start) + width * 1000) for start in cut]
    values["cut_lowest"] = min(values["cut_low"], default=UUID(int=0))
    values["cut_highest"] = max(values["cut_high"], default=UUID(int=0))
    columns = _BUCKET_COLUMNS.replace("ts, ", "start AS ts, ", 1)
    return (
        f"""
        SELECT {columns} FROM telemetry_rollup
        WHERE device_id = %(device)s AND width = {width} AND start >= %(start)s AND start < %(last)s
          AND {whole} AND start <> ALL(%(cut)s::timestamptz[])
        UNION ALL
        SELECT c.start, s.* FROM unnest(%(cut)s::timestamptz[], %(cut_low)s::uuid[], %(cut_high)s::uuid[])
            AS c(start, low, high)
        CROSS JOIN LATERAL (
            SELECT {AGGREGATES} FROM telemetry_sample t
            WHERE t.device_id = %(device)s AND t.ts >= c.start AND t.ts < c.start + interval '{width} seconds'
              AND t.id >= c.low AND t.id < c.high AND t.id >= %(cut_lowest)s AND t.id < %(cut_highest)s
              AND {inside}
            HAVING count(*) > 0) s
        """,
        values,
    )


def _cut_buckets(windows: list[Window], width: int) -> list[datetime]:
    """Starts of the buckets that an edge of a window falls into."""
    edges = {edge for window in windows for edge in window if edge is not None}
    cut = {edge - timedelta(seconds=edge.timestamp() % width) for edge in edges if edge.timestamp() % width}
    return sorted(start.replace(microsecond=0) for start in cut)


def _days(base: str) -> str:
    """Calendar days in %(zone)s out of 5-minute buckets.

    Where midnight comes twice (Havana, in autumn) PostgreSQL means the second one; the day begins with the first.
    """
    midnight = "date_trunc('day', ts, %(zone)s)"
    before = f"({midnight} - interval '1 hour')"
    twice = f"({before} AT TIME ZONE %(zone)s)::date = (ts AT TIME ZONE %(zone)s)::date"
    return f"""
        SELECT CASE WHEN {twice} THEN {before} ELSE {midnight} END AS ts, sum(count)::bigint AS count,
               sum(accel_x_sum) AS accel_x_sum, sum(accel_y_sum) AS accel_y_sum, sum(accel_z_sum) AS accel_z_sum,
               min(accel_x_min) AS accel_x_min, max(accel_x_max) AS accel_x_max,
               min(accel_y_min) AS accel_y_min, max(accel_y_max) AS accel_y_max,
               min(accel_z_min) AS accel_z_min, max(accel_z_max) AS accel_z_max,
               min(battery_level_min) AS battery_level_min, max(battery_level_max) AS battery_level_max,
               sum(active_s)::bigint AS active_s, sum(steps)::bigint AS steps
        FROM ({base}) five GROUP BY 1
    """


def _run(ask: Ask, inner: str, fields: dict[str, str], place: Place, values: dict[str, Any]) -> Answer:
    """The page as JSON in one query; only when it is full a second one asks whether there is more."""
    after = f"AND {place.position} {'<' if ask.order == 'desc' else '>'} {place.cursor}"
    order = ", ".join(f"{column} {ask.order}" for column in place.order.split(", "))
    first = inner if ask.cursor is None else f"{inner} {after}"
    page = f"""
        SELECT {_as_json(fields, ask.shape)}, count(*), (array_agg({place.position}))[count(*)]
        FROM ({first} ORDER BY {order} LIMIT %(most)s) page
    """
    with connection.cursor() as cursor:
        cursor.execute(page, {**values, "most": ask.limit, "cursor": ask.cursor})
        text, count, last = cursor.fetchone()
        more = count == ask.limit
        if more:
            cursor.execute(f"SELECT EXISTS ({inner} {after})", {**values, "cursor": last})
            more = cursor.fetchone()[0]
    return Answer(json=text, next=str(last) if more else None)


def _as_json(fields: dict[str, str], shape: str) -> str:
    """SQL of the answer's JSON, open at its end for `next`."""
    if shape == "columns":  # concat, since each || would copy what is there so far
        lists = ", ']', ',', ".join(f"""'"{name}":[', {_texts(sql)}""" for name, sql in fields.items())
        return f"concat('{{', {lists}, ']')"
    row = " || ',' || ".join(f"""'"{name}":' || {sql}""" for name, sql in fields.items())
    return f"""concat('{{"results":[', {_texts("'{' || " + row + " || '}'")}, ']')"""


def _texts(value: str) -> str:
    """SQL of all rows' values with commas between; concat takes NULL, for no rows, as nothing."""
    joined = f"string_agg(({value})::text, ',')"
    if ISO not in value:
        return joined
    # Nothing else in these texts has a space in it, or ends in a plus and a quote.
    return f"""replace(replace({joined}, '001+00"', 'Z"'), ' ', 'T')"""
