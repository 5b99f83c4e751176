"""Publishing: one broker connection for each process, opened at first use, kept open, QoS 1.

Call it after commit only. A send while the broker is away is dropped with a log line: what must arrive is
repeated by its owner (config at each presence, a treat expires).
"""

import atexit
import json
import logging
import socket
import ssl
import threading
import time
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import paho.mqtt.client as mqtt
from django.conf import settings
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from broker import topics
from broker.commands import DELIVERIES, Command, encode
from broker.errors import BrokerUnavailable

log = logging.getLogger(__name__)
KEEPALIVE_S = 15
FIRST_WAIT_S = 2
PULSE_FRESH_S = 1.0
PULSE_WAIT_S = 2.0  # a broker under load, and a machine that does other things
_opening = threading.Lock()


def set_up(client: mqtt.Client) -> None:
    """Sign in as the server's user; without Nagle's delay, which costs a treat 40 ms.

    Reconnects for ever, each second: what comes back is used within one.
    """
    client.username_pw_set(settings.MQTT_USER, settings.MQTT_PASSWORD)
    if settings.MQTT_TLS:
        client.tls_set_context(ssl.create_default_context(cafile=settings.MQTT_CA or None))
    client.on_socket_open = _without_delay
    client.reconnect_delay_set(min_delay=1, max_delay=1)


def _without_delay(client: mqtt.Client, userdata: Any, sock: Any) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@cache
def _open() -> mqtt.Client:
    connected = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, f"hetri-{uuid4().hex[:12]}", protocol=mqtt.MQTTv5)
    set_up(client)
    client.on_connect = lambda *_: connected.set()
    client.connect_async(settings.MQTT_HOST, settings.MQTT_PORT, keepalive=KEEPALIVE_S)
    client.loop_start()
    atexit.register(client.loop_stop)
    connected.wait(FIRST_WAIT_S)
    return client


def _connect() -> mqtt.Client:
    with _opening:  # a cache alone would let two threads open one each
        return _open()


class _Pulse:
    """Whether the broker answers now. paho notices one that hangs only after 1.5 keepalives: 22 s.

    A message to nobody is sent, and its acknowledgement waited for; one at a time, however many ask.
    """

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._sent: mqtt.MQTTMessageInfo | None = None
        self._known_at = -PULSE_FRESH_S
        self._known = False

    def beats(self) -> bool:
        """What was known within the last second, or what is found by asking for PULSE_WAIT_S at most."""
        client = _connect()
        with self._asking:
            if not client.is_connected():
                return False
            if time.monotonic() - self._known_at >= PULSE_FRESH_S:
                self._known = self._ask(client)
                self._known_at = time.monotonic()
            return self._known

    def _ask(self, client: mqtt.Client) -> bool:
        self._sent = self._sent or client.publish(topics.PULSE, b"", qos=1)
        try:
            self._sent.wait_for_publish(PULSE_WAIT_S)
            answered = self._sent.is_published()
        except (RuntimeError, ValueError):  # paho could not send it
            self._sent = None
            return False
        if answered:
            self._sent = None
        return answered


_pulse = _Pulse()


def require() -> None:
    """Raise Unavailable unless the broker answers, within PULSE_WAIT_S: ask before writing what needs it."""
    if not _pulse.beats():
        raise BrokerUnavailable


def send_command(device_id: UUID, command: Command) -> mqtt.MQTTMessageInfo | None:
    """Hand a command to the broker, as the table says; call it after commit. Returns None when the broker is away.

    `wait_for_publish` of the answer blocks until the broker has acknowledged. Raises msgspec.ValidationError for a
    command that is out of bounds.
    """
    delivery = DELIVERIES[type(command)]
    topic = topics.command(device_id, delivery.name)
    return publish(topic, encode(command), qos=delivery.qos, retain=delivery.retain, expiry_s=delivery.expiry_s)


def clear_retained(topic: str) -> None:
    """Have the broker forget what it keeps there."""
    publish(topic, b"", retain=True)


def send_presence(device_id: UUID, presence: dict[str, object]) -> None:
    """Correct what the broker keeps of a collar's presence, in the collar's place."""
    publish(topics.status(device_id), json.dumps(presence, separators=(",", ":")).encode(), retain=True)


def publish(
    topic: str, body: bytes, *, qos: int = 1, retain: bool = False, expiry_s: int | None = None
) -> mqtt.MQTTMessageInfo | None:
    """Hand any message to the broker; an empty retained one clears the topic. Returns as `send_command`."""
    client = _connect()
    if not client.is_connected():
        log.warning("publish_dropped", extra={"topic": topic})
        return None
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if expiry_s is not None:
        properties.MessageExpiryInterval = expiry_s
    return client.publish(topic, body, qos=qos, retain=retain, properties=properties)
