"""What collars say of themselves, and what their silence says."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from django.db import connection, transaction
from django.db.models import Case, F, Func, JSONField, Value, When

from broker import publisher
from broker.commands import Time
from core import clock
from core.ids import to_ms
from core.times import CLOCK_SLACK, now
from devices.const import SILENT_AFTER_S
from devices.live import push_status
from devices.models import Device
from devices.payloads import Hardware
from devices.services.configuration import publish_config

log = logging.getLogger(__name__)
EVERY_PART = Hardware()


# The collars' rows are taken in the order of their ids, as by everybody who takes several. One that is kept out of the
# broker stays as it is: what comes was sent before. One that counts as offline is back when something of it comes that
# is newer than its last word: sampled since, or so much later that it cannot have been on its way.
_NOTE_HEARD = """
    WITH told AS (
        SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb)
            AS v(id uuid, seen timestamptz, ts timestamptz, key uuid, latest jsonb)
    ), held AS (
        SELECT d.id, d.status, coalesce((d.reported->>'offline_at')::timestamptz, '-infinity') AS offline_at
        FROM devices_device d WHERE d.id IN (SELECT id FROM told) AND d.retired_at IS NULL
        ORDER BY d.id FOR NO KEY UPDATE
    )
    UPDATE devices_device d SET
        last_seen = greatest(d.last_seen, v.seen),
        status = CASE WHEN d.suspended_until > now() THEN d.status
                      WHEN d.status = 'never_seen' AND v.seen IS NOT NULL THEN 'online'
                      WHEN d.status = 'offline' AND v.seen > h.offline_at AND (v.ts >= h.offline_at
                           OR v.seen > h.offline_at + make_interval(secs => %(on_its_way)s)) THEN 'online'
                      ELSE d.status END,
        latest = CASE WHEN v.ts >= coalesce(d.owned_since, '-infinity') AND v.key > coalesce(d.latest_key, %(zero)s)
                      THEN v.latest ELSE d.latest END,
        latest_key = CASE WHEN v.ts >= coalesce(d.owned_since, '-infinity')
                          THEN greatest(d.latest_key, v.key) ELSE d.latest_key END
    FROM told v JOIN held h USING (id)
    WHERE d.id = v.id
    RETURNING CASE WHEN d.status <> h.status THEN d.id END
"""
ON_ITS_WAY_S = 30  # how long a sample may wait between the broker and us, when all is busy


class Heard(msgspec.Struct):
    """What a batch of telemetry says of a collar: when it was heard, if just now; its newest sample with ts and key."""

    id: str
    seen: str | None  # UTC; None for what the broker repeated
    ts: str | None
    key: str | None
    latest: dict[str, object] | None


class _Merge(Func):
    """PostgreSQL's `jsonb || jsonb`."""

    arg_joiner = " || "
    template = "(%(expressions)s)"
    output_field = JSONField()


def _merged(reported: dict[str, object]) -> _Merge:
    return _Merge(F("reported"), Value(reported, JSONField()))


def facts_when_gone(at: datetime | None) -> dict[str, object]:
    """What is known of a collar that is gone, beside what it said; `at` says since when, if that is known."""
    return {"streaming": False, **({"offline_at": at.isoformat()} if at else {})}


@transaction.atomic
def record_presence(
    *,
    device_id: UUID,
    online: bool,
    reported: dict[str, object],
    heard_at: datetime | None,
    hardware: Hardware = EVERY_PART,
) -> Device | None:
    """Take over a collar's presence. `heard_at` is None for what the broker repeated: then it was not heard now, and
    only a collar that was never heard is taken at that word.

    An online collar is told the time, and its config when it runs another version. Returns None when there is
    no such collar in use.
    """
    status = Device.Status.ONLINE if online else Device.Status.OFFLINE
    changes: dict[str, object] = {"reported": _merged(reported)}
    changes["status"] = status if heard_at else Case(When(last_seen=None, then=Value(status)), default=F("status"))
    if heard_at is not None and online:
        changes["last_seen"] = heard_at
    if online:
        has = {"has_camera": hardware.camera, "has_dispenser": hardware.dispenser}
        changes |= {"board": hardware.board, **has}
    if "firmware" in reported:
        changes["firmware_version"] = reported["firmware"]
    device = _update(device_id, changes)
    if device is not None and online and heard_at is not None:
        _on_online(device)
    return device


