"""An owner leaves: what is theirs ends, what is left carries no name."""

import logging

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts import sessions
from accounts.models import User
from core.errors import Conflict
from devices.models import Device
from devices.services.ownership import end_collars
from devices.services.trials import trial

log = logging.getLogger(__name__)


def delete_account(*, user: User) -> None:
    """Retire the collars, end the sessions, delete the person, the pets and their pictures.

    Samples and treats stay until the retention ends, without a name and readable by staff only: they are the
    record of what the devices did. Raises Conflict for staff, and Unavailable with the account still there.
    """
    if user.is_staff:
        raise Conflict(_("Staff accounts are ended by an administrator."), code="staff_stays")
    theirs = Device.objects.in_use().filter(owner=user)
    refs = list(theirs.values_list("mqtt_user", flat=True))
    with trial(removed=refs) as change:
        change.load()
        with transaction.atomic():
            change.keep()
            # Before the collars (docs/decisions/row-locks.md); nobody gives this person another one now.
            User.objects.select_for_update(no_key=True).get(pk=user.pk)
            if set(theirs.values_list("mqtt_user", flat=True)) != set(refs):
                raise Conflict(_("A collar came or went just now. Try again."))
            if refs:
                end_collars(theirs)
            Device.objects.filter(owner=user).update(owner=None, pet=None, name="Collar of a deleted account")
            sessions.end_all(user=user)
            user.delete()
    log.info("account_deleted", extra={"user": user.pk})
