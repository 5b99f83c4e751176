"""Telemetry into PostgreSQL: many messages, one transaction, nothing twice, nothing lost.

`store` may be called again with the same messages, in any order and any cut: the table, the rollups and the
newest sample come out the same.
"""

import logging
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
from django.conf import settings
from django.db import DataError, IntegrityError, connection, transaction

from broker.messages import Message, Receipt, Stored
from core import bus, clock, metrics
from core.ids import to_ms
from core.times import now
from devices.services.presence import Heard, note_heard
from telemetry import partitions
from telemetry.columns import FELT, PLAIN
from telemetry.const import BUCKET_MS, RECENT
from telemetry.copy_format import COLUMNS, EPOCH_2000_US, HEADER, TRAILER, pack, pack_mark, sample_key
from telemetry.payloads import Parsed, Reading, parse
from telemetry.services.rejected import Refusal, keep

log = logging.getLogger(__name__)
RECENT_MS = int(RECENT.total_seconds()) * 1000
_DEVICE_ROWS = """
    SELECT id::text, owner_id::text, (extract(epoch FROM owned_since) * 1000)::float8, retired_at IS NOT NULL
    FROM devices_device WHERE id = ANY(%s::uuid[])
"""


class DeviceRow(msgspec.Struct):
    """What ingest needs to know of a collar, and what a batch brought of it: its newest sample, that it was heard."""

    id: str
    owner_id: str | None
    owned_since_ms: float | None
    retired: bool
    key: bytes = b""
    in_batch: bool = False
    seen_ms: int = 0
    newest_key: bytes = b""
    newest: Reading | None = None


class Row(msgspec.Struct, gc=False):
    """A row as COPY takes it, whose it is, and what it was made of."""

    packed: bytes
    device: DeviceRow
    reading: Reading


class Incoming(msgspec.Struct):
    """A batch taken apart: rows by key, the 5-minute buckets (device, ms) that they touch, what was refused."""

    rows: dict[bytes, Row] = {}
    buckets: set[tuple[bytes, int]] = set()
    heard: list[DeviceRow] = []
    refused: list[Refusal] = []
    receipts: list[Receipt] = []
    late: list[Message] = []  # not taken apart
    withheld: int = 0  # messages, because it may be we whose clock is wrong


def store(messages: Sequence[Message]) -> list[Receipt]:
    """Store the samples of these messages and return a receipt for each that asks for one.

    After it returns all is committed. Raises OperationalError when the database is away: nothing is stored
    then, call again with the same messages.
    """
    return _store_before(messages, 0).receipts


def store_recent(messages: Sequence[Message]) -> Stored:
    """Like `store`, but messages with a sample older than RECENT_MS are given back, for `store` in a lane of its own.

    Samples scattered over a year touch hundreds of partitions; nobody else's receipt waits for that.
    """
    return _store_before(messages, to_ms(now()) - RECENT_MS)


def _store_before(messages: Sequence[Message], late_before: int) -> Stored:
    try:
        return _store(messages, late_before)
    except (IntegrityError, DataError) as error:
        log.warning("batch_refused", extra={"messages": len(messages), "error": str(error).strip()})
    # A partition that we believed in is gone (dropped, or another database), or a row is not to be had: the others are.
    partitions.forget()
    incoming = _take_apart(messages, late_before)
    partitions.ensure(start for _, start in incoming.buckets)
    return _store(messages, late_before, _unstorable(list(incoming.rows.items())))


def _store(messages: Sequence[Message], late_before: int, unstorable: Collection[bytes] = ()) -> Stored:
    incoming = _take_apart(messages, late_before, unstorable)
    partitions.ensure(start for _, start in incoming.buckets)
    if incoming.withheld:
        log.warning("clock_doubtful", extra={"withheld": incoming.withheld})
    _write(incoming)
    return Stored(incoming.receipts, incoming.late)


def _unstorable(rows: list[tuple[bytes, Row]]) -> set[bytes]:
    """Keys of the rows that the table refuses, found by halving. Stores nothing."""
    try:
        with transaction.atomic():
            _insert(dict(rows))
            transaction.set_rollback(True)
    except (IntegrityError, DataError):
        if len(rows) == 1:
            return {rows[0][0]}
        half = len(rows) // 2
        return _unstorable(rows[:half]) | _unstorable(rows[half:])
    return set()


def _device_rows(messages: Sequence[Message]) -> dict[str, DeviceRow]:
    """The collars of these messages, by topic: text hashes faster than a UUID."""
    topics = {message.topic: message.device_id for message in messages}
    ids = {topic: str(device_id) for topic, device_id in topics.items()}
    with connection.cursor() as cursor:
        cursor.execute(_DEVICE_ROWS, [f"{{{','.join(ids.values())}}}"])
        found = {row[0]: DeviceRow(*row) for row in cursor.fetchall()}
    devices = {topic: found[text] for topic, text in ids.items() if text in found}
    for topic, device in devices.items():
        device.key = topics[topic].bytes
    return devices


def _is_late(readings: Sequence[Reading], before: int) -> bool:
    for reading in readings:  # noqa: SIM110 - any() costs five times as much
        if reading.ts < before:
            return True
    return False


