"""Finding the collar that a command is about."""

from uuid import UUID

from django.core.management.base import CommandError

from devices.models import Device


def device_with(text: str) -> Device:
    """The device with this id. Raises CommandError."""
    try:
        return Device.objects.get(pk=UUID(text))
    except (ValueError, Device.DoesNotExist) as error:
        raise CommandError(f"There is no collar with the id {text!r}.") from error
