"""People at the desk, and a collar."""

from collections.abc import Callable

import pytest
from django.test import Client

from conftest import make_user
from devices.models import Device
from hetri.accounts.models import User
from hetri.staff.models import AuditLine

Desk = Callable[..., Client]


@pytest.fixture
def desk(db: None) -> Desk:
    """`desk("support")`: the browser of a member of staff; `desk("admin")` of an admin, `desk("owner")` of an owner."""

    def sit(role: str) -> Client:
        client = Client(headers={"X-Forwarded-Proto": "https", "Host": "localhost"})
        kind = {"support": "staff", "operations": "staff"}.get(role, role)
        client.force_login(make_user(role, role=kind, group=role))
        return client

    return sit


def make_device(owner: User | None = None, name: str = "Rex's collar") -> Device:
    """A collar in the database only."""
    device = Device(name=name, owner=owner, mqtt_pass_hash="x")
    device.mqtt_user = str(device.pk)
    device.save(force_insert=True)
    return device


def lines(subject_id: object) -> list[AuditLine]:
    """What the trail says of it, oldest first."""
    return list(AuditLine.objects.filter(subject_id=str(subject_id)).order_by("id"))
