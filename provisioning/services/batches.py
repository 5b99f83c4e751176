"""Many collars at once, made by a worker some at a time, and their secrets, shown once.

Each step is a transaction that makes collars, counts them and keeps their secrets, encrypted. So a worker may die at
any moment: what is committed stands, and the next step begins behind it (docs/decisions/batches.md).
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from celery import current_app
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import transaction
from django.db.models import F, Max
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from kombu.exceptions import OperationalError

from accounts.models import User
from broker.credentials import hash_claim_code, new_claim_code
from broker.registry import Credential, new_credential, registry
from core import audit, logs
from core.encryption import fernet_for
from core.errors import ApiError, Conflict, Unavailable
from core.ids import uuid7
from core.locks import Lock, hold_until_commit
from core.times import now
from devices.config import default_config
from devices.models import Device, DeviceQuerySet
from devices.services.configuration import publish_config
from devices.services.ownership import end_collars
from devices.services.trials import trial
from provisioning import qr
from provisioning.models import Batch, BatchSheet

log = logging.getLogger(__name__)
State = Batch.State
MOST = 1000  # collars in a batch
STEP = 50  # collars made at a time: one change of the broker's file, under a second
SHOWN_WITHIN = timedelta(hours=1)  # of the batch's end
STALLED_AFTER = timedelta(seconds=15)
GIVEN_UP_AFTER = timedelta(hours=1)
PURPOSE = b"hetri.batch"
STEP_TASK = "provisioning.tasks.make_batch"


class Entry(msgspec.Struct, frozen=True):
    """A collar with its secrets: what a line of the CSV and a label hold. `qr_path` fits a square of `qr_side`."""

    label: str
    id: str
    name: str
    password: str
    claim_code: str
    qr_side: int
    qr_path: str

    def __repr__(self) -> str:
        return f"Entry({self.label})"


_decoder = msgspec.json.Decoder(list[Entry])


def order_batch(*, key: UUID, name: str, size: int, by: User) -> Batch:
    """Order `size` collars (1 to MOST), each called by `name` (60 characters at most) and its label.

    `key` is the batch's id: the same order again is the same batch.
    """
    with transaction.atomic():
        hold_until_commit(Lock.BATCH_NUMBER)
        number = (Batch.objects.aggregate(most=Max("number"))["most"] or 0) + 1
        order = {"number": number, "name": name, "size": size, "made_by": by}
        order |= {"door": audit.door.get(), "request_id": logs.request_id.get()}
        batch, is_new = Batch.objects.get_or_create(pk=key, defaults=order)
        if is_new:
            transaction.on_commit(lambda: _send(batch.pk, made=0))
            log.info("batch_ordered", extra={"batch": batch.pk, "collars": size})
    return batch


def _send(batch_id: UUID, made: int) -> None:
    """Ask a worker for the next step. What does not reach one is sent again by `resume_stalled`."""
    step = current_app.signature(STEP_TASK, args=(str(batch_id), made))
    try:
        step.apply_async(expires=STALLED_AFTER.total_seconds(), retry=False)
    except OperationalError:
        log.warning("batch_not_sent", extra={"batch": batch_id})


def run_step(*, batch_id: UUID, made: int) -> None:
    """The step behind the first `made` collars. Nothing happens when it was done before, or the batch has ended."""
    batch = Batch.objects.filter(pk=batch_id, state=State.RUNNING, made=made).first()
    if batch is None:
        return
    with audit.acting(by=batch.made_by_id, through=batch.door, request_id=batch.request_id):
        try:
            reached = _step(batch)
        except Unavailable:
            log.warning("batch_waits", extra={"batch": batch_id, "made": made})
            return
        if reached == batch.size:
            _finish(batch)
        elif reached is not None:
            _send(batch_id, reached)


def _step(batch: Batch) -> int | None:
    """Make the next collars and let them in; returns how many there are then. Raises Unavailable.

    None when somebody else was faster, or stopped the batch: who won goes on. A worker that died between the two
    left collars that the broker does not know: each step lets in all.
    """
    registry().require()
    drafts = [_draft(batch, number) for number in range(batch.made, min(batch.made + STEP, batch.size))]
    if not drafts:
        registry().sync()
        registry().remove()
        return batch.made
    devices = _keep(batch, drafts)
    if not devices:
        return None
    registry().provision(*(credential for credential, _ in drafts))
    for device in devices:
        publish_config(device)
    return batch.made + len(drafts)


def _finish(batch: Batch) -> None:
    running = Batch.objects.filter(pk=batch.pk, state=State.RUNNING, made=batch.size)
    if running.update(state=State.DONE, ended_at=now()):
        log.info("batch_done", extra={"batch": batch.pk, "collars": batch.size})


def _draft(batch: Batch, before: int) -> tuple[Credential, Entry]:
    """A collar that nobody knows of yet, with so many of its batch before it."""
    key, label, code = str(uuid7()), f"{batch}-{before + 1:03d}", new_claim_code()
    credential = new_credential(key)
    while credential.password.startswith("-"):  # a spreadsheet would take it for a formula
        credential = new_credential(key)
    side, path = qr.drawing(f"{settings.PUBLIC_URL}/collar/add?code={code}")
    return credential, Entry(label, key, f"{batch.name} {label}", credential.password, code, side, path)


def _keep(batch: Batch, drafts: list[tuple[Credential, Entry]]) -> list[Device]:
    """Write them, their number and their secrets. Nothing when somebody else was faster, or stopped the batch."""
    with transaction.atomic():
        mine = Batch.objects.filter(pk=batch.pk, state=State.RUNNING, made=batch.made)
        if not mine.update(made=F("made") + len(drafts), moved_at=now()):
            return []
        devices = Device.objects.bulk_create(_device(*draft) for draft in drafts)
        plain = msgspec.json.encode([entry for _, entry in drafts])
        BatchSheet.objects.create(batch=batch, sealed=fernet_for(PURPOSE).encrypt(plain).decode())
    return devices


def _device(credential: Credential, entry: Entry) -> Device:
    return Device(
        pk=UUID(entry.id),
        name=entry.name,
        label=entry.label,
        mqtt_user=credential.ref,
        mqtt_pass_hash=credential.verifier,
        password_shown=True,
        claim_code_hash=hash_claim_code(entry.claim_code),
        config=dict(default_config("UTC")),
    )


def stop_batch(*, batch: Batch) -> None:
    """Make no more; what is made stays. Raises Conflict when the batch has ended."""
    if not Batch.objects.filter(pk=batch.pk, state=State.RUNNING).update(state=State.STOPPED, ended_at=now()):
        raise Conflict(_("This batch has ended already."), code="ended")
    log.info("batch_stopped", extra={"batch": batch.pk})


def unclaimed(batch: Batch) -> DeviceQuerySet:
    """Those of its collars that are in use and nobody's."""
    return Device.objects.in_use().filter(label__startswith=f"{batch}-", owner=None)