def _on_online(device: Device) -> None:
    transaction.on_commit(lambda: tell_time(device.pk))
    if device.reported.get("config_version") != device.config_version:
        publish_config(device)


def tell_time(device_id: UUID) -> None:
    """Say what time it is, unless we are not sure ourselves; call it after commit."""
    if not clock.is_doubtful():
        publisher.send_command(device_id, Time(now=to_ms(now())))


def publish_config_again(*, most: int = 1000) -> int:
    """Publish the config again to collars that are there and report an older one; run by beat. Returns how many.

    It may have been lost between us and the broker, just when both came back. One that never says its version is
    not asked twice.
    """
    waiting = Device.objects.config_waiting().filter(status=Device.Status.ONLINE, reported__has_key="config_version")
    found = list(waiting[:most])
    for device in found:
        publish_config(device)
    return len(found)


def note_heard(rows: Sequence[Heard]) -> None:
    """Presence and newest sample of collars whose telemetry came, in one statement; call it in a transaction.

    Guarded by time and key, so that the order of arrival does not matter. The newest sample is the newest that the
    present owner may see.
    """
    told = msgspec.json.encode(rows).decode()
    with connection.cursor() as cursor:
        cursor.execute(_NOTE_HEARD, {"zero": UUID(int=0), "on_its_way": ON_ITS_WAY_S, "rows": told})
        back = [device_id for (device_id,) in cursor.fetchall() if device_id]
    for device in Device.objects.filter(pk__in=back) if back else ():
        push_status(device)


@transaction.atomic
def record_report(*, device_id: UUID, reported: dict[str, object], heard_at: datetime | None) -> Device | None:
    """Take over single facts, such as `treats_left` beside a result. `heard_at` as in `record_presence`."""
    heard = {"last_seen": heard_at} if heard_at else {}
    return _update(device_id, {"reported": _merged(reported), **heard})


def _update(device_id: UUID, changes: dict[str, object]) -> Device | None:
    if not Device.objects.in_use().filter(pk=device_id).update(**changes):
        return None
    device = Device.objects.get(pk=device_id)
    push_status(device)
    return device


@transaction.atomic
def mark_cut(*, device_id: UUID) -> None:
    """We ended the collar's session ourselves, so no last will speaks for it: say it in its place.

    The broker's retained presence is corrected too. One that never spoke has nothing to be corrected.
    """
    if Device.objects.filter(pk=device_id, status=Device.Status.NEVER_SEEN).exists():
        return
    _update(device_id, {"status": Device.Status.OFFLINE, "reported": _merged(facts_when_gone(now()))})
    transaction.on_commit(lambda: publisher.send_presence(device_id, {"v": 1, "online": False}))


def mark_silent() -> int:
    """Set collars offline that reported online and went silent; run by beat. Returns how many."""
    at = now()
    # Heard in the future: the clock was set back. Counted from now, or it stays online until the clock is there again.
    with transaction.atomic():
        ahead = Device.objects.filter(status=Device.Status.ONLINE, last_seen__gt=at + CLOCK_SLACK).locked_in_turn()
        Device.objects.filter(pk__in=list(ahead.values_list("pk", flat=True))).update(last_seen=at)
    candidates = Device.objects.filter(status=Device.Status.ONLINE)
    count = 0
    for device in candidates.exclude(last_seen__gt=at - timedelta(seconds=SILENT_AFTER_S)).iterator():
        if device.presence(at) == Device.Status.ONLINE:
            continue
        with transaction.atomic():
            silent = Device.objects.filter(pk=device.pk, status=Device.Status.ONLINE, last_seen=device.last_seen)
            if silent.update(status=Device.Status.OFFLINE):
                push_status(Device.objects.get(pk=device.pk))
                log.info("collar_silent", extra={"device": device.pk})
                count += 1
    return count
