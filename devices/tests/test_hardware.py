"""What a collar has: said in presence, shown by the API, asked before anything is sent."""

from collections.abc import Callable
from typing import Any

import pytest

from devices.models import Device
from telemetry.models import RejectedMessage
from tools.testing import Api, Collar, new_key, wait_for

Starter = Callable[..., Collar]
SENSOR_ONLY = {"board": "plain", "camera": False, "dispenser": False}
EVERYTHING = {"board": None, "camera": True, "dispenser": True}


def hardware(api: Api, device: dict[str, Any]) -> Any:
    return api.get(f"/devices/{device['id']}").json()["hardware"]


def say(collar: Collar, **presence: Any) -> None:
    collar.publish("status", {"v": 1, "online": True, "boot": "00000001", **presence})


def test_a_collar_that_does_not_say_has_everything(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar_of(alice, device)
    assert hardware(alice, device) == EVERYTHING
    assert alice.get(f"/devices/{device['id']}/status").json()["hardware"] == EVERYTHING


def test_what_it_says_is_shown_until_it_says_otherwise(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar = collar_of(alice, device)
    say(collar, hardware=SENSOR_ONLY)
    wait_for(lambda: hardware(alice, device) == SENSOR_ONLY)
    say(collar, hardware={"board": "plain", "camera": False})
    wait_for(lambda: hardware(alice, device) == {"board": "plain", "camera": False, "dispenser": True})
    say(collar)
    wait_for(lambda: hardware(alice, device) == EVERYTHING)


def test_its_last_will_takes_nothing_back(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar = collar_of(alice, device)
    say(collar, hardware=SENSOR_ONLY)
    wait_for(lambda: hardware(alice, device) == SENSOR_ONLY)
    collar.publish("status", {"v": 1, "online": False})
    wait_for(lambda: alice.get(f"/devices/{device['id']}").json()["status"] == "offline")
    assert hardware(alice, device) == SENSOR_ONLY


def test_without_a_dispenser_a_treat_is_refused_before_all_but_retired(alice: Api) -> None:
    device, key = alice.new_device(), new_key()
    Device.objects.filter(pk=device["id"]).update(has_dispenser=False)
    path = f"/devices/{device['id']}/treat"
    for _ in range(2):
        refused = alice.post(path, json={}, headers={"Idempotency-Key": key})
        assert (refused.status_code, refused.json()["code"]) == (409, "no_dispenser")
    assert alice.get(f"/devices/{device['id']}/treats").json()["results"] == []
    Device.objects.filter(pk=device["id"]).update(has_dispenser=True)
    assert alice.post(path, json={}, headers={"Idempotency-Key": key}).json()["code"] == "offline"


@pytest.mark.parametrize("path", ["video_url", "video_token"])
def test_without_a_camera_video_is_refused(alice: Api, path: str) -> None:
    device = alice.new_device()
    Device.objects.filter(pk=device["id"]).update(has_camera=False)
    refused = alice.get(f"/devices/{device['id']}/{path}")
    assert (refused.status_code, refused.json()["code"]) == (409, "no_camera")


@pytest.mark.parametrize(
    "hardware", [{"board": 1}, {"camera": "yes"}, {"board": "x" * 33}, {"board": "a\nb"}, ["camera"], 1]
)
def test_what_makes_no_sense_is_set_aside(alice: Api, collar_of: Starter, hardware: Any) -> None:
    device = alice.new_device()
    collar = collar_of(alice, device)
    say(collar, hardware=SENSOR_ONLY)
    say(collar, hardware=hardware)
    say(collar, treats_left=7)
    wait_for(lambda: alice.get(f"/devices/{device['id']}/status").json()["treats_left"] == 7)
    kept = RejectedMessage.objects.filter(device=device["id"]).values_list("reason", flat=True)
    reasons = wait_for(lambda: list(kept))
    assert [reason.partition(": hardware")[0] in ("bad_value", "bad_text", "bad_type") for reason in reasons] == [True]