def _take_apart(messages: Sequence[Message], late_before: int, unstorable: Collection[bytes] = ()) -> Incoming:
    incoming, devices = Incoming(), _device_rows(messages)
    oldest = to_ms(now() - timedelta(days=settings.RETENTION_DAYS))
    for message in messages:
        parsed = parse(message.payload, oldest, message.received_ms)
        device = devices.get(message.topic)
        if late_before and _is_late(parsed.readings, late_before):
            incoming.late.append(message)
            continue
        if parsed.is_ahead and clock.is_doubtful():
            incoming.withheld += 1  # without an answer the collar keeps it, and sends it again
            continue
        if device is None or device.retired:
            parsed.rejected += len(parsed.readings)
            parsed.readings = []
            parsed.refused = [(message.payload, "unknown_device" if device is None else "retired")]
        else:
            if unstorable:
                _quarantine(parsed, device, unstorable)
            _add(incoming, device, message, parsed)
        for what, why in parsed.refused:
            incoming.refused.append((message, what, why))
        if parsed.answer:
            counts = (len(parsed.readings), parsed.rejected)
            incoming.receipts.append(Receipt(message.topic, parsed.boot, parsed.batch, *counts))
    return incoming


def _quarantine(parsed: Parsed, device: DeviceRow, unstorable: Collection[bytes]) -> None:
    """Move the readings that the table does not take to the refused ones."""
    source = device.key + parsed.boot.encode()
    refused = [reading for reading in parsed.readings if sample_key(source, reading) in unstorable]
    parsed.readings = [reading for reading in parsed.readings if sample_key(source, reading) not in unstorable]
    parsed.refused += [(msgspec.to_builtins(reading), "unstorable") for reading in refused]
    parsed.rejected += len(refused)


def _add(incoming: Incoming, device: DeviceRow, message: Message, parsed: Parsed) -> None:
    if not device.in_batch:
        device.in_batch = True
        incoming.heard.append(device)
    if not message.retained and message.received_ms > device.seen_ms:
        device.seen_ms = message.received_ms
    device_key, boot, rows = device.key, parsed.boot.encode(), incoming.rows
    source, received_us = device_key + boot, message.received_ms * 1000 - EPOCH_2000_US
    for reading in parsed.readings:
        key = sample_key(source, reading)
        if key in rows:
            continue  # a repeat changes nothing
        rows[key] = Row(pack(key, device_key, received_us, boot, reading), device, reading)
        incoming.buckets.add((device_key, reading.ts - reading.ts % BUCKET_MS))
        if key > device.newest_key:
            device.newest_key, device.newest = key, reading


@transaction.atomic
def _write(incoming: Incoming) -> None:
    new: Collection[bytes] = ()
    if incoming.rows:
        new = _insert(incoming.rows)
        _copy("telemetry_rollupmark (device_id, start)", [pack_mark(*bucket) for bucket in sorted(incoming.buckets)])
    if incoming.heard:
        _note_heard(incoming.heard)
    if incoming.refused:
        keep(incoming.refused)
    events = _events(incoming.rows, new)
    transaction.on_commit(lambda: _committed(events, len(incoming.rows)))


def _committed(events: list[bus.Event], samples: int) -> None:
    metrics.SAMPLES.inc(samples)
    bus.push(events)


def _insert(rows: dict[bytes, Row]) -> Collection[bytes]:
    """COPY straight into the table; only when some rows are there already, by way of a temporary table.

    Returns the keys that are new.
    """
    packed = [row.packed for row in rows.values()]
    try:
        with transaction.atomic():
            _copy(f"telemetry_sample ({COLUMNS})", packed)
        return rows.keys()
    except IntegrityError:
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMPORARY TABLE IF NOT EXISTS incoming (LIKE telemetry_sample) ON COMMIT DELETE ROWS"
            )
            cursor.execute("TRUNCATE incoming")
            _copy(f"incoming ({COLUMNS})", packed)
            cursor.execute(
                "INSERT INTO telemetry_sample SELECT * FROM incoming ON CONFLICT (id) DO NOTHING RETURNING id"
            )
            return {key.bytes for (key,) in cursor.fetchall()}


def _copy(target: str, rows: list[bytes]) -> None:
    command = f"COPY {target} FROM STDIN (FORMAT BINARY)"
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(command) as copy:
        copy.write(b"".join((HEADER, *rows, TRAILER)))


def _note_heard(heard: list[DeviceRow]) -> None:
    """Presence and newest sample of the collars that the batch is from."""
    rows = []
    for device in heard:
        newest = device.newest
        latest = sample_dict(newest) if newest else None
        rows.append(
            Heard(
                id=device.id,
                seen=iso_ms(device.seen_ms) if device.seen_ms else None,
                ts=latest["ts"] if latest else None,
                key=device.newest_key.hex() or None,
                latest=latest,
            )
        )
    note_heard(rows)


def _events(rows: dict[bytes, Row], new: Collection[bytes]) -> list[bus.Event]:
    """One push a device: the newest sample of what was committed together, if its owner may see it."""
    newest: dict[str, bytes] = {}
    for key in new:
        name = rows[key].device.id
        newest[name] = max(key, newest.get(name, b""))
    events: list[bus.Event] = []
    for key in newest.values():
        device, reading = rows[key].device, rows[key].reading
        if device.owned_since_ms is None or reading.ts >= device.owned_since_ms:
            address = {"device": device.id, **({"user": device.owner_id} if device.owner_id else {})}
            events.append({"type": "telemetry", **address, "data": sample_dict(reading)})
    return events


def sample_dict(reading: Reading) -> dict[str, Any]:
    """A sample as the API shows it."""
    felt = reading.activity
    return {
        "ts": iso_ms(reading.ts),
        **{one.name: getattr(reading, one.name) for one in PLAIN},
        "activity": felt and {one.name: getattr(felt, one.name) for one in FELT},
    }


def iso_ms(ms: int) -> str:
    """`core.times.iso` of a count of milliseconds, without a datetime for each."""
    return f"{_iso_second(ms // 1000)}.{ms % 1000:03d}Z"


@lru_cache(maxsize=10_000)
def _iso_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
