"""Presence: what collars report, their last will, their silence, and what the broker repeats."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from broker.messages import Message
from core.ids import to_ms
from core.times import now
from devices.handlers import handle_status
from devices.models import Device
from devices.services.presence import mark_silent, publish_config_again
from telemetry.models import RejectedMessage
from tools.testing import Api, Collar, wait_for

Starter = Callable[..., Collar]


def status_of(api: Api, device: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/devices/{device['id']}/status").json()
    return found


def test_presence_fills_the_status(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar = collar_of(alice, device)
    collar.say_online(battery_level=55.5, treats_left=9, firmware="2.0.1")
    status = wait_for(lambda: (found := status_of(alice, device))["treats_left"] == 9 and found)
    assert (status["battery_level"], status["firmware_version"], status["streaming"]) == (55.5, "2.0.1", False)
    assert status["latest"] is None


def test_a_config_that_was_lost_on_its_way_is_told_again(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar = collar_of(alice, device)
    Device.objects.filter(pk=device["id"]).update(config_version=7)  # and the broker was not told
    assert publish_config_again() >= 1
    wait_for(lambda: 7 in [told["version"] for told in collar.received("config")])
    collar.say_online(config_version=7)
    wait_for(lambda: Device.objects.get(pk=device["id"]).reported["config_version"] == 7)
    assert not Device.objects.config_waiting().filter(pk=device["id"]).exists()


def test_the_last_will_says_offline(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar = collar_of(alice, device)
    collar._client.socket().close()
    wait_for(lambda: status_of(alice, device)["status"] == "offline")


def test_a_silent_collar_goes_offline_by_itself(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar_of(alice, device)
    Device.objects.filter(pk=device["id"]).update(last_seen=now() - timedelta(seconds=181))
    assert status_of(alice, device)["status"] == "offline"
    listed = alice.get("/devices", params={"status": "offline"}).json()["results"]
    assert [row["id"] for row in listed] == [device["id"]]
    assert mark_silent() >= 1
    assert Device.objects.get(pk=device["id"]).status == "offline"


def test_a_collar_that_was_silent_is_online_again_once_it_sends(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar = collar_of(alice, device)
    Device.objects.filter(pk=device["id"]).update(last_seen=now() - timedelta(seconds=181))
    mark_silent()
    assert status_of(alice, device)["status"] == "offline"
    collar.send_samples(collar.sample())
    wait_for(lambda: status_of(alice, device)["status"] == "online")


def test_a_long_interval_is_no_silence(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    alice.patch(f"/devices/{device['id']}", json={"config": {"telemetry_interval_s": 600}})
    collar_of(alice, device)
    Device.objects.filter(pk=device["id"]).update(last_seen=now() - timedelta(seconds=1700))
    assert status_of(alice, device)["status"] == "online"


def test_what_the_broker_repeats_is_not_heard(alice: Api) -> None:
    device = Device.objects.get(pk=alice.new_device()["id"])
    payload = b'{"v":1,"online":true,"firmware":"1.0.0","treats_left":4}'
    assert handle_status(Message(device.pk, "t", payload, True, to_ms(now()))) is None
    device.refresh_from_db()
    assert device.last_seen is None
    assert device.reported["treats_left"] == 4
    assert device.presence() == "offline"


def test_bad_status_messages_are_set_aside(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar = collar_of(alice, device)
    for bad in (
        b"{",
        b"[]",
        b'{"v":1}',
        b'{"v":1,"online":1}',
        b'{"v":1,"online":true,"battery_level":101}',
        b"[" * 10_000,
    ):
        collar.publish("status", bad)
    wait_for(lambda: RejectedMessage.objects.filter(device=device["id"]).count() == 6)
    assert status_of(alice, device)["status"] == "online"


def test_one_that_was_heard_before_the_clock_was_set_back_can_go_silent(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar_of(alice, device)
    Device.objects.filter(pk=device["id"]).update(last_seen=now() + timedelta(days=300))
    mark_silent()
    assert Device.objects.get(pk=device["id"]).last_seen <= now()
    assert status_of(alice, device)["status"] == "online"


def test_what_a_newer_version_stored_in_a_config_does_not_keep_it_from_the_collar(
    alice: Api, collar_of: Callable[..., Collar]
) -> None:
    device = alice.new_device()
    Device.objects.filter(pk=device["id"]).update(config={**device["config"], "of_tomorrow": 1}, config_version=7)
    collar = collar_of(alice, device)
    told = wait_for(lambda: [one for one in collar.received("config") if one["version"] == 7])
    assert told[0].keys() == {"v", "version", "telemetry_interval_s", "camera", "time_zone"}
