import getpass
import json
import os
import secrets
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.models import User
from broker.credentials import new_claim_code
from broker.registry import Credential
from core.commands import ServiceCommand
from devices.models import Device
from devices.services import ownership
from firmware import board, image
from pets.models import Pet
from provisioning.device_file import device_file, write_device_file, write_secret
from provisioning.management.commands._devices import device_with

SETUP_ALPHABET, SETUP_LENGTH = "abcdefghjkmnpqrstuvwxyz23456789", 10


class Command(ServiceCommand):
    help = "Make a collar: a new identity, stored and live on the broker. Credentials are shown once."
    example = "manage.py provision_collar --name Rex --owner alice@example.com --pet Rex --out flash/"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--name", help="what people call it (default: Collar)")
        parser.add_argument("--owner", metavar="EMAIL", help="whose it is; without it a claim code is printed")
        parser.add_argument("--pet", metavar="NAME", help="the owner's pet that wears it")
        parser.add_argument("--device", metavar="ID", help="a collar that exists: it gets a new password")
        parser.add_argument(
            "--out", metavar="DIR", type=Path, help="write device.json and littlefs.img there and print no password"
        )
        parser.add_argument("--flash", metavar="PORT", help="write the program and the identity to the board there")
        parser.add_argument("--image", metavar="BIN", type=Path, help="MicroPython to put on that board first")
        parser.add_argument(
            "--wifi",
            metavar="SSID",
            help="a network that the collar knows; password from HETRI_WIFI_PASSWORD, or asked",
        )

    def act(self, **options: Any) -> dict[str, Any]:
        owner, name = _owner(options["owner"]), _name(options)
        pet = _pet(options["pet"], owner)
        out, port = options["out"], options["flash"]
        _check_targets(**{key: options[key] for key in ("out", "flash", "image", "wifi")})
        wifi = _wifi(options["wifi"])
        shown = out is None and port is None
        if options["device"]:
            device = device_with(options["device"])
            credential, code = ownership.rotate(device=device, shown=shown), None
        else:
            code = None if owner else new_claim_code()
            device, credential = ownership.provision(
                name=name, owner=owner, pet=pet, shown=shown, claim_code=code or ""
            )
        answer = {"id": str(device.pk), "name": device.name, "claim_code": code}
        if shown:
            return {**answer, "mqtt": credential.public()}
        more = {"wifi": wifi, "setup": _setup(device)}
        try:
            if out is not None:
                answer |= _write_folder(out, device, credential, more)
            if port is not None:
                answer |= _write_board(port, options["image"], device, credential, more)
        except (board.BoardError, OSError) as error:
            again = f"The collar is made; when that is mended, go on with --device {device.pk}."
            raise CommandError(
                f"{str(error).rstrip('.')}. {again}" + (f" Its claim code is {code}." if code else "")
            ) from error
        return answer

    def describe(self, answer: dict[str, Any]) -> str:
        for part in ("mqtt", "setup"):
            answer |= {f"{part} {key}": value for key, value in answer.pop(part, {}).items()}
        return super().describe(answer)


def _write_folder(folder: Path, device: Device, credential: Credential, more: dict[str, Any]) -> dict[str, Any]:
    path = write_device_file(folder, device, credential, **more)
    with tempfile.TemporaryDirectory() as tree:
        board.lay_out(Path(tree), path.read_bytes())
        made = write_secret(folder / "littlefs.img", image.build(Path(tree)))
    return {"device_json": str(path), "image": str(made)}


def _write_board(
    port: str, micropython: Path | None, device: Device, credential: Credential, more: dict[str, Any]
) -> dict[str, Any]:
    if micropython is not None:
        board.write_image(port, micropython)
    with tempfile.TemporaryDirectory() as tree:
        board.lay_out(Path(tree), json.dumps(device_file(device, credential, **more)).encode())
        board.write_files(port, Path(tree))
    return {"board": port, "setup": more["setup"]}


def _setup(device: Device) -> dict[str, str]:
    """The collar's own access point: its name, and a password for its label."""
    password = "".join(secrets.choice(SETUP_ALPHABET) for _ in range(SETUP_LENGTH))
    return {"ssid": f"Hetri-{str(device.pk)[-4:]}", "password": password}


def _check_targets(out: Path | None, flash: str | None, image: Path | None, wifi: str | None) -> None:
    if (image or wifi) and flash is None and out is None:
        raise CommandError("--image and --wifi need --flash or --out.")
    if out is not None:
        _check_writable(out)
    if flash is not None:
        try:
            board.check(flash, image)
        except board.BoardError as error:
            raise CommandError(str(error)) from error


def _wifi(ssid: str | None) -> list[dict[str, str]]:
    if ssid is None:
        return []
    if not 0 < len(ssid.encode()) <= 32:
        raise CommandError("A network's name has 1 to 32 bytes.")
    password = os.environ.get("HETRI_WIFI_PASSWORD")
    if password is None and sys.stdin.isatty():
        password = getpass.getpass(f"Password of {ssid}: ")
    if password is None:
        raise CommandError("Say the network's password in HETRI_WIFI_PASSWORD.")
    if password and not 8 <= len(password.encode()) <= 63:
        raise CommandError("A network's password has 8 to 63 characters, or none.")
    return [{"ssid": ssid, "password": password}]


def _name(options: dict[str, Any]) -> str:
    if options["device"] and (options["name"] or options["owner"] or options["pet"]):
        raise CommandError("--device names a collar that has its name and owner already.")
    name = (options["name"] or "Collar").strip()
    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise CommandError("--name must have 1 to 80 printable characters.")
    return str(name)


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
