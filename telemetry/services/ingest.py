"""Telemetry into PostgreSQL: many messages, one transaction, nothing twice, nothing lost.

`store` may be called again with the same messages, in any order and any cut: the table, the rollups and the
newest sample come out the same.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import IntegrityError, connection, transaction

from devices.models import Device
from devices.mqtt.messages import Message, Receipt
from hetri.core import bus
from hetri.core.ids import to_ms
from hetri.core.times import from_ms, iso, now
from telemetry import partitions
from telemetry.payloads import Parsed, Reading, parse
from telemetry.rows import COLUMNS, EPOCH_2000_US, HEADER, TRAILER, pack, pack_mark, sample_key
from telemetry.services.rejected import keep

BUCKET_MS = 300_000
_TAKE = """
    UPDATE devices_device d SET
        last_seen = greatest(d.last_seen, v.seen),
        status = CASE WHEN d.status = 'never_seen' THEN 'online' ELSE d.status END,
        latest = CASE WHEN v.ts >= coalesce(d.owned_since, '-infinity') AND v.key > coalesce(d.latest_key, %(zero)s)
                      THEN v.latest ELSE d.latest END,
        latest_key = CASE WHEN v.ts >= coalesce(d.owned_since, '-infinity')
                          THEN greatest(d.latest_key, v.key) ELSE d.latest_key END
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS v(id uuid, seen timestamptz, ts timestamptz, key uuid, latest jsonb)
    WHERE d.id = v.id AND d.retired_at IS NULL
"""


class Known(msgspec.Struct):
    """What ingest needs to know of a collar, and what a batch brought of it."""

    id: UUID
    owner_id: UUID | None
    owned_since: datetime | None
    retired_at: datetime | None
    seen_ms: int = 0
    newest_key: bytes = b""
    newest: Reading | None = None


class Incoming(msgspec.Struct):
    """A batch taken apart: packed rows by key, the marks of the buckets that they touch, what was refused."""

    rows: dict[bytes, bytes] = {}
    marks: set[bytes] = set()
    heard: list[Known] = []
    refused: list[tuple[Message, Any, str]] = []
    receipts: list[Receipt] = []


def store(messages: Sequence[Message]) -> list[Receipt]:
    """Store the samples of these messages and return a receipt for each that asks for one.

    After it returns all is committed. Raises OperationalError when the database is away: nothing is stored
    then, call again with the same messages.
    """
    incoming = _take_apart(messages, _known(messages))
    days = {int.from_bytes(key[:6], "big") for key in incoming.rows}
    partitions.ensure(days)
    try:
        _write(incoming)
    except IntegrityError:
        # A partition that we believed in is gone (dropped, or another database): look again.
        partitions.forget()
        partitions.ensure(days)
        _write(incoming)
    return incoming.receipts


def _known(messages: Sequence[Message]) -> dict[str, Known]:
    """The collars of these messages, by topic: text hashes faster than a UUID."""
    topics = {message.topic: message.device_id for message in messages}
    fields = ("pk", "owner_id", "owned_since", "retired_at")
    rows = Device.objects.filter(pk__in=set(topics.values())).values_list(*fields)
    found = {row[0]: Known(*row) for row in rows}
    return {topic: found[pk] for topic, pk in topics.items() if pk in found}


def _take_apart(messages: Sequence[Message], known: dict[str, Known]) -> Incoming:
    incoming = Incoming()
    oldest = to_ms(now() - timedelta(days=settings.RETENTION_DAYS))
    for message in messages:
        parsed = parse(message.payload, oldest, message.received_ms)
        device = known.get(message.topic)
        if device is None or device.retired_at is not None:
            parsed.rejected += len(parsed.readings)
            parsed.readings = []
            parsed.refused = [(message.payload, "unknown_device" if device is None else "retired")]
        else:
            _add(incoming, device, message.received_ms, parsed)
        for what, why in parsed.refused:
            incoming.refused.append((message, what, why))
        if parsed.answer:
            counts = (len(parsed.readings), parsed.rejected)
            incoming.receipts.append(Receipt(message.topic, parsed.boot, parsed.batch, *counts))
    return incoming


def _add(incoming: Incoming, device: Known, received_ms: int, parsed: Parsed) -> None:
    if not device.seen_ms:
        incoming.heard.append(device)
    device.seen_ms = max(device.seen_ms, received_ms)
    device_bytes, boot = device.id.bytes, parsed.boot.encode()
    source, received_us = device_bytes + boot, received_ms * 1000 - EPOCH_2000_US
    for reading in parsed.readings:
        key = sample_key(source, reading)
        incoming.rows[key] = pack(key, device_bytes, received_us, boot, reading)
        incoming.marks.add(pack_mark(device_bytes, reading.ts - reading.ts % BUCKET_MS))
        if key > device.newest_key:
            device.newest_key, device.newest = key, reading


@transaction.atomic
def _write(incoming: Incoming) -> None:
    if incoming.rows:
        _insert(list(incoming.rows.values()))
        _copy("telemetry_rollupmark (device_id, start)", sorted(incoming.marks))
    if incoming.heard:
        _take_newest(incoming.heard)
    if incoming.refused:
        keep(incoming.refused)
    transaction.on_commit(lambda: bus.push(_events(incoming.heard)))


def _insert(rows: list[bytes]) -> None:
    """COPY straight into the table; only when some rows are there already, by way of a temporary table."""
    try:
        with transaction.atomic():
            _copy(f"telemetry_sample ({COLUMNS})", rows)
    except IntegrityError:
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMPORARY TABLE IF NOT EXISTS incoming (LIKE telemetry_sample) ON COMMIT DELETE ROWS"
            )
            _copy(f"incoming ({COLUMNS})", rows)
            cursor.execute("INSERT INTO telemetry_sample SELECT * FROM incoming ON CONFLICT (id) DO NOTHING")


def _copy(target: str, rows: list[bytes]) -> None:
    command = f"COPY {target} FROM STDIN (FORMAT BINARY)"
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(command) as copy:
        copy.write(b"".join((HEADER, *rows, TRAILER)))


def _take_newest(heard: list[Known]) -> None:
    """Presence and newest sample on the device rows, guarded by key: the order of arrival does not matter."""
    rows = [
        {
            "id": device.id,
            "seen": from_ms(device.seen_ms),
            "ts": from_ms(device.newest.ts) if device.newest else None,
            "key": device.newest_key.hex() or None,
            "latest": sample_dict(device.newest) if device.newest else None,
        }
        for device in heard
    ]
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"zero": UUID(int=0), "rows": msgspec.json.encode(rows).decode()})


def _events(heard: list[Known]) -> list[bus.Event]:
    """One push a device: the newest sample of what was committed together, if its owner may see it."""
    events: list[bus.Event] = []
    for device in heard:
        newest = device.newest
        if newest is None or (device.owned_since is not None and newest.ts < to_ms(device.owned_since)):
            continue
        address = {"device": str(device.id), **({"user": str(device.owner_id)} if device.owner_id else {})}
        events.append({"type": "telemetry", **address, "data": sample_dict(newest)})
    return events


def sample_dict(reading: Reading) -> dict[str, Any]:
    """A sample as the API shows it."""
    felt = reading.activity
    return {
        "ts": iso(from_ms(reading.ts)),
        "accel_x": reading.accel_x,
        "accel_y": reading.accel_y,
        "accel_z": reading.accel_z,
        "battery_level": reading.battery_level,
        "activity": felt
        and {"sd_mg": felt.sd_mg, "odba_mg": felt.odba_mg, "active_s": felt.active_s, "steps": felt.steps},
    }
