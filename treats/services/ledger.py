"""Treats: ordered once, sent after commit, settled by the collar's answer or by the clock.

    pending -> dispensed | jammed | empty | expired | failed;   expired -> dispensed (the food is gone)

Every move is one guarded UPDATE, so repeats and answers in any order change nothing twice.
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from broker import publisher
from broker.commands import Answer, Treat
from broker.errors import BrokerUnavailable
from core import metrics
from core.errors import Conflict, NotFound, TooMany
from core.ids import to_ms
from core.times import CLOCK_SLACK, now
from devices.errors import CollarOffline, Retired
from devices.models import Device
from devices.services.commands import record_command
from devices.services.presence import tell_time
from pets.models import Pet
from treats.const import PUBACK_WAIT_S
from treats.live import push_treat
from treats.models import TreatEvent
from treats.services.budget import budget_left, seconds_to_midnight

log = logging.getLogger(__name__)
Result = TreatEvent.Result


def send_treat(*, device: Device, by: User, source: str, portion: int = 1, key: str | None = None) -> TreatEvent:
    """Order a treat and publish it after commit; a key that was used gives its event as it is now.

    Raises Conflict (`key_reused`, `retired`, `no_dispenser`, `offline`), NotFound (handed over meanwhile), TooMany
    (`too_soon`, `budget_spent`), and Unavailable when the broker is away, with nothing kept.
    """
    existing = _find_existing(device, by, key, portion)
    if existing is not None:
        return existing
    if device.retired_at is None and device.has_dispenser and device.presence() == Device.Status.ONLINE:
        publisher.require()
    with transaction.atomic():
        event = _order(device, by, source, portion, key)
    if event.result == Result.OFFLINE:
        raise CollarOffline
    return event


def _find_existing(device: Device, by: User, key: str | None, portion: int) -> TreatEvent | None:
    if key is None:
        return None
    event = TreatEvent.objects.filter(device=device, triggered_by=by, idempotency_key=key).first()
    if event and event.portion != portion:
        raise Conflict(_("This Idempotency-Key was used for another order."), code="key_reused")
    return event


def _order(seen: Device, by: User, source: str, portion: int, key: str | None) -> TreatEvent:
    """Decide and write under the locks of the device and its pet; publish after commit."""
    device = Device.objects.select_for_update(no_key=True).get(pk=seen.pk)
    if device.owner_id != seen.owner_id:
        raise NotFound  # handed over since the caller looked
    existing = _find_existing(device, by, key, portion)
    if existing is not None:
        return existing
    at = now()
    event = TreatEvent(
        device=device,
        pet_id=device.pet_id,
        triggered_by=by,
        event_time=at,
        source=source,
        portion=portion,
        expires_at=at + timedelta(seconds=settings.TREAT_EXPIRY_S),
    )
    if device.retired_at is not None:
        raise Retired
    if not device.has_dispenser:
        raise Conflict(_("This collar has nothing to give treats with."), code="no_dispenser")
    if device.presence(at) != Device.Status.ONLINE:
        event.result, event.settled_at = Result.OFFLINE, at
        _settled(event)
    else:
        _check_budget(device, portion, at)
        event.idempotency_key = key
        transaction.on_commit(lambda: _publish(event))
    event.save(force_insert=True)
    if event.result == Result.PENDING:
        record_command(command_id=event.pk, device_id=device.pk, kind=Treat)
    push_treat(event, device.owner_id)
    return event


def _check_budget(device: Device, portion: int, at: datetime) -> None:
    """Raise TooMany while another treat is on its way, or when the pet's day is full."""
    _expire(TreatEvent.objects.filter(device=device), at)
    if TreatEvent.objects.filter(device=device, result=Result.PENDING).exists():
        raise TooMany(_("Another treat is already on its way."), code="too_soon", retry_after=1)
    if device.pet_id is None:
        return
    pet = Pet.objects.select_for_update(no_key=True).get(pk=device.pet_id)
    left = budget_left(pet, at)
    if left is not None and portion > left:
        wait = seconds_to_midnight(pet, at)
        text = format_lazy(_("Portions left for {name} today: {n}."), name=pet.name, n=left)
        raise TooMany(text, code="budget_spent", retry_after=wait)


