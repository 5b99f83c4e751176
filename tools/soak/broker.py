"""Every way in which one collar can fill the broker's memory, tried with raw packets: each has its bound."""

import os
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from ops.environment import password_line
from ops.errors import Refusal
from ops.instance import Instance
from ops.paths import ROOT
from tools.soak import raw_mqtt as mqtt
from tools.soak.raw_mqtt import MQTT_5, Session

PASSWORD = "soak-broker-" + "x" * 31
COLLARS = 50
PACKET_MOST = 17_000  # bytes; the broker takes 17,408
PAYLOAD = b"x" * 16_000


@dataclass
class Broker:
    """A broker of its own, with collars that it knows."""

    instance: Instance
    ids: list[str]

    @property
    def pid(self) -> int:
        """The broker's process."""
        pid = self.instance.pid("mosquitto")
        assert pid is not None
        return pid

    def memory_mb(self, field: str = "VmRSS") -> float:
        """What it holds now, or (VmHWM) has ever held."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        kb = next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))
        return kb / 1024

    def session(self, number: int = 0, version: int = MQTT_5, *, clean: bool = True, expiry_s: int = 0) -> Session:
        """A collar that has connected."""
        session = self.line(version)
        code = session.log_in(self.ids[number], PASSWORD, clean=clean, expiry_s=expiry_s)
        if code:
            raise Refusal(f"The broker refuses a collar: {code}.")
        return session

    def line(self, version: int = MQTT_5) -> Session:
        """A TLS connection, nothing said."""
        return Session(int(self.instance.env["HETRI_MQTTS_PORT"]), self.instance.env["HETRI_TLS_CA"], version)

    def inside(self) -> "Inside":
        """A process of ours."""
        return Inside(int(self.instance.env["HETRI_MQTT_PORT"]), self.instance.env["HETRI_MQTT_PASSWORD"])


class Inside:
    """One of our own processes, on the internal listener."""

    def __init__(self, port: int, password: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._password = password

    def log_in(self, client_id: str, expiry_s: int = 0) -> None:
        """Connect as the server."""
        body = mqtt.text("MQTT") + struct.pack(">BBH", MQTT_5, 0xC0, 3600)
        body += mqtt.properties(MQTT_5, mqtt.SESSION_EXPIRY + struct.pack(">I", expiry_s) if expiry_s else b"")
        self.send(mqtt.packet(0x10, body + mqtt.text(client_id) + mqtt.text("hetri") + mqtt.text(self._password)))
        assert self._socket.recv(4096)[:1] == b"\x20"

    def send(self, data: bytes) -> None:
        """All of it."""
        self._socket.sendall(data)

    def answer(self) -> bytes:
        """What comes next."""
        return self._socket.recv(4096)

    def close(self) -> None:
        """Without a word."""
        self._socket.close()


Door = Callable[[Broker], None]


@contextmanager
def running(count: int = COLLARS) -> Iterator[Broker]:
    """A broker as the product configures it, and `count` collars."""
    with Instance(ROOT / "var" / "test" / f"broker-{os.getpid()}", test=True) as instance:
        ids = collars_of(instance, count)
        instance.start(("mosquitto",))
        yield Broker(instance, ids)


def collars_of(instance: Instance, count: int) -> list[str]:
    """The ids of so many collars, which the broker will know once it starts."""
    ids = [str(uuid4()) for _ in range(count)]
    passwords = instance.var / "mosquitto" / "collars.passwd"
    passwords.write_text("".join(password_line(name, PASSWORD) for name in ids))
    return ids


def in_packets(make: Callable[[list[str]], bytes], filters: Iterator[str]) -> Iterator[bytes]:
    """Packets of as many filters as fit."""
    some: list[str] = []
    size = 0
    for one in filters:
        if size + len(one) + 3 > PACKET_MOST:
            yield make(some)
            some, size = [], 0
        some.append(one)
        size += len(one) + 3
    yield make(some)


def deep_filters(broker: Broker) -> None:
    """20,000 filters of 150 levels."""
    with broker.session() as collar:
        deep = "/a" * 146
        for packet in in_packets(mqtt.subscribe, (f"devices/{number}{deep}" for number in range(20_000))):
            collar.send(packet)
            collar.read()


def deep_own_filters(broker: Broker) -> None:
    """20,000 deep filters below the collar's own name."""
    with broker.session() as collar:
        own = f"devices/{broker.ids[0]}/cmd"
        deep = "/a" * 146
        for packet in in_packets(mqtt.subscribe, (f"{own}/{number}{deep}" for number in range(20_000))):
            collar.send(packet)
            collar.read()


