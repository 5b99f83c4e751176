import json
import os
import tempfile
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import connections

from accounts.models import User
from core.commands import ServiceCommand
from devices.services import ownership
from firmware.simulation import collar_command
from provisioning.device_file import write_device_file

COUNT_MAX = 1000


class Command(ServiceCommand):
    flashes: list[Path]
    help = "Provision N collars and run their real program under MicroPython, in one process, until Ctrl-C."
    example = "manage.py simulate_collar --count 3 --owner alice@example.com"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--count", type=int, default=1, help="how many collars (default: 1)")
        parser.add_argument("--owner", metavar="EMAIL", help="whose they are (default: nobody's)")
        parser.add_argument("--dir", metavar="DIR", type=Path, help="where their flash lies (default: a new folder)")

    def act(self, **options: Any) -> dict[str, object]:
        count: int = options["count"]
        if not 1 <= count <= COUNT_MAX:
            raise CommandError(f"--count must be 1 to {COUNT_MAX}.")
        owner = User.objects.filter(email=options["owner"]).first() if options["owner"] else None
        if options["owner"] and owner is None:
            raise CommandError(f"There is no user with the e-mail {options['owner']!r}.")
        root: Path = options["dir"] or Path(tempfile.mkdtemp(prefix="hetri-collars-"))
        self.flashes = [_provision(root / str(number), number, owner) for number in range(1, count + 1)]
        return {"dir": str(root), "collars": [_id_of(flash) for flash in self.flashes]}

    def handle(self, *args: Any, **options: Any) -> None:
        """Provision, print, then become the collars' process."""
        super().handle(*args, **options)
        self.stdout.flush()
        connections.close_all()
        command = collar_command(self.flashes)
        os.execv(command[0], command)  # noqa: S606


def _provision(flash: Path, number: int, owner: User | None) -> Path:
    device, credential = ownership.provision(name=f"Simulated {number}", owner=owner, shown=False)
    write_device_file(flash, device, credential)
    return flash


def _id_of(flash: Path) -> str:
    return str(json.loads((flash / "device.json").read_text())["id"])
