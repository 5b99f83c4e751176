"""A collar's life: provisioned, changed, its password rotated, retired, restored. How it changes hands: claims.py."""

import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from broker import publisher, topics
from broker.commands import Retire
from broker.credentials import hash_claim_code
from broker.registry import Credential, new_credential
from core.editions import ANY, Match
from core.errors import Conflict, Forbidden, NotFound
from core.ids import uuid7
from core.throttle import Limit
from core.times import now
from devices.config import default_config
from devices.errors import Retired
from devices.live import push_access
from devices.models import Assignment, Device, DeviceQuerySet
from devices.services.configuration import change_config, publish_config
from devices.services.presence import mark_cut
from devices.services.trials import trial
from pets.models import Pet

log = logging.getLogger(__name__)
RESTORE_WITHIN = timedelta(days=30)  # of its retirement, by its last owner
NO_CODE: dict[str, None] = {"claim_code_hash": None, "claim_expires_at": None}
NEW_COLLARS = Limit("new-collars", most=settings.NEW_DEVICES_PER_HOUR, seconds=3600)


def provision(
    *,
    name: str,
    owner: User | None = None,
    pet: Pet | None = None,
    shown: bool = True,
    claim_code: str = "",
    key: UUID | None = None,
) -> tuple[Device, Credential]:
    """Make a collar that is usable on the broker when this returns.

    `shown` says that a person will see the password. `claim_code` lets whoever has it claim a collar that is nobody's.
    `key` is the collar's id, for an order that may come twice: raises Conflict (`made`) the second time. Raises
    Conflict (`too_many`), TooMany and Unavailable, with nothing kept.
    """
    device_id = key or uuid7()
    _refuse_second(key)
    if owner is not None:
        NEW_COLLARS.spend(owner.pk)
        with transaction.atomic():
            check_quota(owner)
    credential = new_credential(str(device_id))
    code_hash = hash_claim_code(claim_code)
    with trial(credential) as change:
        change.load()
        with transaction.atomic():
            change.keep()
            _refuse_second(key)
            device = _new_row(
                credential, name=name, owner=owner, pet=pet, password_shown=shown, claim_code_hash=code_hash
            )
    publish_config(device)
    log.info("collar_provisioned", extra={"device": device_id})
    return device, credential


def _refuse_second(key: UUID | None) -> None:
    if key is not None and Device.objects.filter(pk=key).exists():
        raise Conflict(_("This collar is made already. Its password was shown then."), code="made")


def _new_row(credential: Credential, *, owner: User | None, pet: Pet | None, **fields: Any) -> Device:
    """The collar in the database, and since when it is the owner's."""
    if owner is not None:
        check_quota(owner)
    device = Device.objects.create(
        pk=UUID(credential.ref),
        owner=owner,
        pet=pet,
        mqtt_user=credential.ref,
        mqtt_pass_hash=credential.verifier,
        config=dict(default_config(pet.time_zone if pet else "UTC")),
        **fields,
    )
    if owner is not None:
        Assignment.objects.create(device=device, owner=owner, pet=pet)
        push_access(device.pk, owner.pk)
    return device


def check_quota(owner: User) -> None:
    """Raise Conflict when the owner has as many collars as one may have; holds the owner's row until commit."""
    User.objects.select_for_update(no_key=True).get(pk=owner.pk)
    if Device.objects.in_use().filter(owner=owner).count() >= settings.DEVICES_PER_OWNER:
        raise Conflict(
            format_lazy(_("An account can have {n} collars. Remove one first."), n=settings.DEVICES_PER_OWNER),
            code="too_many",
        )


@transaction.atomic
def update_device(*, device: Device, changes: dict[str, Any], match: Match = ANY) -> Device:
    """Write `name`, `pet`, `config` (validated; what is left out stays).

    Raises Conflict when it is retired, and Changed when it is not as `match` asks.
    """
    locked = Device.objects.select_for_update(no_key=True).get(pk=device.pk)
    if locked.owner_id != device.owner_id:
        raise NotFound  # handed over since the caller looked
    if locked.retired_at is not None:
        raise Retired
    match.require(locked.edition)
    config = dict(changes.get("config", {}))
    if "name" in changes:
        Device.objects.filter(pk=device.pk).update(name=changes["name"])
    if "pet" in changes and changes["pet"] != locked.pet:
        _put_on(locked, changes["pet"])
        if changes["pet"] is not None:
            config.setdefault("time_zone", changes["pet"].time_zone)
    return change_config(device=device, changes=config)


