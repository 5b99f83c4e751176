"""Who takes several collars takes them by id, so that two who want the same ones wait in turn and never for each other."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from broker.messages import Message
from core.ids import to_ms
from core.times import now
from devices.models import Device
from telemetry.services.ingest import store
from tools.testing import Api, one_waits_for_a_lock, wait_for

Json = dict[str, Any]


@pytest.fixture
def pair(alice: Api) -> list[str]:
    """Two collars of one pet, by id; on disk the first one lies behind the second."""
    pet = alice.new_pet()
    ids = sorted(alice.new_device(pet=pet["id"])["id"] for _ in range(2))
    for _ in range(3):
        Device.objects.filter(pk=ids[0]).update(name="Rex")
    return ids


def take_both_beside(pair: list[str], other: Callable[[], Any]) -> Any:
    """What `other` comes to while somebody takes the first collar and, when it waits, the second."""
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        Device.objects.select_for_update(no_key=True).get(pk=pair[0])
        begun = pool.submit(other)
        wait_for(lambda: one_waits_for_a_lock() or (begun.done() and begun.result()))
        Device.objects.select_for_update(no_key=True, nowait=True).get(pk=pair[1])
    return begun.result()


def test_a_pets_new_time_zone(alice: Api, pair: list[str]) -> None:
    pet = str(Device.objects.get(pk=pair[0]).pet_id)
    moved = take_both_beside(pair, lambda: alice.patch(f"/pets/{pet}", json={"time_zone": "Asia/Kathmandu"}))
    assert moved.status_code == 200
    zones = Device.objects.filter(pk__in=pair).values_list("config__time_zone", flat=True)
    assert list(zones) == ["Asia/Kathmandu"] * 2


def _told(device_id: str) -> Message:
    at = to_ms(now())
    body = (
        f'{{"v":1,"boot":"9f3a61c2","batch":1,"ack":true,"samples":[{{"seq":1,"ts":{at},'
        '"accel_x":0,"accel_y":0,"accel_z":1,"battery_level":80}]}'
    )
    return Message(UUID(device_id), f"devices/{device_id}/telemetry", body.encode(), False, at)


def test_a_batch_of_telemetry(pair: list[str]) -> None:
    batch = [_told(pair[1]), _told(pair[0])]
    receipts = take_both_beside(pair, lambda: store(batch))
    assert [one.stored for one in receipts] == [1, 1]
