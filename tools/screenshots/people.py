"""Whom the pictures show: an owner with collars in every state, one with nothing, names that are hard to set."""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import uuid4

from django.conf import settings
from django.test import Client

from accounts.models import User
from core.ids import uuid7
from core.times import now
from demo.history import write_history
from devices.config import default_config
from devices.models import Assignment, Device
from pets.models import Pet
from telemetry.models import RollupMark
from tools.screenshots.desk import make_desk
from tools.testing import afternoon, wait_for

PASSWORD = "a long password"
LONG = "Prinzessin Maximiliane-Friederike von und zu Hohenlohe-Langenburg 🐕‍🦺"


@dataclass(frozen=True)
class Cast:
    """Session cookies, the ids that addresses need, and the time zone of it all."""

    zone: str
    full: str
    empty: str
    many: str
    rex: Device
    away: Device
    fresh: Device
    unseen: Device
    plain: Device
    demo: str
    demo_collar: str
    pet: Pet
    long_pet: Pet
    desk: str


def make_cast() -> Cast:
    """Everybody, with two weeks of history that is rolled up."""
    owner, nobody = _user("Alex"), _user("Bo")
    rex = _pet(owner, "Rex", "dog", treats_per_day=10, kcal_per_portion=3.5, birthdate=date(2022, 9, 14))
    mila, long = _pet(owner, "Mila", "cat"), _pet(owner, LONG, "dog", treats_per_day=3)
    worn = _collar(owner, rex, "Rex's collar", status="online", last_seen=now(), firmware_version="1.0.0")
    write_history(worn)
    away = _collar(
        owner, mila, "Mila's", status="offline", last_seen=now() - timedelta(hours=3), reported={"battery_level": 9.0}
    )
    fresh = _collar(owner, long, f"Halsband von {LONG}"[:80])
    unseen, plain = _dark(owner), _bare(owner)
    demo = json.loads((settings.VAR_DIR / "demo.json").read_text())
    wait_for(lambda: not RollupMark.objects.exists(), seconds=30)
    reported = {"battery_level": 82.0, "rssi": -58, "treats_left": 12, "config_version": 1}
    known = Device.objects.filter(pk__in=[worn.pk, unseen.pk, plain.pk])
    known.update(last_seen=now() + timedelta(minutes=30), reported=reported)
    return Cast(
        zone=afternoon(),
        full=session_of(owner),
        empty=session_of(nobody),
        many=session_of(_many()),
        rex=worn,
        away=away,
        fresh=fresh,
        unseen=unseen,
        plain=plain,
        demo=session_of(User.objects.get(email=demo["owner"]["email"])),
        demo_collar=demo["device"],
        pet=rex,
        long_pet=long,
        desk=session_of(make_desk(worn, away)),
    )


def _dark(owner: User) -> Device:
    """A collar whose camera is off by choice."""
    config = {**default_config(afternoon()), "camera": "off"}
    return _collar(owner, None, "Kitchen", status="online", last_seen=now(), config=config)


def _bare(owner: User) -> Device:
    """One without camera and dispenser."""
    has = {"board": "plain", "has_camera": False, "has_dispenser": False}
    return _collar(owner, None, "Tag", status="online", last_seen=now(), **has)


def _many() -> User:
    """An owner of nine collars."""
    owner = _user("Kim")
    for number, name in enumerate(("Balu", "Nala", "Simba", "Luna", "Bella", "Milo", "Frida", "Emil", LONG)):
        seen = now() + timedelta(minutes=30) if number % 4 else now() - timedelta(hours=number + 1)
        pet = _pet(owner, name, "cat" if number % 2 else "dog", treats_per_day=5)
        status, battery = ("online" if number % 4 else "offline"), {"battery_level": 95.0 - 10 * number}
        _collar(owner, pet, f"Collar {number + 1}", status=status, last_seen=seen, reported=battery)
    return owner


def _user(name: str) -> User:
    return User.objects.create_user(f"{name.lower()}-{uuid4().hex[:6]}@hetri.example", PASSWORD, name=name)


def _pet(owner: User, name: str, species: str, **fields: object) -> Pet:
    return Pet.objects.create(owner=owner, name=name[:80], species=species, time_zone=afternoon(), **fields)


def _collar(owner: User, pet: Pet | None, name: str, **fields: object) -> Device:
    pk = uuid7()
    who = {"pk": pk, "mqtt_user": str(pk), "mqtt_pass_hash": "x", "config": default_config(afternoon())}
    device = Device.objects.create(owner=owner, pet=pet, name=name, **{**who, **fields})
    Assignment.objects.create(device=device, owner=owner, pet=pet)
    return device


def session_of(user: User) -> str:
    """The cookie of a browser that is logged in."""
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value