def short_filters(broker: Broker) -> None:
    """120,000 short filters."""
    with broker.session() as collar:
        for packet in in_packets(mqtt.subscribe, (f"{number:x}" for number in range(120_000))):
            with suppress(OSError):  # it may be cut
                collar.send(packet)
                collar.read()


def own_words_unread(broker: Broker) -> None:
    """It hears itself, sends 160 MB at QoS 0 and reads nothing."""
    with broker.session() as collar:
        own = f"devices/{broker.ids[0]}"
        collar.subscribe(f"{own}/#")
        for _ in range(10_000):
            collar.send(mqtt.publish(f"{own}/telemetry", PAYLOAD, qos=0))
        collar.wait_drained()


def own_words_unacknowledged(broker: Broker) -> None:
    """The same at QoS 1."""
    with broker.session() as collar:
        own = f"devices/{broker.ids[0]}"
        collar.subscribe(f"{own}/#")
        for _ in range(10_000):
            collar.send(mqtt.publish(f"{own}/telemetry", PAYLOAD, qos=1))
        collar.wait_drained()


def answers_unread(broker: Broker, packet: bytes, count: int) -> None:
    """It sends what must be answered, and reads nothing."""
    with broker.session() as collar:
        block = packet * max(1, 100_000 // len(packet))
        with suppress(OSError):
            for _ in range(count * len(packet) // len(block)):
                collar.send(block)
        collar.wait_drained()


def pings_unread(broker: Broker) -> None:
    """1.5 million PINGREQ."""
    answers_unread(broker, mqtt.PING, 1_500_000)


def pubacks_unread(broker: Broker) -> None:
    """1.5 million PUBLISH of a topic that is not its own, at QoS 1."""
    answers_unread(broker, mqtt.publish("a", b"", qos=1), 1_500_000)


def subacks_unread(broker: Broker) -> None:
    """8,000 SUBSCRIBE of 4,250 filters each."""
    answers_unread(broker, mqtt.subscribe(["a"] * 4_250), 8_000)


def unsubacks_unread(broker: Broker) -> None:
    """8,000 UNSUBSCRIBE of 5,660 filters each."""
    answers_unread(broker, mqtt.unsubscribe(["a"] * 5_660), 8_000)


def retained_again(broker: Broker) -> None:
    """It asks for its retained 16 kB 34,000 times and reads nothing."""
    with broker.session() as collar:
        own = f"devices/{broker.ids[0]}/status"
        collar.send(mqtt.publish(own, PAYLOAD, retain=True))
        collar.read()
        packet = mqtt.subscribe([own] * (PACKET_MOST // (len(own) + 3)))
        with suppress(OSError):
            for _ in range(200):
                collar.send(packet)
        collar.wait_drained()


def leave_subscribed(broker: Broker) -> None:
    """An ingest process that has subscribed, and is away."""
    ingest = broker.inside()
    ingest.log_in("soak-ingest", expiry_s=3600)
    ingest.send(mqtt.subscribe(["devices/+/telemetry", "devices/+/status"]))
    ingest.answer()
    ingest.close()


USER_PROPERTIES = (mqtt.USER_PROPERTY + b"\0\0\0\0") * 3_300


def properties_waiting(broker: Broker) -> None:
    """500 messages with 3,300 empty user properties each, while the ingest process is away."""
    leave_subscribed(broker)
    with broker.session() as collar:
        for _ in range(500):
            collar.send(mqtt.publish(f"devices/{broker.ids[0]}/telemetry", b"{}", props=USER_PROPERTIES))
            collar.read()


def properties_retained(broker: Broker) -> None:
    """The retained status of 50 collars, with 3,300 empty user properties each."""
    for number, name in enumerate(broker.ids):
        with broker.session(number) as collar:
            collar.send(mqtt.publish(f"devices/{name}/status", b"{}", props=USER_PROPERTIES, retain=True))
            collar.read()


def properties_of_wills(broker: Broker) -> None:
    """50 collars whose last will has 3,300 empty user properties."""
    held = []
    for name in broker.ids:
        line = broker.line()
        body = mqtt.text("MQTT") + struct.pack(">BBH", MQTT_5, 0xE6 | 0x08, 3600) + b"\0" + mqtt.text(name)
        body += mqtt.properties(MQTT_5, USER_PROPERTIES) + mqtt.text(f"devices/{name}/status") + mqtt.text("{}")
        line.send(mqtt.packet(0x10, body + mqtt.text(name) + mqtt.text(PASSWORD)))
        assert line.read()[0] == mqtt.CONNACK
        held.append(line)
    for line in held:
        line.close()


def half_done_qos2(broker: Broker) -> None:
    """65,535 messages of QoS 2, none released."""
    with broker.session() as collar, suppress(OSError):
        topic = mqtt.text(f"devices/{broker.ids[0]}/telemetry")
        for mid in range(1, 65_536):
            collar.send(mqtt.packet(0x34, topic + struct.pack(">H", mid) + b"\0" + b"x" * 4_000))
        collar.wait_drained()


def aliases(broker: Broker) -> None:
    """50 collars, each with the 10 aliases that it is granted, 17 kB each."""
    held = [broker.session(number) for number in range(COLLARS)]
    for collar in held:
        for alias in range(1, 11):
            props = mqtt.TOPIC_ALIAS + struct.pack(">H", alias)
            with suppress(OSError):
                collar.send(mqtt.publish("a" * PACKET_MOST, b"", qos=0, props=props))
    for collar in held:
        collar.wait_drained()
        collar.close()


def big_connect(broker: Broker) -> None:
    """200 MB of one CONNECT, before anybody has said who he is."""
    with broker.line() as line, suppress(OSError):
        line.send(b"\x10" + mqtt.number(268_000_000) + mqtt.text("MQTT") + b"\x05\xc2\x0e\x10\x00")
        for _ in range(2_000):
            line.send(b"x" * 100_000)


def sessions_kept(broker: Broker) -> None:
    """50 collars that ask for a session of a day, hear themselves, send 16 MB each and go."""
    for number, name in enumerate(broker.ids):
        with broker.session(number, clean=False, expiry_s=86_400) as collar:
            collar.subscribe(f"devices/{name}/#")
            for _ in range(1_000):
                collar.send(mqtt.publish(f"devices/{name}/telemetry", PAYLOAD, qos=1))
            collar.wait_drained()


def acknowledgements_unread(broker: Broker) -> None:
    """The server acknowledges 1.2 million batches, and the collar reads nothing."""
    server = broker.inside()
    server.log_in("soak-server")
    with broker.session() as collar:
        collar.subscribe(f"devices/{broker.ids[0]}/cmd/#")
        ack = mqtt.publish(
            f"devices/{broker.ids[0]}/cmd/ack", b'{"boot":"9f3a61c2","batch":1,"stored":1,"rejected":0}', qos=0
        )
        for _ in range(1_200):
            server.send(ack * 1_000)
        server.send(mqtt.PING)
        server.answer()
        collar.wait_drained()
    server.close()


def ingest_away(broker: Broker) -> None:
    """1.2 million small messages for an ingest process that is away."""
    leave_subscribed(broker)
    answers_unread(broker, mqtt.publish(f"devices/{broker.ids[0]}/telemetry", b"x" * 100), 1_200_000)


def ingest_away_large(broker: Broker) -> None:
    """480 MB in messages of 16 kB for an ingest process that is away."""
    leave_subscribed(broker)
    answers_unread(broker, mqtt.publish(f"devices/{broker.ids[0]}/telemetry", PAYLOAD), 30_000)


def silent_tls(broker: Broker) -> None:
    """1,000 TLS connections that say nothing."""
    held = [broker.line() for _ in range(1_000)]
    for line in held:
        line.close()


# The most MB that each may cost. An account has 20 collars, so what one costs is theirs 20 times over.
DOORS: Mapping[Door, float] = {
    deep_filters: 5,
    deep_own_filters: 5,
    short_filters: 5,
    own_words_unread: 5,
    own_words_unacknowledged: 5,
    pings_unread: 15,
    pubacks_unread: 15,
    subacks_unread: 5,
    unsubacks_unread: 5,
    retained_again: 10,
    properties_waiting: 5,
    properties_retained: 5,
    properties_of_wills: 20,
    half_done_qos2: 5,
    aliases: 15,
    big_connect: 5,
    sessions_kept: 75,
    acknowledgements_unread: 30,
    ingest_away: 90,
    ingest_away_large: 180,
    silent_tls: 25,
}


def run() -> Mapping[str, object]:
    """MB that each door took at most, beyond what the broker holds at its start. Raises Refusal above its bound."""
    took = {door.__name__: try_door(door) for door in DOORS}
    if over := [door.__name__ for door, most in DOORS.items() if took[door.__name__] > most]:
        raise Refusal(f"More than its bound: {', '.join(over)} of {took}")
    return took


def try_door(door: Door) -> float:
    """MB that it took at most, on a broker of its own."""
    with running() as broker:
        before = broker.memory_mb()
        door(broker)
        return round(broker.memory_mb("VmHWM") - before, 1)
