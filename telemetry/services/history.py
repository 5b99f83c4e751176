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
from telemetry.columns import BUCKET_COLUMNS, BY_NAME, FELT, PLAIN, Bucketed, bucket_fields
from telemetry.const import FIVE_MINUTES, HOUR
from telemetry.services.rollups import AGGREGATES

Window = tuple[datetime | None, datetime | None]  # from (inclusive) to (exclusive); None is unbounded
WIDTHS = {"5m": FIVE_MINUTES, "1h": HOUR, "1d": FIVE_MINUTES}
# PostgreSQL prints a timestamp in a third of the time that to_char takes. A microsecond more makes it print six digits;
# `_texts` takes off what we do not want. The session's time zone is UTC (Django sets it).
ISO = """'"' || (ts + interval '1 microsecond')::text || '"'"""
# Each value as SQL that gives its JSON: text put together is four times as fast as json_build_object.
_ACTIVITY = ",".join(f'"{one.name}":%%s' for one in FELT)
_SAMPLE_FIELDS = {
    "ts": ISO,
    **{one.name: one.name for one in PLAIN},
    "activity": f"CASE WHEN {FELT[0].name} IS NULL THEN 'null' ELSE "
    f"format('{{{_ACTIVITY}}}', {', '.join(one.name for one in FELT)}) END",
}
_BUCKET_FIELDS = {"ts": ISO, "count": "count", **bucket_fields()}
_BUCKET_COLUMNS = ", ".join(("ts", "count", *(one.name for one in BUCKET_COLUMNS)))


@dataclass(frozen=True)
class TelemetryQuery:
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
class CursorSpec:
    """How a list is ordered, what a cursor points at, and how a cursor's text becomes that (SQL)."""

    order: str
    position: str
    cursor: str


@dataclass(frozen=True)
class Page:
    """JSON text without its closing brace, and the cursor of the next page or None."""

    json: str
    next: str | None


def samples(query: TelemetryQuery) -> Page:
    """Samples of the window; the cursor is the last sample's id."""
    clip, clip_values = _clip(query.windows, "ts >= {}", "ts < {}")
    inner = f"""
        SELECT * FROM telemetry_sample
        WHERE device_id = %(device)s AND ts >= %(start)s AND ts < %(end)s
          AND id >= %(low)s AND id < %(high)s AND {clip}
    """
    values = {**clip_values, **_bounds(query)}
    return _run(query, inner, _SAMPLE_FIELDS, CursorSpec("ts, id", "id", "%(cursor)s::uuid"), values)


def buckets(query: TelemetryQuery, resolution: str) -> Page:
    """Buckets that have samples, by their start; days are the pet's. The cursor is the last bucket's start."""
    inner, values = _base(query, WIDTHS[resolution])
    if resolution == "1d":
        inner = _days(inner)
        values["zone"] = query.device.pet.time_zone if query.device.pet else "UTC"
    inner = f"SELECT * FROM ({inner}) bucket WHERE ts >= %(start)s AND ts < %(end)s"
    cursor_spec = CursorSpec("ts", "extract(epoch FROM ts)::bigint", "%(cursor)s::bigint")
    return _run(query, inner, _BUCKET_FIELDS, cursor_spec, values)


def _bounds(query: TelemetryQuery) -> dict[str, Any]:
    return {
        "device": query.device.pk,
        "start": query.start,
        "end": query.end,
        "low": floor_key(to_ms(query.start)),
        "high": floor_key(to_ms(query.end) + 1),
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


def _base(query: TelemetryQuery, width: int) -> tuple[str, dict[str, Any]]:
    """Buckets of `width` seconds: whole ones from the rollups, those cut by a window's edge from the samples."""
    whole, whole_values = _clip(query.windows, "start >= {}", f"start + interval '{width} seconds' <= {{}}")
    inside, inside_values = _clip(query.windows, "t.ts >= {}", "t.ts < {}")
    # A day is made of buckets that may begin after `end`: read one longest day further.
    last = query.end + timedelta(hours=25)
    cut = [start for start in _cut_buckets(query.windows, width) if query.start <= start < last]
    values = {**whole_values, **inside_values, **_bounds(query), "last": last, "cut": cut}
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
    columns = ", ".join(f"{_whole(one)} AS {one.name}" for one in BUCKET_COLUMNS)
    twice = f"({before} AT TIME ZONE %(zone)s)::date = (ts AT TIME ZONE %(zone)s)::date"
    return f"""
        SELECT CASE WHEN {twice} THEN {before} ELSE {midnight} END AS ts, sum(count)::bigint AS count, {columns}
        FROM ({base}) five GROUP BY 1
    """


def _whole(column: Bucketed) -> str:
    """A day's value; a sum of bigints is numeric, which is printed with what it does not have."""
    return f"{column.of_buckets}::bigint" if column.name in BY_NAME else column.of_buckets


def _run(
    query: TelemetryQuery, inner: str, fields: dict[str, str], cursor_spec: CursorSpec, values: dict[str, Any]
) -> Page:
    """The page as JSON in one query; only when it is full a second one asks whether there is more."""
    after = f"AND {cursor_spec.position} {'<' if query.order == 'desc' else '>'} {cursor_spec.cursor}"
    order = ", ".join(f"{column} {query.order}" for column in cursor_spec.order.split(", "))
    first = inner if query.cursor is None else f"{inner} {after}"
    page = f"""
        SELECT {_as_json(fields, query.shape)}, count(*), (array_agg({cursor_spec.position}))[count(*)]
        FROM ({first} ORDER BY {order} LIMIT %(most)s) page
    """
    with connection.cursor() as cursor:
        cursor.execute(page, {**values, "most": query.limit, "cursor": query.cursor})
        text, count, last = cursor.fetchone()
        more = count == query.limit
        if more:
            cursor.execute(f"SELECT EXISTS ({inner} {after})", {**values, "cursor": last})
            more = cursor.fetchone()[0]
    return Page(json=text, next=str(last) if more else None)


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
