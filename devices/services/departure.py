"""An owner leaves: what is theirs ends, what is left carries no name."""

import logging

from django.db import transaction

from devices.models import Device
from devices.mqtt.registry import registry
from devices.services.ownership import retire
from hetri.accounts import sessions
from hetri.accounts.models import User
from hetri.core.errors import Conflict

log = logging.getLogger(__name__)


def delete_account(*, user: User) -> None:
    """Retire the collars, end the sessions, delete the person, the pets and their pictures.

    Samples and treats stay until the retention ends, without a name and readable by staff only: they are the
    record of what the devices did. Raises Conflict for staff, and Unavailable with the account still there.
    """
    if user.is_staff:
        raise Conflict("Staff accounts are ended by an administrator.", code="staff_stays")
    registry().require()
    for device in Device.objects.in_use().filter(owner=user):
        retire(device=device)
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)  # before the collars (docs/decisions/row-locks.md)
        Device.objects.filter(owner=user).update(owner=None, pet=None, name="Collar of a deleted account")
        sessions.end_all(user=user)
        user.delete()
    log.info("account_deleted", extra={"user": user.pk})
