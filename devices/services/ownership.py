"""A collar's life: provisioned, claimed, handed over, its password rotated, retired."""

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from devices.config import default_config
from devices.live import push_access
from devices.models import Assignment, Device
from devices.mqtt import publisher, topics
from devices.mqtt.credentials import hash_claim_code, new_claim_code
from devices.mqtt.registry import Credential, new_credential, registry
from devices.services.configuration import change_config, publish_config
from devices.services.presence import mark_cut
from hetri.accounts.models import User
from hetri.core.errors import Conflict, Forbidden, NotFound, Unavailable
from hetri.core.ids import uuid7
from hetri.core.throttle import Limit
from hetri.core.times import now
from pets.models import Pet

log = logging.getLogger(__name__)
HANDOVER_CODE_LIFE = timedelta(days=7)
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
    registry().require()
    device_id = key or uuid7()
    if key is not None and Device.objects.filter(pk=key).exists():
        raise Conflict("This collar is made already. Its password was shown then.", code="made")
    if owner is not None:
        NEW_COLLARS.spend(owner.pk)
    credential = new_credential(str(device_id))
    code_hash = hash_claim_code(claim_code)
    with transaction.atomic():
        device = _new_row(credential, name=name, owner=owner, pet=pet, password_shown=shown, claim_code_hash=code_hash)
    try:
        registry().provision(credential)
    except Unavailable:
        Device.objects.filter(pk=device_id).delete()
        raise
    publish_config(device)
    log.info("collar_provisioned", extra={"device": device_id})
    return device, credential


def _new_row(credential: Credential, *, owner: User | None, pet: Pet | None, **fields: Any) -> Device:
    """The collar in the database, and since when it is the owner's."""
    if owner is not None:
        check_room(owner)
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


def check_room(owner: User) -> None:
    """Raise Conflict when the owner has as many collars as one may have; holds the owner's row until commit."""
    User.objects.select_for_update(no_key=True).get(pk=owner.pk)
    if Device.objects.in_use().filter(owner=owner).count() >= settings.DEVICES_PER_OWNER:
        raise Conflict(f"An account can have {settings.DEVICES_PER_OWNER} collars.", code="too_many")


@transaction.atomic
def update_device(*, device: Device, changes: dict[str, Any]) -> Device:
    """Write `name`, `pet`, `config` (validated; what is left out stays). Raises Conflict when it is retired."""
    locked = Device.objects.select_for_update(no_key=True).get(pk=device.pk)
    if locked.owner_id != device.owner_id:
        raise NotFound  # handed over since the caller looked
    if locked.retired_at is not None:
        raise Conflict("This collar is retired.", code="retired")
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
    registry().require()
    credential = new_credential(device.mqtt_user)
    if device.retired_at is not None:
        raise Conflict("This collar is retired.", code="retired")
    same = Device.objects.in_use().filter(pk=device.pk, owner=device.owner_id)
    replaced = same.filter(mqtt_pass_hash=device.mqtt_pass_hash)
    if not replaced.update(mqtt_pass_hash=credential.verifier, password_shown=shown or device.password_shown):
        raise Conflict("The password was changed by somebody else just now. Try again.")
    try:
        registry().rotate(credential)
    except Unavailable:
        mine = Device.objects.filter(pk=device.pk, mqtt_pass_hash=credential.verifier)
        mine.update(mqtt_pass_hash=device.mqtt_pass_hash)
        raise
    mark_cut(device_id=device.pk)
    log.info("collar_rotated", extra={"device": device.pk})
    return credential


def retire(*, device: Device) -> None:
    """End a collar: access and session end, history stays. Raises Conflict when it is retired already."""
    at = now()
    with transaction.atomic():
        if (
            not Device.objects.in_use()
            .filter(pk=device.pk, owner=device.owner_id)
            .update(status=Device.Status.RETIRED, retired_at=at, claim_code_hash=None)
        ):
            raise Conflict("This collar is retired.", code="retired")
        push_access(device.pk, device.owner_id)
    registry().remove(device.mqtt_user)
    for topic in (topics.status(device.pk), topics.command(device.pk, "config")):
        publisher.send(topic, None, retain=True)
    log.info("collar_retired", extra={"device": device.pk})


