"""Programs that were not made for this server: a client library's defaults, odd side values, another QoS."""

import json
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import paho.mqtt.client as mqtt
import pytest
from django.conf import settings
from paho.mqtt.enums import CallbackAPIVersion

from broker.messages import Message
from core.ids import to_ms
from core.times import now
from devices.handlers import handle_status
from devices.models import Device
from telemetry.models import RejectedMessage, Sample
from tools.testing import Api, Collar, wait_for

Starter = Callable[..., Collar]
Json = dict[str, Any]


def status_of(api: Api, device: Json) -> str:
    return str(api.get(f"/devices/{device['id']}/status").json()["status"])


@contextmanager
def plain_client(device: Json) -> Iterator[mqtt.Client]:
    """paho as its own examples have it: MQTT 3.1.1, a last will at QoS 0 that is not retained, no presence."""
    there = device["mqtt"]
    client = mqtt.Client(CallbackAPIVersion.VERSION2, there["client_id"])
    client.username_pw_set(there["username"], there["password"])
    client.tls_set_context(ssl.create_default_context(cafile=settings.TLS_CA))
    client.will_set(f"devices/{device['id']}/status", '{"v":1,"online":false}')
    client.connect(there["host"], there["port"])
    client.loop_start()
    wait_for(client.is_connected)
    yield client
    client.loop_stop()


def batch_of(collar_sample: Json, batch: int = 1) -> str:
    return json.dumps({"v": 1, "boot": "9f3a61c2", "batch": batch, "ack": True, "samples": [collar_sample]})


def sample(seq: int) -> Json:
    at_rest = {"accel_x": 0, "accel_y": 0, "accel_z": 1, "battery_level": 80}
    return {"seq": seq, "ts": to_ms(now()), **at_rest}


def break_off(client: mqtt.Client) -> None:
    client.socket().close()  # type: ignore[union-attr]
    client.loop_stop()


def test_what_mosquitto_pub_sends_by_default_is_stored(alice: Api) -> None:
    device = alice.new_device()
    there = device["mqtt"]
    named = ["-i", there["client_id"], "-u", there["username"], "-P", there["password"], "--cafile", settings.TLS_CA]
    where = ["-h", there["host"], "-p", str(there["port"]), "-t", f"devices/{device['id']}/telemetry"]
    subprocess.run(["mosquitto_pub", *named, *where, "-m", batch_of(sample(1))], check=True, timeout=10)
    wait_for(lambda: Sample.objects.filter(device_id=device["id"]).count() == 1)


def test_a_last_will_at_qos_0_says_offline_and_telemetry_after_it_online(alice: Api) -> None:
    device = alice.new_device()
    topic = f"devices/{device['id']}/telemetry"
    with plain_client(device) as client:
        client.publish(topic, batch_of(sample(1)))
        wait_for(lambda: status_of(alice, device) == "online")
        break_off(client)
        wait_for(lambda: status_of(alice, device) == "offline")
    with plain_client(device) as client:
        client.publish(topic, batch_of(sample(2), 2))
        wait_for(lambda: status_of(alice, device) == "online")
        client.disconnect()


def test_telemetry_that_was_sampled_before_the_last_will_brings_nobody_back(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar = collar_of(alice, device)
    before = collar.sample(ago_s=1)
    collar.publish("status", {"v": 1, "online": False})
    wait_for(lambda: status_of(alice, device) == "offline")
    collar.send_samples(before)
    wait_for(lambda: Device.objects.get(pk=device["id"]).latest is not None)
    assert status_of(alice, device) == "offline"


def test_what_the_broker_repeats_is_no_word_of_a_collar_that_is_gone(alice: Api, collar_of: Starter) -> None:
    device = alice.new_device()
    collar = collar_of(alice, device)
    collar.publish("status", {"v": 1, "online": False})
    wait_for(lambda: status_of(alice, device) == "offline")
    heard = Device.objects.get(pk=device["id"]).last_seen
    for said in ({"online": True, "treats_left": 3}, {"command": {"id": device["id"], "result": "jammed"}}):
        payload = json.dumps({"v": 1, **said}).encode()
        assert handle_status(Message(UUID(device["id"]), "t", payload, True, to_ms(now()))) is None
    found = Device.objects.get(pk=device["id"])
    assert (found.status, found.last_seen, found.reported["treats_left"]) == ("offline", heard, 3)


ODD_FACTS: list[tuple[Json, str]] = [
    ({"treats_left": -1}, "bad_value"),
    ({"battery_level": 101}, "bad_value"),
    ({"battery_level": float("nan")}, "bad_value"),
    ({"rssi": -58.5}, "bad_value"),
    ({"streaming": 0}, "bad_value"),
    ({"firmware": "x" * 33}, "bad_value"),
    ({"firmware": "1.0\u0000"}, "bad_text"),
    ({"boot": ["9f3a61c2"]}, "bad_value"),
    ({"hardware": "esp32"}, "bad_type"),
    ({"hardware": {"camera": "yes"}}, "bad_value"),
    ({"command": {"id": 5}}, "bad_value"),
    ({"update": "soon"}, "bad_type"),
]


@pytest.mark.parametrize(("odd", "why"), ODD_FACTS, ids=lambda one: json.dumps(one) if isinstance(one, dict) else one)
def test_an_odd_fact_beside_presence_is_set_aside_alone(alice: Api, collar_of: Starter, odd: Json, why: str) -> None:
    device = alice.new_device()
    collar_of(alice, device).publish("status", {"v": 1.0, "online": True, "config_version": 12.0, **odd})
    kept = wait_for(lambda: RejectedMessage.objects.filter(device=device["id"]).first())
    assert kept.reason.startswith(f"{why}: {next(iter(odd))}")
    found = Device.objects.get(pk=device["id"])
    assert (found.status, found.reported["config_version"]) == ("online", 12)
