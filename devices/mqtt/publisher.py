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
from functools import cache
from typing import Any
from uuid import uuid4

import paho.mqtt.client as mqtt
from django.conf import settings
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from hetri.core.errors import Unavailable

log = logging.getLogger(__name__)
KEEPALIVE_S = 15
FIRST_WAIT_S = 2
_opening = threading.Lock()


def set_up(client: mqtt.Client) -> None:
    """Sign in as the server's user; without Nagle's delay, which costs a treat 40 ms; reconnect for ever."""
    client.username_pw_set(settings.MQTT_USER, settings.MQTT_PASSWORD)
    if settings.MQTT_TLS:
        client.tls_set_context(ssl.create_default_context(cafile=settings.MQTT_CA or None))
    client.on_socket_open = _without_delay
    client.reconnect_delay_set(min_delay=1, max_delay=5)


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


def require() -> None:
    """Raise Unavailable unless the broker is connected: ask before writing what needs it."""
    if not _connect().is_connected():
        raise Unavailable("The collars' broker is away. Try again in a moment.", code="broker_unavailable")


def send(
    topic: str,
    payload: dict[str, Any] | None,
    *,
    qos: int = 1,
    retain: bool = False,
    expiry_s: int | None = None,
) -> mqtt.MQTTMessageInfo | None:
    """Hand a JSON message to the broker; None clears what it retains. Returns None when the broker is away.

    `wait_for_publish` of the answer blocks until the broker has acknowledged.
    """
    client = _connect()
    if not client.is_connected():
        log.warning("publish_dropped", extra={"topic": topic})
        return None
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if expiry_s is not None:
        properties.MessageExpiryInterval = expiry_s
    body = b"" if payload is None else json.dumps(payload, separators=(",", ":")).encode()
    return client.publish(topic, body, qos=qos, retain=retain, properties=properties)
