from typing import Any

from django.core.management.base import CommandParser

from core.commands import ServiceCommand
from devices.services import ownership
from provisioning.management.commands._devices import device_with


class Command(ServiceCommand):
    help = "End a collar for good: its access and its session end now, its history stays."
    example = "manage.py retire_collar 0192f2a0-0000-7000-8000-000000000000"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("id", help="the collar's id")

    def act(self, **options: Any) -> dict[str, object]:
        device = device_with(options["id"])
        ownership.retire(device=device)
        return {"id": str(device.pk), "retired": True}