def retire_unclaimed(*, batch: Batch) -> int:
    """Retire those of its collars that nobody has claimed; returns how many, which may be none.

    Raises Conflict while it runs or when somebody claims one just now, and Unavailable with all of them in use.
    """
    if batch.state == State.RUNNING:
        raise Conflict(_("Wait until the batch has ended, or stop it."), code="not_ready")
    refs = list(unclaimed(batch).values_list("mqtt_user", flat=True))
    if not refs:
        return 0
    with trial(removed=refs) as change:
        change.load()
        with transaction.atomic():
            change.keep()
            if len(end_collars(unclaimed(batch).filter(mqtt_user__in=refs))) != len(refs):
                raise Conflict(_("A collar came or went just now. Try again."))
    log.info("batch_retired", extra={"batch": batch.pk, "collars": len(refs)})
    return len(refs)


def reveal(*, batch: Batch, by: User) -> list[Entry]:
    """The batch's secrets, which are forgotten here. Raises Conflict, with the reason, when there are none to show."""
    at = now()
    ready = Batch.objects.filter(pk=batch.pk, shown_at=None, made__gt=0, ended_at__gt=at - SHOWN_WITHIN)
    with transaction.atomic():
        if not ready.update(shown_at=at, shown_to=by):
            batch.refresh_from_db()
            raise _nothing_to_show(batch)
        sheets = BatchSheet.objects.filter(batch=batch)
        try:
            entries = [
                entry
                for sheet in sheets.order_by("pk")
                for entry in _decoder.decode(fernet_for(PURPOSE).decrypt(sheet.sealed))
            ]
        except InvalidToken as error:
            text = _("HETRI_SECRET_KEY was changed, so they cannot be read. Retire these collars and make a new batch.")
            raise Conflict(text, code="key_changed") from error
        sheets.delete()
    log.info("batch_shown", extra={"batch": batch.pk, "user": by.pk})
    return entries


def _nothing_to_show(batch: Batch) -> ApiError:
    state = secrets_of(batch, now())
    reasons = {
        "shown": _("They were shown on {moment} UTC. Nobody can see them again."),
        "later": _("Wait until the batch has ended, or stop it."),
        "none": _("No collar was made."),
        "gone": _("Nobody had them shown within an hour, so they are gone. Retire these collars and make a new batch."),
    }
    moment = f"{batch.shown_at:%Y-%m-%d at %H:%M}" if batch.shown_at else ""
    return Conflict(format_lazy(reasons[state], moment=moment), code=state)


def secrets_of(batch: Batch, at: datetime) -> str:
    """Whether a batch's secrets can be shown: `later`, `waiting` (now), `shown`, `gone`, or `none` of it was made."""
    if batch.shown_at is not None:
        return "shown"
    if batch.ended_at is None:
        return "later"
    if not batch.made:
        return "none"
    return "waiting" if batch.ended_at > at - SHOWN_WITHIN else "gone"


def is_stalled(batch: Batch, at: datetime) -> bool:
    """Whether it should go forward and does not."""
    return batch.state == State.RUNNING and batch.moved_at < at - STALLED_AFTER


def resume_stalled() -> None:
    """Go on where a worker died or the broker was away, give up what stands still, forget secrets in time."""
    at = now()
    running = Batch.objects.filter(state=State.RUNNING)
    if running.filter(moved_at__lt=at - GIVEN_UP_AFTER).update(state=State.FAILED, ended_at=at):
        log.error("batch_given_up")
    for batch in running.filter(moved_at__lt=at - STALLED_AFTER):
        _send(batch.pk, batch.made)
    BatchSheet.objects.filter(batch__ended_at__lt=at - SHOWN_WITHIN).delete()
