"""What the broker says of itself on its $SYS topics, every 10 s."""

from collections.abc import Iterator
from uuid import uuid4

import paho.mqtt.client as mqtt
from django.conf import settings
from paho.mqtt.enums import CallbackAPIVersion
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from broker.publisher import KEEPALIVE_S, set_up

ROOT = "$SYS/broker/"
GAUGES = {
    "clients/connected": ("hetri_broker_sessions", "Clients that are connected, our own among them."),
    "store/messages/bytes": ("hetri_broker_stored_bytes", "Payload that the broker keeps: waiting or retained."),
}
COUNTERS = {
    "messages/received": ("hetri_broker_received", "MQTT packets that came in."),
    "messages/sent": ("hetri_broker_sent", "MQTT packets that went out."),
    "publish/messages/dropped": ("hetri_broker_dropped", "Messages dropped for a full queue."),
}


class BrokerFigures:
    """One connection that listens; `connected` says whether the broker is there."""

    def __init__(self) -> None:
        self._values: dict[str, float] = {}
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, f"hetri-figures-{uuid4().hex[:8]}")
        set_up(self._client)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = lambda *_: self._values.clear()
        self._client.on_message = self._on_message
        self._client.connect_async(settings.MQTT_HOST, settings.MQTT_PORT, KEEPALIVE_S)

    def start(self) -> None:
        """Connect, and again whenever the connection is lost."""
        self._client.loop_start()

    @property
    def connected(self) -> bool:
        """Whether the broker holds our session."""
        return self._client.is_connected()

    def families(self) -> Iterator[Metric]:
        """The figures as the broker told them last; none while it is away."""
        for topic, (name, words) in GAUGES.items():
            yield GaugeMetricFamily(name, words, value=self._values.get(topic))
        for topic, (name, words) in COUNTERS.items():
            yield CounterMetricFamily(name, words, value=self._values.get(topic))

    def _on_connect(self, client: mqtt.Client, *about: object) -> None:
        client.subscribe([(ROOT + topic, 0) for topic in (*GAUGES, *COUNTERS)])

    def _on_message(self, client: mqtt.Client, data: object, message: mqtt.MQTTMessage) -> None:
        self._values[message.topic.removeprefix(ROOT)] = float(message.payload)