def _publish(event: TreatEvent) -> None:
    """Hand the command to the broker; its acknowledgement is `published_at`."""
    log.info("treat_ordered", extra={"treat": event.pk, "device": event.device_id})
    command = Treat(id=event.pk, portion=event.portion, exp=to_ms(event.expires_at))
    sent = publisher.send_command(event.device_id, command)
    if sent is None:
        raise _take_back(event)
    sent.wait_for_publish(PUBACK_WAIT_S)
    if sent.is_published():
        TreatEvent.objects.filter(pk=event.pk, published_at=None).update(published_at=now())
    else:
        log.warning("treat_unacknowledged", extra={"treat": event.pk, "device": event.device_id})


def _take_back(event: TreatEvent) -> BrokerUnavailable:
    """The broker went away between the look and the send: nothing left us, so nothing is kept."""
    TreatEvent.objects.filter(pk=event.pk, result=Result.PENDING, published_at=None).delete()
    return BrokerUnavailable()


def take_answer(answer: Answer) -> None:
    """What the collar says became of a treat; a program that knows none fails it."""
    if answer.result == "accepted":
        record_accepted(device_id=answer.device_id, treat_id=answer.id, at=answer.at)
    else:
        result = Result.FAILED if answer.result == "unsupported" else answer.result
        record_result(device_id=answer.device_id, treat_id=answer.id, result=result, at=answer.at)


@transaction.atomic
def record_accepted(*, device_id: UUID, treat_id: UUID, at: datetime) -> TreatEvent | None:
    """The command reached the collar at `at` (UTC, server time). None when that changes nothing."""
    waiting = TreatEvent.objects.filter(pk=treat_id, device=device_id, result=Result.PENDING, delivered_at=None)
    if not waiting.update(delivered_at=at):
        return None
    event = _moved(treat_id)
    transaction.on_commit(lambda: _reached(event, at))
    return event


def _reached(event: TreatEvent, at: datetime) -> None:
    metrics.TREAT_REACHED.observe((at - event.event_time).total_seconds())
    log.info("treat_reached", extra={"treat": event.pk, "device": event.device_id})


@transaction.atomic
def record_result(*, device_id: UUID, treat_id: UUID, result: str, at: datetime) -> TreatEvent | None:
    """Settle a treat with the collar's answer of `at` (UTC, server time).

    `dispensed` wins over `expired`; nothing else moves a settled treat. Returns None when it changed nothing:
    a repeat, or a treat of another device.
    """
    before = [Result.PENDING, Result.EXPIRED] if result == Result.DISPENSED else [Result.PENDING]
    unsettled = TreatEvent.objects.filter(pk=treat_id, device=device_id, result__in=before)
    if not unsettled.update(result=result, settled_at=at, delivered_at=Coalesce(F("delivered_at"), at)):
        return None
    event = _moved(treat_id)
    if event.was_too_late_for_collar:
        transaction.on_commit(lambda: tell_time(device_id))  # its clock and ours differ
    _settled(event)
    return event


def _settled(event: TreatEvent) -> None:
    """Log and count it once it is committed; in which process that is, is where the id is found."""

    def tell() -> None:
        if event.settled_at is not None:
            seconds = (event.settled_at - event.event_time).total_seconds()
            metrics.TREAT_SECONDS.labels(event.result).observe(seconds)
        log.info("treat_settled", extra={"treat": event.pk, "device": event.device_id, "result": event.result})

    transaction.on_commit(tell)


@transaction.atomic
def expire_overdue() -> int:
    """Settle every pending treat whose time is over; run by beat each second. Returns how many."""
    return _expire(TreatEvent.objects.all(), now())


def _expire(events: QuerySet[TreatEvent], at: datetime) -> int:
    # No treat ends later than the setting says: one that would was ordered before the clock was set back.
    later = at + timedelta(seconds=settings.TREAT_EXPIRY_S) + CLOCK_SLACK
    overdue = events.filter(Q(expires_at__lte=at) | Q(expires_at__gt=later), result=Result.PENDING)
    ids = list(overdue.values_list("pk", flat=True))
    count = 0
    for pk in ids:
        pending = TreatEvent.objects.filter(pk=pk, result=Result.PENDING)
        if pending.update(result=Result.EXPIRED, settled_at=at):
            _settled(_moved(pk))
            count += 1
    return count


def _moved(treat_id: UUID) -> TreatEvent:
    event = TreatEvent.objects.select_related("device").get(pk=treat_id)
    push_treat(event, event.device.owner_id)
    return event
