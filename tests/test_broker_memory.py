"""What one collar can make the broker keep: each way is tried on the broker that the suite runs, with raw packets."""

import re
import ssl
from contextlib import suppress
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from django.conf import settings
from paho.mqtt.enums import CallbackAPIVersion

from broker import commands
from ops.paths import ROOT
from tools.soak import raw_mqtt as mqtt
from tools.soak.broker import (
    DOORS,
    Door,
    acknowledgements_unread,
    in_packets,
    own_words_unacknowledged,
    own_words_unread,
    sessions_kept,
    try_door,
)
from tools.soak.raw_mqtt import MQTT_5, MQTT_311, Session
from tools.testing import Api, reloads, wait_for

CUT = (ConnectionError, ssl.SSLError)  # what a client sees of a closed connection
NOT_AUTHORIZED = {MQTT_311: 0x80, MQTT_5: 0x87}
OWN = ("#", "+", "telemetry", "status", "motion", "cmd/#", "cmd/+", *(f"cmd/{name}" for name in commands.NAMES))
REFUSED = (
    "#",
    "+",
    "devices/#",
    "devices/+/#",
    "devices/+/cmd/#",
    "devices/{other}/#",
    "devices/{other}/cmd/treat",
    "$SYS/#",
    "$share/g/devices/{id}/#",
    "$share/g/devices/{other}/#",
    "$CONTROL/#",
    "devices/{id}",
    "devices/{id}/",
    "devices/{id}/cmd",
    "devices/{id}/cmd/",
    "devices/{id}/cmd/other",
    "devices/{id}/cmd/trea",
    "devices/{id}/cmd/treat config",
    "devices/{id}/cmd/treat/x",
    "devices/{id}/cmd/treat/#",
    "devices/{id}/+/treat",
    "devices/{id}/+/#",
    "devices/{id}x/cmd/#",
    "/devices/{id}/#",
    "devices//{id}/#",
    "devices/{id}/status/#",
)


class Intruder:
    """A collar that speaks raw MQTT."""

    def __init__(self, api: Api) -> None:
        self.credentials = api.new_device()["mqtt"]
        self.id = self.credentials["username"]
        self.own = f"devices/{self.id}"

    def session(self, version: int = MQTT_5, *, clean: bool = True, expiry_s: int = 0) -> Session:
        """Connected anew."""
        session = Session(settings.MQTT_PUBLIC_PORT, settings.TLS_CA, version)
        assert session.log_in(self.id, self.credentials["password"], clean=clean, expiry_s=expiry_s) == 0
        return session


@pytest.fixture
def intruder(alice: Api) -> Intruder:
    return Intruder(alice)


def broker_pid() -> int:
    """The process of the suite's broker."""
    return int((settings.VAR_DIR / "mosquitto" / "mosquitto.pid").read_text())


class Grown:
    """By how many MB the broker has grown since."""

    def __init__(self) -> None:
        self._before = self._resident()

    def mb(self) -> float:
        return (self._resident() - self._before) / 1024

    @staticmethod
    def _resident() -> int:
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{broker_pid()}/status").read_text())
        assert found is not None
        return int(found[1])


@pytest.fixture
def grown() -> Grown:
    return Grown()


@pytest.mark.parametrize("version", [MQTT_311, MQTT_5])
def test_a_collar_may_subscribe_to_what_is_its_own(intruder: Intruder, version: int) -> None:
    with intruder.session(version) as session:
        assert session.subscribe(*(f"{intruder.own}/{part}" for part in OWN)) == [1] * len(OWN)


@pytest.mark.parametrize("version", [MQTT_311, MQTT_5])
def test_every_other_filter_is_refused_in_suback(intruder: Intruder, bob: Api, version: int) -> None:
    other = bob.new_device()["id"]
    filters = [one.format(id=intruder.id, other=other) for one in REFUSED]
    with intruder.session(version) as session:
        assert session.subscribe(*filters) == [NOT_AUTHORIZED[version]] * len(filters)


@pytest.mark.parametrize("below", ["devices", "devices/{id}", "devices/{id}/cmd", "$share/g"])
def test_twenty_thousand_deep_filters_are_refused_and_cost_nothing(
    intruder: Intruder, grown: Grown, below: str
) -> None:
    start, levels = below.format(id=intruder.id), "/a" * 146
    with intruder.session() as session:
        for packet in in_packets(mqtt.subscribe, (f"{start}/{number}{levels}" for number in range(20_000))):
            session.send(packet)
            kind, body = session.read()
            assert kind == mqtt.SUBACK
            assert set(body[3:]) == {NOT_AUTHORIZED[MQTT_5]}
        assert grown.mb() < 20


def test_more_filters_than_any_collar_asks_for_end_the_connection(intruder: Intruder, grown: Grown) -> None:
    packet = mqtt.subscribe(["a"] * 4_250)
    with intruder.session() as session:
        with pytest.raises(CUT):
            for _ in range(1_000):
                session.send(packet)
                session.read()
        assert grown.mb() < 20


