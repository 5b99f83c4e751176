"""A collar of Alice's with a dog, as rows; nothing here talks to a broker."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from conftest import make_user
from devices.models import Device, TreatEvent
from hetri.accounts.models import User
from hetri.core.ids import uuid7
from hetri.core.times import now
from pets.models import Pet

ZONE = "Europe/Berlin"


@pytest.fixture
def owner(db: None) -> User:
    return make_user("alice")


@pytest.fixture
def stranger(db: None) -> User:
    return make_user("bob")


@pytest.fixture
def staff(db: None) -> User:
    return make_user("charlie", role="staff")


@pytest.fixture
def rex(owner: User) -> Pet:
    return Pet.objects.create(owner=owner, name="Rex", species="dog", time_zone=ZONE, treats_per_day=10)


@pytest.fixture
def collar(owner: User, rex: Pet) -> Device:
    return make_collar(owner, rex, status="online", last_seen=now())


def make_collar(owner: User, pet: Pet | None, **fields: Any) -> Device:
    """A provisioned collar as a row."""
    pk = uuid7()
    more: dict[str, Any] = {"name": "Rex's collar", "mqtt_user": str(pk), "mqtt_pass_hash": "x", **fields}
    return Device.objects.create(pk=pk, owner=owner, pet=pet, **more)


def make_treat(device: Device, result: str = "dispensed", ago_s: float = 1, **fields: Any) -> TreatEvent:
    """A treat ordered `ago_s` seconds ago by the collar's owner."""
    at = now() - timedelta(seconds=ago_s)
    usual = {"source": "owner", "triggered_by": device.owner, "pet": device.pet, "event_time": at}
    times = {"expires_at": at + timedelta(seconds=30), "settled_at": None if result == "pending" else at}
    return TreatEvent.objects.create(device=device, result=result, **{**usual, **times, **fields})


def signed_in(user: User) -> Client:
    """A browser that has logged in."""
    client = Client()
    client.force_login(user)
    return client
