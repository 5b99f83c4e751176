"""What was refused is kept for staff to see: the newest of each device, bounded."""

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from broker.messages import Message, Refused
from core import metrics
from core.buckets import Buckets
from devices.models import Device
from telemetry.models import RejectedMessage

log = logging.getLogger(__name__)
PAYLOAD_MOST = 2048
Refusal = tuple[Message, Any, str]  # the message, what of it, why
# Rows that a collar's refusals may make, at once and a second: what is beyond is counted only. A flood of bad messages
# is not to become one of rows.
ROWS_AT_ONCE, ROWS_A_SECOND = 1000, 2
_rows = Buckets(ROWS_A_SECOND, ROWS_AT_ONCE)
_rows_lock = threading.Lock()
_TRIM = """
    DELETE FROM telemetry_rejectedmessage r WHERE r.device_id IS NOT DISTINCT FROM %s AND r.id < (
        SELECT id FROM telemetry_rejectedmessage WHERE device_id IS NOT DISTINCT FROM %s
        ORDER BY id DESC OFFSET %s LIMIT 1)
"""


def as_text(what: Any) -> str:
    """Any payload as text that the database takes: no NUL, no lone surrogates, not too long."""
    if isinstance(what, bytes):
        text = what[: 4 * PAYLOAD_MOST].decode("utf-8", "replace")
    else:
        try:
            text = json.dumps(what)
        except RecursionError:
            text = "(nested too deeply to show)"
    return text[:PAYLOAD_MOST].replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


@transaction.atomic
def keep(refusals: Sequence[Refusal]) -> None:
    """Store what was refused, at most the newest REJECTED_PER_DEVICE of each device and of unknown ones together.

    Of a collar that goes on being refused, only some: see ROWS_A_SECOND.
    """
    limit = settings.REJECTED_PER_DEVICE
    ids = {message.device_id for message, _, _ in refusals}
    known = set(Device.objects.filter(pk__in=ids).values_list("pk", flat=True))
    kept: dict[UUID | None, deque[Refusal]] = {}
    for refusal in refusals:
        device_id = refusal[0].device_id
        kept.setdefault(device_id if device_id in known else None, deque(maxlen=limit)).append(refusal)
    shown = {owner: _in_measure(owner, newest) for owner, newest in kept.items()}
    RejectedMessage.objects.bulk_create([_row(owner, *refusal) for owner, few in shown.items() for refusal in few])
    with connection.cursor() as cursor:
        for owner, few in shown.items():
            if few:
                cursor.execute(_TRIM, [owner, owner, limit - 1])
    transaction.on_commit(lambda: _count([why for _, _, why in refusals]))
    log.info("messages_rejected", extra={"count": len(refusals), "first_reason": refusals[0][2]})


def _in_measure(owner: UUID | None, newest: Iterable[Refusal]) -> list[Refusal]:
    """Those that may become rows."""
    at = time.monotonic()
    with _rows_lock:
        return [refusal for refusal in newest if _rows.take(owner, 1, at)]


def _count(reasons: list[str]) -> None:
    for reason in reasons:
        metrics.count_rejected(reason)


def _row(device_id: UUID | None, message: Message, what: Any, why: str) -> RejectedMessage:
    return RejectedMessage(
        device_id=device_id,
        topic=message.topic[:100],
        reason=why[:200],
        payload=as_text(what),
        received_at=message.received_at,
    )


def quarantine(refused: Sequence[Refused]) -> None:
    """Keep messages that their handler refused."""
    keep([(message, message.payload, why) for message, why in refused])
