"""One session at the broker: what comes in is sorted into lanes, what is too much is dropped before it costs anything.

The broker hands out messages in one line for a session, so that line must never stand still for one collar's sake: a
collar above its quota, or with most of a full line, is over. What is over is acknowledged and forgotten, and told to
`on_over` once; the collar's own copy is good until `cmd/ack` (docs/decisions/fair-ingest.md).
"""

import itertools
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import paho.mqtt.client as mqtt
from django.conf import settings
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from broker import topics
from broker.bulk_client import Arrival, BulkClient
from broker.lanes import Lanes
from broker.messages import Message
from broker.publisher import set_up
from core import metrics
from core.buckets import Buckets

log = logging.getLogger(__name__)
RECEIVE_MAXIMUM = 8000  # more than lanes hold of small messages: a full lane is seen before the line stands still
SESSION_EXPIRY_S = 7 * 24 * 3600  # as long as the broker keeps a session (persistent_client_expiration)
KEEPALIVE_S = 15
MESSAGE_COST = 1024  # bytes that a message counts beside its own, against the quota
_connections = itertools.count(1)  # an acknowledgement is for the connection that delivered
OnOver = Callable[[Message, str], None]


class Intake:
    """A persistent session for the topics of `kind`; `lanes` by the kind of topic."""

    def __init__(self, client_id: str, kind: str, lanes: Mapping[str, Lanes], on_over: OnOver) -> None:
        self._kind, self._lanes, self._on_over = kind, lanes, on_over
        self._quota = Buckets(settings.INGEST_RATE, settings.INGEST_BURST)
        self._shut: dict[UUID, float] = {}  # who is over, until when (monotonic)
        self._connection = 0
        self._client = BulkClient(CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5)
        set_up(self._client)
        self._client.on_connect, self._client.on_disconnect = self._on_connect, self._on_disconnect
        self._client.on_received = self._on_received

    def start(self) -> None:
        """Connect; a broker that is away is waited for."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        self._client.connect_async(
            settings.MQTT_HOST, settings.MQTT_PORT, KEEPALIVE_S, clean_start=False, properties=properties
        )
        self._client.loop_start()

    def stop(self) -> None:
        """Leave; the session stays."""
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def alive(self) -> bool:
        """Whether the broker is there."""
        return self._client.is_connected()

    def acknowledge(self, messages: Sequence[Message], more: bytes = b"") -> None:
        """Tell the broker that those of these that this connection brought are done; `more` goes with it."""
        here = self._connection
        self._client.acknowledge([message.mid for message in messages if message.connection == here], more)

    def cut_off(self, message: Message, why: str) -> None:
        """Hear no more of this collar for a while; what waits of it is dropped."""
        self._shut[message.device_id] = time.monotonic() + settings.SUSPEND_S
        waiting = self._lanes[self._kind].clear(message.device_id)
        self.acknowledge(waiting)
        metrics.DROPPED.inc(len(waiting))
        self._on_over(message, why)

    def _on_connect(self, client: mqtt.Client, *about: Any) -> None:
        self._connection = next(_connections)
        for lanes in self._lanes.values():
            lanes.excuse()
        client.subscribe([(topics.SUBSCRIPTIONS[self._kind], 1)])
        # A session of version 1.0 heard both kinds; what waits in it still comes.
        client.unsubscribe([topic for kind, topic in topics.SUBSCRIPTIONS.items() if kind != self._kind])
        log.info("broker_connected", extra={"kind": self._kind})

    def _on_disconnect(self, client: mqtt.Client, userdata: Any, flags: Any, reason: Any, *rest: Any) -> None:
        log.warning("broker_lost", extra={"kind": self._kind, "reason": str(reason)})

    def _on_received(self, arrivals: Sequence[Arrival]) -> None:
        fresh: dict[str, list[Message]] = {kind: [] for kind in self._lanes}
        done: list[int] = []
        at, received_ms = time.monotonic(), time.time_ns() // 1_000_000
        lenient = {kind: lanes.lenient for kind, lanes in self._lanes.items()}
        for topic, payload, mid, retained in arrivals:
            address = topics.parse(topic)
            if address is None or (self._shut and self._is_shut(address[0], at)):
                done.append(mid)
                continue
            message = Message(address[0], topic, payload, retained, received_ms, mid, self._connection)
            if lenient[address[1]] or self._in_quota(message, at):
                fresh[address[1]].append(message)
            else:
                done.append(mid)
                self.cut_off(message, "too_fast")
        self._client.acknowledge(done)
        metrics.DROPPED.inc(len(done))
        for kind, messages in fresh.items():
            if messages:
                self._lanes[kind].put(messages)
                self._relieve(self._lanes[kind])

    def _is_shut(self, device_id: UUID, at: float) -> bool:
        until = self._shut.get(device_id)
        if until is None or at < until:
            return until is not None
        del self._shut[device_id]
        return False

    def _in_quota(self, message: Message, at: float) -> bool:
        return self._quota.take(message.device_id, len(message.payload) + MESSAGE_COST, at)

    def _relieve(self, lanes: Lanes) -> None:
        """While the line is too full: who holds most of it is over."""
        while hog := lanes.excess():
            held = lanes.newest(hog)
            if held is not None:
                self.cut_off(held, "too_much_waiting")
