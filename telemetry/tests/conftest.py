import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client, RequestFactory

from accounts import tokens
from accounts.models import User
from broker.messages import Message
from conftest import make_user
from core.ids import to_ms, uuid7
from core.times import now
from devices.models import Assignment, Device
from pets.models import Pet
from telemetry import partitions
from telemetry.services.ingest import store
from telemetry.services.rollups import recompute


@pytest.fixture(autouse=True)
def _unknown_partitions() -> Iterator[None]:
    """A rolled-back test takes its partitions along; forget them."""
    partitions.forget()
    yield
    partitions.forget()


def create_device(owner: User | None = None, since: datetime | None = None, **fields: Any) -> Device:
    """A collar; with an owner also the assignment that says since when."""
    key = uuid7()
    names = {"name": "Rex", "mqtt_user": str(key), "mqtt_pass_hash": "$7$1$AA==$AA=="}
    device = Device.objects.create(pk=key, owner=owner, owned_since=since, **names, **fields)
    if owner is not None:
        Assignment.objects.create(device=device, owner=owner, started_at=since)
    return device


@pytest.fixture
def make_device(db: None) -> Callable[..., Device]:
    return create_device


@dataclass
class Person:
    """Somebody who is signed in, and calls the API in this process."""

    user: User
    client: Client

    def new_device(self, **fields: Any) -> Device:
        return create_device(self.user, **fields)

    def new_pet(self, time_zone: str) -> Pet:
        return Pet.objects.create(owner=self.user, name="Rex", species="dog", time_zone=time_zone)

    def ask(self, device: Device | UUID, **query: Any) -> Any:
        """The answer of GET /devices/{id}/telemetry."""
        key = device.pk if isinstance(device, Device) else device
        return self.client.get(f"/devices/{key}/telemetry", query)

    def telemetry(self, device: Device, **query: Any) -> Any:
        answer = self.ask(device, **query)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def buckets(self, device: Device, **query: Any) -> list[dict[str, Any]]:
        """The buckets from the beginning of time, oldest first."""
        found = self.telemetry(device, **{"start": "1970-01-02T00:00:00Z", "order": "asc", **query})
        rows: list[dict[str, Any]] = found["results"]
        return rows


def _sign_in(name: str, role: str = "owner") -> Person:
    user = make_user(name, role)
    access = tokens.issue(user=user, request=RequestFactory().get("/"))["access"]
    return Person(user, Client(headers={"Authorization": f"Bearer {access}"}))


@pytest.fixture
def alice(db: None) -> Person:
    return _sign_in("alice")


@pytest.fixture
def bob(db: None) -> Person:
    return _sign_in("bob")


@pytest.fixture
def charlie(db: None) -> Person:
    return _sign_in("charlie", role="staff")


def reading(seq: int = 1, at: datetime | None = None, **fields: Any) -> dict[str, Any]:
    """A sample as a collar writes it."""
    base = {"seq": seq, "ts": to_ms(at or now()), "accel_x": 0.01, "accel_y": -0.98, "accel_z": 0.12}
    return {**base, "battery_level": 87.5, **fields}


def message(
    device: Device, *samples: Any, batch: int = 1, boot: str = "9f3a61c2", retained: bool = False, **fields: Any
) -> Message:
    """A telemetry message with a request for a receipt."""
    body = {"v": 1, "boot": boot, "batch": batch, "ack": True, "samples": list(samples), **fields}
    return raw(device, json.dumps(body).encode(), retained)


def raw(device: Device, payload: bytes, retained: bool = False) -> Message:
    return Message(device.pk, f"devices/{device.pk}/telemetry", payload, retained, to_ms(now()))


def sample_at(device: Device, *moments: datetime, **fields: Any) -> None:
    """Store a sample for each moment and bring the buckets up to date."""
    for first in range(0, len(moments), 50):
        part = moments[first : first + 50]
        store([message(device, *(reading(first + number, at, **fields) for number, at in enumerate(part)))])
    roll_up()


def roll_up() -> None:
    while recompute():
        pass


def rows(sql: str, values: Sequence[Any] = ()) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()