def restore(*, device: Device) -> Credential:
    """Undo a retirement: the collar is its owner's again, with a new password. Raises Conflict and Unavailable."""
    registry().require()
    credential = new_credential(device.mqtt_user)
    with transaction.atomic():
        if device.owner is not None:
            check_room(device.owner)
        status = Device.Status.OFFLINE if device.last_seen else Device.Status.NEVER_SEEN
        retired = Device.objects.filter(pk=device.pk, retired_at__isnull=False)
        fresh = {"mqtt_pass_hash": credential.verifier, "password_shown": True}
        if not retired.update(status=status, retired_at=None, **fresh):
            raise Conflict("This collar is not retired.", code="not_retired")
        push_access(device.pk, device.owner_id)
    try:
        registry().provision(credential)
    except Unavailable:
        Device.objects.in_use().filter(pk=device.pk, mqtt_pass_hash=credential.verifier).update(
            status=Device.Status.RETIRED, retired_at=device.retired_at
        )
        raise
    publish_config(device)
    log.info("collar_restored", extra={"device": device.pk})
    return credential


def issue_claim_code(*, device: Device, expires: bool) -> str:
    """A code that makes an unowned collar its reader's, once. Only its HMAC is kept."""
    code = new_claim_code()
    expires_at = now() + HANDOVER_CODE_LIFE if expires else None
    Device.objects.filter(pk=device.pk).update(claim_code_hash=hash_claim_code(code), claim_expires_at=expires_at)
    return code


def claim(*, code: str, by: User, name: str | None, pet: Pet | None) -> tuple[Device, Credential | None]:
    """Make an unowned collar `by`'s. The credential is new when a person ever saw the one before.

    Raises NotFound for a wrong or used code, Conflict (`too_many`).
    """
    digest = hash_claim_code(code)
    at = now()
    with transaction.atomic():
        check_room(by)
        open_codes = Device.objects.in_use().filter(owner=None, claim_code_hash=digest)
        found = open_codes.filter(Q(claim_expires_at=None) | Q(claim_expires_at__gt=at))
        device = found.select_for_update(no_key=True).first() if digest else None
        if device is None:
            raise NotFound("We don't know this code, or it is already used. Check it on the tag.")
        renew = device.password_shown and device.assignments.exists()
        if renew:
            registry().require()
        _take(device, by, name, pet, at)
    credential = rotate(device=Device.objects.get(pk=device.pk)) if renew else None
    return Device.objects.get(pk=device.pk), credential


def _take(device: Device, by: User, name: str | None, pet: Pet | None, at: datetime) -> None:
    Device.objects.filter(pk=device.pk).update(
        owner=by,
        pet=pet,
        owned_since=at,
        name=name or device.name,
        latest=None,
        latest_key=None,
        claim_code_hash=None,
        claim_expires_at=None,
    )
    Assignment.objects.create(device=device, owner=by, pet=pet, started_at=at)
    if pet is not None:
        change_config(device=device, changes={"time_zone": pet.time_zone})
    push_access(device.pk, by.pk)


def hand_over(*, device: Device, by: User, password: str) -> str:
    """Give a collar away: the answer is a claim code for the next owner, good for 7 days.

    Raises Forbidden for a wrong password or somebody who is not the owner. The MQTT password is replaced when
    a person was ever shown it.
    """
    if device.owner_id != by.pk:
        raise Forbidden("Only its owner can hand a collar over.")
    if not by.check_password(password):
        raise Forbidden("The password is wrong.", code="bad_password")
    if device.retired_at is not None:
        raise Conflict("This collar is retired.", code="retired")
    if device.password_shown:
        registry().require()  # before anything is written: the code would be lost with the answer
    with transaction.atomic():
        code = _release(device, by)
    if device.password_shown:
        rotate(device=Device.objects.get(pk=device.pk), shown=False)
    return code


def _release(device: Device, by: User) -> str:
    owned = Device.objects.in_use().filter(pk=device.pk, owner=by)
    if not owned.update(owner=None, pet=None, latest=None, latest_key=None):
        raise NotFound
    Assignment.objects.filter(device=device, ended_at=None).update(ended_at=now())
    push_access(device.pk, by.pk)
    return issue_claim_code(device=device, expires=True)