@pytest.mark.parametrize("packet", [mqtt.PING, mqtt.publish("a", b""), mqtt.unsubscribe(["a"] * 5_660)])
def test_answers_that_it_does_not_read_are_bounded(intruder: Intruder, grown: Grown, packet: bytes) -> None:
    block = packet * max(1, 100_000 // len(packet))
    with intruder.session() as session:
        with suppress(OSError):  # it may be cut
            for _ in range(600_000 * len(mqtt.PING) // len(block) + 20):
                session.send(block)
        session.wait_drained()
        assert grown.mb() < 20


@pytest.mark.parametrize("door", [own_words_unread, own_words_unacknowledged, sessions_kept, acknowledgements_unread])
def test_what_it_does_not_read_is_bounded(door: Door) -> None:
    assert try_door(door) < DOORS[door]


def test_it_hears_what_it_has_retained(intruder: Intruder) -> None:
    with intruder.session() as session:
        session.send(mqtt.publish(f"{intruder.own}/status", b'{"v":1,"online":false}', retain=True))
        assert session.read()[0] == mqtt.PUBACK
    with intruder.session() as session:
        session.send(mqtt.subscribe([f"{intruder.own}/status"]))
        kinds = {session.read()[0], session.read()[0]}
    assert kinds == {mqtt.SUBACK, mqtt.PUBLISH}


def test_properties_of_a_message_are_not_kept(intruder: Intruder, grown: Grown) -> None:
    with intruder.session() as session:
        session.subscribe(f"{intruder.own}/#")
        session.send(mqtt.publish(f"{intruder.own}/status", b"{}", props=mqtt.USER_PROPERTY + b"\0\1a\0\1b"))
        heard = [session.read(), session.read()]
    assert b"\0\1a\0\1b" not in next(body for kind, body in heard if kind == mqtt.PUBLISH)


def test_qos_2_is_refused_and_keeps_nothing(intruder: Intruder, grown: Grown) -> None:
    topic, codes = mqtt.text(f"{intruder.own}/status"), set()
    with intruder.session() as session:
        for mid in range(1, 3_001):
            session.send(mqtt.packet(0x34, topic + mid.to_bytes(2, "big") + b"\0" + b"x" * 16_000))
            codes.add(session.read())
        assert {(kind, body[2]) for kind, body in codes} == {(mqtt.PUBREC, NOT_AUTHORIZED[MQTT_5])}
    assert grown.mb() < 20


def test_no_more_connections_than_descriptors_are_allowed() -> None:
    limits = Path(f"/proc/{broker_pid()}/limits").read_text()
    assert re.search(r"^Max open files +(\d+) ", limits, re.M)[1] == "10240"  # type: ignore[index]


def test_a_packet_that_is_too_large_ends_the_connection_before_it_is_read(grown: Grown) -> None:
    with Session(settings.MQTT_PUBLIC_PORT, settings.TLS_CA) as session, pytest.raises(CUT):
        session.send(b"\x10" + mqtt.number(268_000_000) + mqtt.text("MQTT"))
        session.read()
    assert grown.mb() < 20


def test_rights_stay_when_the_broker_loads_its_files_again(intruder: Intruder, alice: Api) -> None:
    with intruder.session() as session:
        before = reloads()
        alice.new_device()
        wait_for(lambda: reloads() > before)
        alice.new_device()  # usable when the answer arrives: the broker has loaded them by now
        assert session.subscribe(f"{intruder.own}/cmd/#", "#") == [1, NOT_AUTHORIZED[MQTT_5]]


def test_third_party_clients_see_the_refusal(intruder: Intruder) -> None:
    for version, refused in ((paho.MQTTv311, 0x80), (paho.MQTTv5, 0x87)):
        codes: list[int] = []
        client = paho.Client(CallbackAPIVersion.VERSION2, intruder.id, protocol=version)
        client.username_pw_set(intruder.id, intruder.credentials["password"])
        client.tls_set_context(ssl.create_default_context(cafile=str(settings.TLS_CA)))
        client.on_subscribe = lambda *about: codes.extend(code.value for code in about[3])  # noqa: B023
        client.connect("localhost", settings.MQTT_PUBLIC_PORT)
        client.loop_start()
        client.subscribe([(f"{intruder.own}/cmd/#", 1), ("#", 1), (f"{intruder.own}/cmd/treat", 1)])
        wait_for(lambda: len(codes) == 3)  # noqa: B023
        client.disconnect()
        client.loop_stop()
        assert codes == [1, refused, 1]


def test_the_brokers_list_of_commands_is_ours() -> None:
    text = (ROOT / "deploy" / "mosquitto" / "public.conf").read_text()
    listed = re.search(r"^plugin_opt_commands (.+)$", text, re.M)
    assert listed is not None
    assert tuple(listed[1].split()) == commands.NAMES
