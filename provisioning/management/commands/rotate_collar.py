from typing import Any

from django.core.management.base import CommandParser

from core.commands import ServiceCommand
from devices.services import ownership
from provisioning.management.commands._devices import device_with


class Command(ServiceCommand):
    help = "Give a collar a new MQTT password, shown once; the old one and its session end now."
    example = "manage.py rotate_collar 0192f2a0-0000-7000-8000-000000000000 --json"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("id", help="the collar's id")

    def act(self, **options: Any) -> dict[str, Any]:
        device = device_with(options["id"])
        return {"id": str(device.pk), "mqtt": ownership.rotate(device=device).public()}

    def describe(self, answer: dict[str, Any]) -> str:
        return super().describe({f"mqtt {key}": value for key, value in answer["mqtt"].items()})
