"""What was refused is kept for staff to see: the newest of each device, bounded."""

import json
import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from devices.models import Device
from devices.mqtt.messages import Message
from telemetry.models import RejectedMessage

log = logging.getLogger(__name__)
PAYLOAD_MOST = 2048
_TRIM = """
    DELETE FROM telemetry_rejectedmessage r WHERE r.device_id IS NOT DISTINCT FROM %s AND r.id < (
        SELECT id FROM telemetry_rejectedmessage WHERE device_id IS NOT DISTINCT FROM %s
        ORDER BY id DESC OFFSET %s LIMIT 1)
"""


def as_text(what: Any) -> str:
    """Any payload as text that the database takes: no NUL, no lone surrogates, not too long."""
    text = what.decode("utf-8", "replace") if isinstance(what, bytes) else json.dumps(what)[:PAYLOAD_MOST]
    return text[:PAYLOAD_MOST].replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


@transaction.atomic
def keep(refusals: Sequence[tuple[Message, Any, str]]) -> None:
    """Store (message, what of it, why), at most the newest REJECTED_PER_DEVICE of each device."""
    ids = {message.device_id for message, _, _ in refusals}
    known = set(Device.objects.filter(pk__in=ids).values_list("pk", flat=True))
    kept: dict[UUID | None, list[RejectedMessage]] = {}
    for message, what, why in refusals:
        device_id = message.device_id if message.device_id in known else None
        row = RejectedMessage(
            device_id=device_id,
            topic=message.topic[:100],
            reason=why[:200],
            payload=as_text(what),
            received_at=message.received_at,
        )
        kept.setdefault(device_id, []).append(row)
    limit = settings.REJECTED_PER_DEVICE
    RejectedMessage.objects.bulk_create([row for rows in kept.values() for row in rows[-limit:]])
    with connection.cursor() as cursor:
        for device_id in kept:
            cursor.execute(_TRIM, [device_id, device_id, limit - 1])
    log.info("messages_rejected", extra={"count": len(refusals), "first_reason": refusals[0][2]})


def set_aside(message: Message, why: str) -> None:
    """Keep one message that its handler refused."""
    keep([(message, message.payload, why)])
