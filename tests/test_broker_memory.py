"""What one collar can make the broker keep: each way is tried on the broker that the suite runs, with raw packets."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from devices.mqtt import topics
from devkit.bootstrap import ROOT
from hetri.testing import Api, Collar, reloads, wait_for
from soak import raw_mqtt as mqtt
from soak.broker import USER_PROPERTIES, in_packets
from soak.raw_mqtt import MQTT_5, MQTT_311, Session

NOT_AUTHORIZED = {MQTT_311: 0x80, MQTT_5: 0x87}
OWN = ("#", "+", "telemetry", "status", "motion", "cmd/#", "cmd/+", *(f"cmd/{name}" for name in topics.COMMANDS))
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


class Grown:
    """By how many MB the broker has grown since."""

    def __init__(self) -> None:
        self._before = self._resident()

    def mb(self) -> float:
        return (self._resident() - self._before) / 1024

    @staticmethod
    def _resident() -> int:
        pid = (settings.VAR_DIR / "mosquitto" / "mosquitto.pid").read_text().strip()
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
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
