"""A collar finds its owner, or the next one: claim codes, handing over, claiming, new passwords.

What stops guessing is here, too. A collar that is handed over stays its owner's until somebody claims it: the claim
is the one irreversible step, and the last (docs/decisions/steps.md).
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from broker.credentials import hash_claim_code, new_claim_code
from broker.registry import Credential, new_credential
from core.errors import ApiError, BadPassword, Conflict, Forbidden, NotFound
from core.throttle import Limit
from core.times import now
from devices.errors import Retired
from devices.live import push_access, push_status
from devices.models import Assignment, Device
from devices.services import ownership
from devices.services.configuration import change_config
from devices.services.presence import mark_cut
from devices.services.trials import trial
from pets.models import Pet

log = logging.getLogger(__name__)
HANDOVER_CODE_LIFE = timedelta(days=7)
CREDENTIALS = Limit("credentials", most=10, seconds=3600)
WRONG_CLAIMS = Limit("claim-account", most=10, seconds=3600)
WRONG_CLAIMS_ADDRESS = Limit("claim-address", most=30, seconds=3600)


@contextmanager
def _counted(*limits: tuple[Limit, object], wrong: type[ApiError] | None = None) -> Iterator[None]:
    """Spend one try of each; given back unless it was `wrong` (None: unless it went well). Raises TooMany.

    With the database away none can be given back: asking it would only double the wait.
    """
    for limit, subject in limits:
        limit.spend(subject)
    try:
        yield
        keep = wrong is None
    except Exception as error:
        keep = isinstance(error, DatabaseError if wrong is None else (wrong, DatabaseError))
        raise
    finally:
        if not keep:
            for limit, subject in limits:
                limit.refund(subject)


def renew(*, device: Device) -> Credential:
    """As `ownership.rotate`, 10 times an hour for each collar. Raises TooMany, too."""
    with _counted((CREDENTIALS, device.pk)):
        return ownership.rotate(device=device)


def issue_claim_code(*, device: Device) -> str:
    """A code that makes a collar that is nobody's its reader's, once; the one before ends. Only its HMAC is kept.

    Raises Conflict (`owned`, `retired`).
    """
    code = new_claim_code()
    free = Device.objects.in_use().filter(pk=device.pk, owner=None)
    if not free.update(claim_code_hash=hash_claim_code(code), claim_expires_at=None):
        if Device.objects.filter(pk=device.pk, retired_at=None).exists():
            raise Conflict(_("This collar has an owner, who can hand it over."), code="owned")
        raise Retired
    log.info("claim_code_issued", extra={"device": device.pk})
    return code


def hand_over(*, device: Device, by: User, password: str) -> tuple[str, datetime]:
    """A claim code for the next owner, and until when it is good; the one before ends. Until then nothing changes.

    Raises Forbidden for a wrong password or somebody who is not the owner, Conflict (`retired`).
    """
    _require_owner(device, by)
    if not by.check_password(password):
        raise BadPassword
    if device.retired_at is not None:
        raise Retired
    code, expires_at = new_claim_code(), now() + HANDOVER_CODE_LIFE
    with transaction.atomic():
        owned = Device.objects.in_use().filter(pk=device.pk, owner=by)
        if not owned.update(claim_code_hash=hash_claim_code(code), claim_expires_at=expires_at):
            raise NotFound
        push_status(Device.objects.get(pk=device.pk))
    log.info("handover_begun", extra={"device": device.pk})
    return code, expires_at


def handover_until(device: Device) -> datetime | None:
    """Until when a handover is open, if one is."""
    until = device.claim_expires_at
    offered = device.owner_id is not None and device.claim_code_hash is not None and device.retired_at is None
    return until if offered and until is not None and until > now() else None


@transaction.atomic
def call_off_handover(*, device: Device, by: User) -> None:
    """The code is good no more. Raises Forbidden for who is not the owner, NotFound when no handover is open."""
    _require_owner(device, by)
    open_ones = Device.objects.in_use().filter(pk=device.pk, owner=by, claim_expires_at__gt=now())
    if not open_ones.exclude(claim_code_hash=None).update(**ownership.NO_CODE):
        raise NotFound
    push_status(Device.objects.get(pk=device.pk))
    log.info("handover_called_off", extra={"device": device.pk})


def _require_owner(device: Device, by: User) -> None:
    if device.owner_id != by.pk:
        raise Forbidden(_("Only its owner can hand a collar over."))


def claim(
    *, code: str, by: User, address: str, name: str | None = None, pet: Pet | None = None
) -> tuple[Device, Credential | None]:
    """Make a collar `by`'s. The credential is new when somebody who had it before ever saw the password.

    Wrong codes are counted per account and per address. Raises NotFound for a wrong or used code, Conflict
    (`too_many`, `yours`), TooMany, Unavailable with nothing changed.
    """
    with _counted((WRONG_CLAIMS, str(by.pk)), (WRONG_CLAIMS_ADDRESS, address), wrong=NotFound):
        digest = hash_claim_code(code)
        with transaction.atomic():
            device = _claimable(digest, by)
        taken: dict[str, Any] = {"digest": digest, "by": by, "name": name, "pet": pet}
        if not _is_known_to_others(device):
            with transaction.atomic():
                return _take(**taken), None
        credential = new_credential(device.mqtt_user)
        with trial(credential) as change:
            change.load()
            with transaction.atomic():
                change.keep()
                claimed = _take(**taken, mqtt_pass_hash=credential.verifier)
    mark_cut(device_id=claimed.pk)
    return Device.objects.get(pk=claimed.pk), credential


def _is_known_to_others(device: Device) -> bool:
    """Whether somebody who had the collar was shown its password."""
    return device.password_shown and device.assignments.exists()


def _claimable(digest: str | None, by: User) -> Device:
    """The collar with this code, locked behind its next owner. Raises NotFound and Conflict."""
    ownership.check_quota(by)
    at = now()
    found = Device.objects.in_use().filter(claim_code_hash=digest)
    found = found.filter(Q(claim_expires_at=None) | Q(claim_expires_at__gt=at))
    device = found.select_for_update(no_key=True).first() if digest else None
    if device is None:
        raise NotFound(_("We don't know this code, or it is already used. Check it on the tag."))
    if device.owner_id == by.pk:
        raise Conflict(_("This collar is yours already. To keep it, call the handover off on its page."), code="yours")
    return device


def _take(*, digest: str | None, by: User, name: str | None, pet: Pet | None, **fields: Any) -> Device:
    """One owner ends and the next begins, in the caller's transaction."""
    device, at = _claimable(digest, by), now()
    nothing_yet = {"latest": None, "latest_key": None, **ownership.NO_CODE}
    owned = {"owner": by, "pet": pet, "owned_since": at, "name": name or device.name}
    Device.objects.filter(pk=device.pk).update(**owned, **nothing_yet, **fields)
    Assignment.objects.filter(device=device, ended_at=None).update(ended_at=at)
    Assignment.objects.create(device=device, owner=by, pet=pet, started_at=at)
    if pet is not None:
        change_config(device=device, changes={"time_zone": pet.time_zone})
    push_access(device.pk, by.pk)
    if device.owner_id is not None:
        push_access(device.pk, device.owner_id)
    log.info("collar_claimed", extra={"device": device.pk})
    return Device.objects.get(pk=device.pk)
