import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import pytest

from devices.models import Device
from devices.mqtt.messages import Message
from hetri.core.ids import to_ms, uuid7
from hetri.core.times import now
from telemetry import partitions


@pytest.fixture(autouse=True)
def _unknown_partitions() -> Iterator[None]:
    """A rolled-back test takes its partitions along; forget them."""
    partitions.forget()
    yield
    partitions.forget()


@pytest.fixture
def make_device(db: None) -> Callable[..., Device]:
    def make(**fields: Any) -> Device:
        key = uuid7()
        return Device.objects.create(pk=key, name="Rex", mqtt_user=str(key), mqtt_pass_hash="$7$1$AA==$AA==", **fields)

    return make


def reading(seq: int = 1, at: datetime | None = None, **fields: Any) -> dict[str, Any]:
    """A sample as a collar writes it."""
    base = {"seq": seq, "ts": to_ms(at or now()), "accel_x": 0.01, "accel_y": -0.98, "accel_z": 0.12}
    return {**base, "battery_level": 87.5, **fields}


def message(device: Device, *samples: Any, batch: int = 1, boot: str = "9f3a61c2", **fields: Any) -> Message:
    """A telemetry message with a request for a receipt."""
    body = {"v": 1, "boot": boot, "batch": batch, "ack": True, "samples": list(samples), **fields}
    return raw(device, json.dumps(body).encode())


def raw(device: Device, payload: bytes) -> Message:
    return Message(device.pk, f"devices/{device.pk}/telemetry", payload, False, to_ms(now()))


def rows(sql: str, values: Sequence[Any] = ()) -> list[Any]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()