def _put_on(device: Device, pet: Pet | None) -> None:
    """The collar changes its wearer: one assignment ends, the next begins."""
    at = now()
    Device.objects.filter(pk=device.pk).update(pet=pet)
    ended = Assignment.objects.filter(device=device, ended_at=None).update(ended_at=at)
    if ended and device.owner is not None:
        Assignment.objects.create(device=device, owner=device.owner, pet=pet, started_at=at)


def rotate(*, device: Device, shown: bool = True) -> Credential:
    """A new password; the old one and its session end. Raises Conflict (`retired`) and Unavailable."""
    if device.retired_at is not None:
        raise Retired
    credential = new_credential(device.mqtt_user)
    same = Device.objects.in_use().filter(pk=device.pk, owner=device.owner_id, mqtt_pass_hash=device.mqtt_pass_hash)
    fresh = {"mqtt_pass_hash": credential.verifier, "password_shown": shown or device.password_shown}
    with trial(credential) as change:
        if not same.exists():
            raise _changed_meanwhile()
        change.load()
        with transaction.atomic():
            change.keep()
            if not same.update(**fresh):
                raise _changed_meanwhile()
    mark_cut(device_id=device.pk)
    log.info("collar_rotated", extra={"device": device.pk})
    return credential


def _changed_meanwhile() -> Conflict:
    return Conflict(_("The password was changed by somebody else just now. Try again."))


def retire(*, device: Device, match: Match = ANY) -> None:
    """End a collar: access and session end, history stays. Raises Conflict (`retired`), Changed and Unavailable."""
    mine = Device.objects.in_use().filter(pk=device.pk, owner=device.owner_id)
    with trial(removed=[device.mqtt_user]) as change:
        seen = mine.first()
        if seen is None:
            raise Retired
        match.require(seen.edition)  # the cheap reason first; it counts under the row's lock
        change.load()
        with transaction.atomic():
            change.keep()
            for locked in mine.locked_in_turn():
                match.require(locked.edition)
            end_collars(mine)


def end_collars(devices: DeviceQuerySet) -> list[UUID]:
    """Retire these, which the broker has shut out, and have it forget what it keeps of them after the commit.

    Raises Conflict when there are none: others were faster.
    """
    ended = list(devices.locked_in_turn().values_list("pk", "owner_id"))
    if not ended:
        raise Retired
    ids = [pk for pk, _ in ended]
    retired = {"status": Device.Status.RETIRED, "retired_at": now(), **NO_CODE}
    Device.objects.filter(pk__in=ids).update(**retired)
    for pk, owner_id in ended:
        push_access(pk, owner_id)
    transaction.on_commit(lambda: _forget_retained(ids))
    return ids


def _forget_retained(device_ids: list[UUID]) -> None:
    for pk in device_ids:
        publisher.clear_retained(topics.status(pk))
        publisher.send_command(pk, Retire())
        log.info("collar_retired", extra={"device": pk})


def restore_own(*, device: Device, by: User) -> Credential:
    """As `restore`, by its last owner, within RESTORE_WITHIN of the retirement. Raises Forbidden, too."""
    if device.owner_id != by.pk:
        raise Forbidden(_("Only its last owner can bring a collar back."))
    if device.retired_at is not None and device.retired_at < now() - RESTORE_WITHIN:
        raise Conflict(format_lazy(_("It was retired more than {n} days ago."), n=RESTORE_WITHIN.days), code="too_late")
    return restore(device=device)


def restore(*, device: Device) -> Credential:
    """Undo a retirement: the collar is its owner's again, with a new password. Raises Conflict and Unavailable."""
    credential = new_credential(device.mqtt_user)
    retired = Device.objects.filter(pk=device.pk, owner=device.owner_id, retired_at__isnull=False)
    status = Device.Status.OFFLINE if device.last_seen else Device.Status.NEVER_SEEN
    fresh = {"status": status, "retired_at": None, "mqtt_pass_hash": credential.verifier, "password_shown": True}
    with trial(credential) as change:
        if not retired.exists():
            raise _not_retired()
        if device.owner is not None:
            with transaction.atomic():
                check_quota(device.owner)
        change.load()
        with transaction.atomic():
            change.keep()
            if device.owner is not None:
                check_quota(device.owner)
            if not retired.update(**fresh):
                raise _not_retired()
            push_access(device.pk, device.owner_id)
    publish_config(device)
    log.info("collar_restored", extra={"device": device.pk})
    return credential


def _not_retired() -> Conflict:
    return Conflict(_("This collar is not retired."), code="not_retired")
