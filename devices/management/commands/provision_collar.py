from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from devices.flash import write_device_file
from devices.management.commands._base import CollarCommand
from devices.services import ownership
from hetri.accounts.models import User
from pets.models import Pet


class Command(CollarCommand):
    help = "Make a collar: a new identity, stored and live on the broker. Credentials are shown once."
    example = "manage.py provision_collar --name Rex --owner alice@example.com --pet Rex --out flash/"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--name", default="Collar", help="what people call it (default: Collar)")
        parser.add_argument("--owner", metavar="EMAIL", help="whose it is; without it a claim code is printed")
        parser.add_argument("--pet", metavar="NAME", help="the owner's pet that wears it")
        parser.add_argument("--out", metavar="DIR", type=Path, help="write device.json there and print no password")

    def act(self, **options: Any) -> dict[str, Any]:
        name = options["name"].strip()
        if not 1 <= len(name) <= 80 or not name.isprintable():
            raise CommandError("--name must have 1 to 80 printable characters.")
        owner = _owner(options["owner"])
        pet = _pet(options["pet"], owner)
        out: Path | None = options["out"]
        if out is not None:
            _check_writable(out)
        device, credential = ownership.provision(name=name, owner=owner, pet=pet, shown=out is None)
        code = None if owner else ownership.issue_claim_code(device=device, expires=False)
        answer: dict[str, Any] = {"id": str(device.pk), "name": device.name, "claim_code": code}
        if out is None:
            return {**answer, "mqtt": credential.public()}
        return {**answer, "device_json": str(write_device_file(out, device, credential))}

    def describe(self, answer: dict[str, Any]) -> str:
        mqtt = answer.pop("mqtt", {})
        return super().describe({**answer, **{f"mqtt {key}": value for key, value in mqtt.items()}})


def _owner(email: str | None) -> User | None:
    if email is None:
        return None
    owner = User.objects.filter(email=email.strip().lower()).first()
    if owner is None:
        raise CommandError(f"There is no user with the e-mail {email!r}.")
    return owner


def _pet(name: str | None, owner: User | None) -> Pet | None:
    if name is None:
        return None
    if owner is None:
        raise CommandError("--pet needs --owner.")
    pets = list(Pet.objects.visible_to(owner).filter(name=name)[:2])
    if len(pets) != 1:
        raise CommandError(f"{owner.email} has {'no' if not pets else 'more than one'} pet named {name!r}.")
    return pets[0]


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".hetri").touch()
        (folder / ".hetri").unlink()
    except OSError as error:
        raise CommandError(f"Cannot write to {folder}: {error.strerror}.") from error
