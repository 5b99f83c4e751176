"""An owner lets support watch for a while."""

from datetime import timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.errors import Forbidden, NotFound
from core.times import now
from devices.errors import Retired
from devices.models import Device
from streaming.models import SupportGrant, Viewing
from streaming.services import viewings


@transaction.atomic
def grant_support(*, device: Device, by: User, minutes: int) -> SupportGrant:
    """Let staff watch for so many minutes from now; replaces the grant before. Raises Forbidden and Conflict."""
    _require_owner(device, by)
    if device.retired_at is not None:
        raise Retired
    Device.objects.select_for_update(no_key=True).get(pk=device.pk)
    at = now()
    SupportGrant.objects.filter(device=device, ended_at=None).update(ended_at=at)
    expires_at = at + timedelta(minutes=minutes)
    return SupportGrant.objects.create(device=device, granted_by=by, granted_at=at, expires_at=expires_at)


@transaction.atomic
def withdraw_support(*, device: Device, by: User) -> None:
    """End the grant, and who watches by it. Raises Forbidden, and NotFound when there is none."""
    _require_owner(device, by)
    found = SupportGrant.objects.filter(device=device, ended_at=None)
    ids = list(found.values_list("pk", flat=True))
    if not found.update(ended_at=now()):
        raise NotFound
    for viewing in Viewing.objects.filter(grant__in=ids, ended_at=None):
        viewings.end_viewing(viewing=viewing)


def _require_owner(device: Device, by: User) -> None:
    if device.owner_id != by.pk:
        raise Forbidden(_("Only the owner can let support watch."))
