"""Telemetry into PostgreSQL: many messages, one transaction, nothing twice, nothing lost.

`store` may be called again with the same messages, in any order and any cut: the table, the rollups and the
newest sample come out the same.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from devices.models import Device
from devices.mqtt.messages import Message, Receipt
from hetri.core import bus
from hetri.core.ids import to_ms
from hetri.core.times import from_ms, iso, now
from telemetry import partitions
from telemetry.models import RollupMark
from telemetry.payloads import Parsed, Reading, parse
from telemetry.rows import COLUMNS, HEADER, TRAILER, pack, sample_key
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
    FROM unnest(%(ids)s::uuid[], %(seen)s::timestamptz[], %(ts)s::timestamptz[], %(keys)s::uuid[], %(latest)s::jsonb[])
         AS v(id, seen, ts, key, latest)
    WHERE d.id = v.id AND d.retired_at IS NULL
"""


@dataclass(slots=True)
class Incoming:
    """A batch taken apart: packed rows by key, the buckets that they touch, the newest of each device."""

    rows: dict[bytes, bytes] = field(default_factory=dict)
    buckets: set[tuple[UUID, int]] = field(default_factory=set)
    newest: dict[UUID, tuple[bytes, Reading]] = field(default_factory=dict)
    seen: dict[UUID, datetime] = field(default_factory=dict)
    refused: list[tuple[Message, Any, str]] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)


def store(messages: Sequence[Message]) -> list[Receipt]:
    """Store the samples of these messages and return a receipt for each that asks for one.

    After it returns all is committed. Raises OperationalError when the database is away: nothing is stored
    then, call again with the same messages.
    """
    devices = {device.pk: device for device in _devices(messages)}
    incoming = _take_apart(messages, devices)
    partitions.ensure(int.from_bytes(key[:6], "big") for key in incoming.rows)
    try:
        _write(incoming, devices)
    except IntegrityError:
        # A partition that we believed in is gone (dropped, or another database): look again.
        partitions.forget()
        partitions.ensure(int.from_bytes(key[:6], "big") for key in incoming.rows)
        _write(incoming, devices)
    return incoming.receipts


def _devices(messages: Sequence[Message]) -> list[Device]:
    ids = {message.device_id for message in messages}
    return list(Device.objects.filter(pk__in=ids).only("id", "owner_id", "owned_since", "retired_at"))


def _take_apart(messages: Sequence[Message], devices: dict[UUID, Device]) -> Incoming:
    incoming = Incoming()
    oldest = to_ms(now() - timedelta(days=settings.RETENTION_DAYS))
    for message in messages:
        parsed = parse(message.payload, oldest, to_ms(message.received_at))
        device = devices.get(message.device_id)
        if device is None or device.retired_at is not None:
            parsed.rejected += len(parsed.readings)
            parsed.readings = []
            parsed.refused = [(message.payload, "unknown_device" if device is None else "retired")]
        else:
            _add(incoming, message, parsed)
        incoming.refused.extend((message, what, why) for what, why in parsed.refused)
        if parsed.answer:
            receipt = Receipt(message.device_id, parsed.boot, parsed.batch, len(parsed.readings), parsed.rejected)
            incoming.receipts.append(receipt)
    return incoming


def _add(incoming: Incoming, message: Message, parsed: Parsed) -> None:
    device_id, boot, packed_boot = message.device_id, parsed.boot, parsed.boot.encode()
    received_us = int(message.received_at.timestamp() * 1_000_000)
    seen = incoming.seen.get(device_id)
    incoming.seen[device_id] = message.received_at if seen is None else max(seen, message.received_at)
    for reading in parsed.readings:
        key = sample_key(device_id, boot, reading)
        incoming.rows[key] = pack(key, device_id.bytes, received_us, packed_boot, reading)
        incoming.buckets.add((device_id, reading.ts - reading.ts % BUCKET_MS))
        newest = incoming.newest.get(device_id)
        if newest is None or key > newest[0]:
            incoming.newest[device_id] = (key, reading)


@transaction.atomic
def _write(incoming: Incoming, devices: dict[UUID, Device]) -> None:
    if incoming.rows:
        _insert(list(incoming.rows.values()))
        marks = [RollupMark(device_id=device, start=from_ms(start)) for device, start in sorted(incoming.buckets)]
        RollupMark.objects.bulk_create(marks)
    if incoming.seen:
        _take_newest(incoming)
    if incoming.refused:
        keep(incoming.refused)
    events = _events(incoming, devices)
    transaction.on_commit(lambda: bus.push(events))


def _insert(rows: list[bytes]) -> None:
    """COPY straight into the table; only when some rows are there already, by way of a temporary table."""
    try:
        with transaction.atomic():
            _copy("telemetry_sample", rows)
    except IntegrityError:
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMPORARY TABLE IF NOT EXISTS incoming (LIKE telemetry_sample) ON COMMIT DELETE ROWS"
            )
            _copy("incoming", rows)
            cursor.execute("INSERT INTO telemetry_sample SELECT * FROM incoming ON CONFLICT (id) DO NOTHING")


def _copy(table: str, rows: list[bytes]) -> None:
    command = f"COPY {table} ({COLUMNS}) FROM STDIN (FORMAT BINARY)"
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(command) as copy:
        copy.write(b"".join((HEADER, *rows, TRAILER)))


def _take_newest(incoming: Incoming) -> None:
    """Presence and newest sample on the device rows, guarded by key: the order of arrival does not matter."""
    ids = sorted(incoming.seen)
    newest = [incoming.newest.get(device) for device in ids]
    with connection.cursor() as cursor:
        cursor.execute(
            _TAKE,
            {
                "zero": UUID(int=0),
                "ids": ids,
                "seen": [incoming.seen[device] for device in ids],
                "ts": [from_ms(found[1].ts) if found else None for found in newest],
                "keys": [UUID(bytes=found[0]) if found else None for found in newest],
                "latest": [json.dumps(sample_dict(found[1])) if found else None for found in newest],
            },
        )


def _events(incoming: Incoming, devices: dict[UUID, Device]) -> list[bus.Event]:
    """One push a device: the newest sample of what was committed together, if its owner may see it."""
    events: list[bus.Event] = []
    for device_id, (_, reading) in incoming.newest.items():
        device = devices[device_id]
        if device.owned_since is not None and reading.ts < to_ms(device.owned_since):
            continue
        address = {"device": str(device_id), **({"user": str(device.owner_id)} if device.owner_id else {})}
        events.append({"type": "telemetry", **address, "data": sample_dict(reading)})
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
