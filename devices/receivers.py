"""What devices do when a pet changes."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from core.errors import Conflict
from devices.models import Device
from devices.services.configuration import change_config
from pets.models import Pet
from pets.signals import pet_deleting, time_zone_changing


def _follow_time_zone(sender: object, pet: Pet, time_zone: str, **kwargs: Any) -> None:
    for device in Device.objects.in_use().filter(pet=pet).order_by("pk"):
        change_config(device=device, changes={"time_zone": time_zone})


def _refuse_while_worn(sender: object, pet: Pet, **kwargs: Any) -> None:
    if Device.objects.in_use().filter(pet=pet).exists():
        raise Conflict(_("A collar is on this pet. Take it off first, in the collar's settings."), code="pet_worn")
    Device.objects.filter(pet=pet).update(pet=None)


def connect() -> None:
    """Hear from pets."""
    time_zone_changing.connect(_follow_time_zone)
    pet_deleting.connect(_refuse_while_worn)
