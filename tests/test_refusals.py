"""What a collar may not do on the broker: each line of the access list, tried."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import paho.mqtt.client as mqtt
import pytest
from django.conf import settings
from paho.mqtt.enums import CallbackAPIVersion

from tools.testing import Api, Collar, new_key, wait_for


@pytest.fixture
def pair(alice: Api, bob: Api) -> Iterator[tuple[Collar, Collar, dict[str, Any]]]:
    """Alice's collar, and Bob's as the one that tries."""
    device = alice.new_device()
    mine, theirs = Collar(device["mqtt"]).start(), Collar(bob.new_device()["mqtt"]).start()
    yield mine, theirs, device
    mine.stop()
    theirs.stop()


@pytest.mark.parametrize(
    "topic", ["#", "+/+/cmd/treat", "devices/+/#", "$share/g/devices/#", "$SYS/#", "$CONTROL/#", "devices/{id}/#"]
)
def test_it_hears_nothing_of_another(alice: Api, pair: Any, topic: str) -> None:
    mine, theirs, device = pair
    heard: list[str] = []
    theirs._client.on_message = lambda client, data, message: heard.append(message.topic)
    theirs._client.subscribe(topic.format(id=device["id"]), qos=1)
    alice.patch(f"/devices/{device['id']}", json={"config": {"telemetry_interval_s": 33}})
    wait_for(lambda: [told for told in mine.received("config") if told["telemetry_interval_s"] == 33])
    theirs.say_online()  # its own greeting comes after whatever was on the way
    wait_for(lambda: [one for one in heard if one == f"devices/{theirs.id}/cmd/time"] or topic.startswith("$"))
    assert {one.split("/")[1] for one in heard} <= {theirs.id}


def test_it_cannot_speak_for_another(alice: Api, pair: Any) -> None:
    mine, theirs, device = pair
    before = alice.get(f"/devices/{device['id']}/status").json()
    message = {"v": 1, "boot": "9f3a61c2", "batch": 1, "ack": True, "samples": [theirs.sample()]}
    for topic in ("telemetry", "status", "cmd/treat", "cmd/ack"):
        body = message if topic == "telemetry" else {"v": 1, "online": False, "id": new_key(), "portion": 1}
        theirs._client.publish(f"devices/{device['id']}/{topic}", str(body), qos=1).wait_for_publish(5)
    theirs._client.publish("devices/cmd", "x", qos=1).wait_for_publish(5)
    mine.send_samples(mine.sample())
    wait_for(lambda: mine.received("ack"))
    status = alice.get(f"/devices/{device['id']}/status").json()
    assert status["status"] == before["status"] == "online"
    assert [name for name, _ in mine.commands if name == "treat"] == []
    assert len(alice.get(f"/devices/{device['id']}/telemetry").json()["results"]) == 1


def test_it_cannot_take_anothers_client_id(pair: Any, bob: Api) -> None:
    mine, _, device = pair
    third = bob.new_device()["mqtt"]
    thief = Collar({**third, "client_id": device["mqtt"]["client_id"]}).start()
    assert thief.connected
    assert mine.connected
    thief.stop()


def test_wrong_and_missing_passwords_are_refused(alice: Api) -> None:
    credentials = alice.new_device()["mqtt"]
    for wrong in ({"password": "wrong"}, {"password": ""}, {"username": str(uuid4())}):
        assert Collar({**credentials, **wrong}).refused()
    alice.delete(f"/devices/{credentials['username']}")
    wait_for(lambda: not Collar(credentials).accepted(), 5)


def test_the_servers_own_name_is_refused_in_public(alice: Api) -> None:
    credentials = alice.new_device()["mqtt"]
    server = {"username": settings.MQTT_USER, "password": settings.MQTT_PASSWORD, "client_id": "x"}
    assert Collar({**credentials, **server}).refused()


def test_a_client_without_a_name_is_refused() -> None:
    import ssl

    refused: list[Any] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.tls_set_context(ssl.create_default_context(cafile=str(settings.TLS_CA)))
    client.on_connect = lambda c, d, f, reason, *rest: refused.append(reason.is_failure)
    client.connect_async("localhost", settings.MQTT_PUBLIC_PORT)
    client.loop_start()
    assert wait_for(lambda: refused) == [True]
    client.disconnect()
    client.loop_stop()


def test_sixteen_kib_go_through_and_twenty_do_not(alice: Api) -> None:
    device = alice.new_device()
    collar = Collar(device["mqtt"]).start()
    head, tail = b'{"v":1,"boot":"9f3a61c2","batch":1,"ack":true,"samples":"', b'"}'
    collar.publish("telemetry", head + b"x" * (16_384 - len(head + tail)) + tail)
    assert wait_for(lambda: collar.received("ack")) == [{"boot": "9f3a61c2", "batch": 1, "stored": 0, "rejected": 0}]
    collar._client.publish(f"devices/{collar.id}/telemetry", b"x" * 20_480, qos=1)
    wait_for(lambda: not collar.connected)
    collar.stop()
