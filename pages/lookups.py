"""Finding what a page is about: somebody else's does not exist."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from devices.models import Device
from devices.selectors import may_operate, visible_to
from pages.viewer import viewer
from pets.models import Pet


def device_for(request: HttpRequest, device_id: UUID) -> Device:
    """The collar if the viewer may see it."""
    devices = visible_to(viewer(request)).select_related("pet", "owner")
    device = devices.filter(pk=device_id).first()
    if device is None:
        raise Http404
    return device


def device_to_act_on(request: HttpRequest, device_id: UUID) -> Device:
    """As `device_for`; who may only look gets 403."""
    device = device_for(request, device_id)
    if not may_operate(viewer(request), device):
        raise PermissionDenied
    return device


def device_in_use(request: HttpRequest, device_id: UUID) -> Device:
    """As `device_to_act_on`; of a retired one nothing can be changed."""
    device = device_to_act_on(request, device_id)
    if device.retired_at is not None:
        raise Http404
    return device


def pet_for(request: HttpRequest, pet_id: UUID) -> Pet:
    """The viewer's own pet."""
    pet = Pet.objects.visible_to(viewer(request)).filter(pk=pet_id).first()
    if pet is None:
        raise Http404
    return pet
