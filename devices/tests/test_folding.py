"""Several status messages of one collar in one turn: the same as one after the other, with less work."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.messages import Message
from core.ids import to_ms, uuid7
from core.times import now
from devices.handlers import handle_status, handle_statuses
from devices.models import Device
from devices.signals import came_online
from tools.testing import WHOLE

pytestmark = pytest.mark.django_db
NOW_MS = to_ms(now())


def make_device() -> Device:
    key = uuid7()
    return Device.objects.create(pk=key, name="Rex", mqtt_user=str(key), mqtt_pass_hash="$7$1$AA==$AA==")


def told(device: Device, number: int, body: dict[str, Any], retained: bool = False) -> Message:
    payload = json.dumps({"v": 1, **body}).encode()
    return Message(device.pk, f"devices/{device.pk}/status", payload, retained, NOW_MS + number)


def state(device: Device) -> tuple[Any, ...]:
    device.refresh_from_db()
    return device.status, device.reported, device.last_seen, device.firmware_version


facts = {"treats_left": st.integers(0, 9), "streaming": st.booleans(), "firmware": st.sampled_from(["1", "2"])}
presences = st.fixed_dictionaries({"online": st.booleans()}, optional=facts)
command = st.just({"id": "0192aaaa-0000-7000-8000-000000000000", "result": "jammed"})
results = st.fixed_dictionaries({"command": command}, optional={"treats_left": st.integers(0, 9)})


@settings(max_examples=60 if WHOLE else 30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(presences | results, st.booleans()), min_size=1, max_size=8))
def test_folded_or_one_by_one_the_collar_ends_the_same(said: list[tuple[dict[str, Any], bool]]) -> None:
    together, apart = make_device(), make_device()
    assert handle_statuses([told(together, number, *one) for number, one in enumerate(said)]) == []
    for number, one in enumerate(said):
        assert handle_status(told(apart, number, *one)) is None
    assert state(together) == state(apart)


def test_a_run_of_presence_is_written_and_greeted_once(django_capture_on_commit_callbacks: Callable[..., Any]) -> None:
    device, greeted = make_device(), []
    came_online.connect(lambda **kwargs: greeted.append(kwargs["device_id"]), weak=False, dispatch_uid="test")
    try:
        run = [told(device, number, {"online": True, "treats_left": number}) for number in range(500)]
        with CaptureQueriesContext(connection) as queries:
            assert handle_statuses(run) == []
        assert len(queries) < 15
        assert greeted == [device.pk]
    finally:
        came_online.disconnect(dispatch_uid="test")
    device.refresh_from_db()
    assert device.reported["treats_left"] == 499


def test_what_is_bad_among_them_is_set_aside_and_the_rest_is_taken() -> None:
    device = make_device()
    bad = Message(device.pk, "t", b'{"v":1,"online":true,"x":"\xff"}', False, NOW_MS)
    good = told(device, 1, {"online": True, "treats_left": 3})
    assert handle_statuses([bad, good, bad]) == [(bad, "bad_encoding: not UTF-8")] * 2
    assert state(device)[1]["treats_left"] == 3
