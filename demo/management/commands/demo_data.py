import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Role, User
from accounts.roles import OPERATIONS
from broker.credentials import password_matches
from core.errors import ApiError
from demo.history import write_history
from devices.models import Device
from devices.services import ownership
from firmware.packing import new_key
from pets.models import Pet
from provisioning.device_file import write_device_file

OWNER, SECOND = "owner@hetri.example", "second@hetri.example"
STAFF, ADMIN = "staff@hetri.example", "admin@hetri.example"
Account = dict[str, str]


class Command(BaseCommand):
    help = (
        "Make the demo's people, pets, collar and two weeks of history, and write demo.json. A second run mends what "
        "is missing.  Example:  ./dev manage demo_data"
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dir", type=Path, default=settings.VAR_DIR, help="where demo.json and collar/ go")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["dir"]
        known = _read_json(folder / "demo.json")
        owner = _account(OWNER, "Alex", Role.OWNER, known.get("owner", {}))
        staff = _account(STAFF, "Charlie", Role.STAFF, known.get("staff", {}))
        User.objects.get(email=STAFF).groups.add(Group.objects.get(name=OPERATIONS))
        admin = _account(ADMIN, "Dana", Role.ADMIN, known.get("admin", {}))
        _account(SECOND, "Bo", Role.OWNER, {})
        user = User.objects.get(email=OWNER)
        rex = _pet(
            user,
            name="Rex",
            species="dog",
            time_zone="Europe/Berlin",
            treats_per_day=10,
            kcal_per_portion=4.5,
        )
        _pet(User.objects.get(email=SECOND), name="Mila", species="cat", time_zone="Europe/Berlin")
        _release_key(folder / "release.pem")
        try:
            device = _collar(user, rex, folder / "collar")
        except ApiError as refused:
            raise CommandError(refused.detail) from refused
        _write_private(folder / "demo.json", _demo_file({"owner": owner, "staff": staff, "admin": admin}, device))


def _release_key(path: Path) -> None:
    """The key that signs the demo's releases; in production it lies on no server."""
    if not path.exists():
        new_key(path)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found


def _account(email: str, name: str, role: str, known: Account) -> Account:
    """The account with a password that demo.json may tell: the known one while it fits, else a new one."""
    user = User.objects.filter(email=email).first()
    if user and known.get("email") == email and user.check_password(known.get("password", "")):
        return known
    password = secrets.token_urlsafe(12)
    if user is None:
        User.objects.create_user(email, password, name=name, role=role)
    else:
        user.set_password(password)
        user.save(update_fields=["password"])
    return {"email": email, "password": password}


def _pet(owner: User, *, name: str, **fields: Any) -> Pet:
    return Pet.objects.get_or_create(owner=owner, name=name, defaults=fields)[0]


def _collar(owner: User, pet: Pet, flash: Path) -> Device:
    """The demo collar of device.json, with its password mended when it was rotated, or a new one."""
    written = _read_json(flash / "device.json")
    device = Device.objects.in_use().filter(owner=owner, pk=written["id"]).first() if written else None
    if device is None:
        device, credential = ownership.provision(name="Rex's collar", owner=owner, pet=pet, shown=False)
        write_device_file(flash, device, credential)
        write_history(device)
    elif not password_matches(written["mqtt"]["password"], device.mqtt_pass_hash):
        write_device_file(flash, device, ownership.rotate(device=device, shown=False))
    return device


def _demo_file(people: dict[str, Account], device: Device) -> dict[str, Any]:
    host = settings.MQTT_PUBLIC_HOST
    return {
        "url": settings.PUBLIC_URL,
        "ca": os.path.relpath(settings.TLS_CA, settings.BASE_DIR),
        "mqtt": {"host": host, "port": settings.MQTT_PUBLIC_PORT},
        "rtmp": {"host": host, "port": settings.RTMP_PUBLIC_PORT},
        **people,
        "device": str(device.pk),
    }


def _write_private(path: Path, content: dict[str, Any]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(handle, "w") as file:
        json.dump(content, file, indent=2)
