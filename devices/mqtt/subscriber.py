"""The one subscriber: a persistent session, each message acknowledged after it is committed, and not before.

The network thread only sorts messages into two queues. One worker stores telemetry in batches, another handles
status messages, so that neither waits for the other. The broker sends at most RECEIVE_MAXIMUM unacknowledged
messages, which bounds our memory whatever waits behind them.
"""

import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import paho.mqtt.client as mqtt
from django.conf import settings
from django.db import OperationalError, connections
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from devices.mqtt import topics
from devices.mqtt.messages import Message, Receipt
from devices.mqtt.publisher import set_up
from devices.mqtt.wire import BulkClient, publish_packet
from hetri.core import metrics

log = logging.getLogger(__name__)
T = TypeVar("T")
RECEIVE_MAXIMUM = 4000
BATCH_MOST = 2000
BATCH_WAIT_S = 0.05
SESSION_EXPIRY_S = 7 * 24 * 3600  # as long as the broker keeps a session (persistent_client_expiration)
KEEPALIVE_S = 15
BACKOFF_MOST_S = 1.0
SERVER_FAULT = "server_fault"  # not the collar's: the log has the traceback


@dataclass(frozen=True)
class Routes:
    """Who handles what; the one table of it is hetri/subscriptions.py."""

    telemetry: Callable[[Sequence[Message]], list[Receipt]]
    status: Callable[[Message], str | None]
    set_aside: Callable[[Message, str], None]


class Subscriber:
    """Runs until `stop`; `alive` says whether broker and database both answer."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._stopping = threading.Event()
        self._database_fine = True
        self._telemetry: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._status: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._oldest_ms = 0  # when the oldest telemetry message in hand came, ms since 1970; 0 without one
        self._connection = 0  # counts connections: an acknowledgement is for the one that delivered
        self._client = self._new_client()
        self._threads = [
            threading.Thread(target=self._run, args=(work,), name=work.__name__)
            for work in (self._store_telemetry, self._handle_status)
        ]

    def start(self) -> None:
        """Connect and work; a broker or database that is away is waited for."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        self._client.connect_async(
            settings.MQTT_HOST, settings.MQTT_PORT, KEEPALIVE_S, clean_start=False, properties=properties
        )
        self._client.loop_start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop within seconds; what is not acknowledged comes again."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=8)
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def alive(self) -> bool:
        """Whether messages flow."""
        return self._client.is_connected() and self._database_fine and not self._stopping.is_set()

    def lag_s(self) -> float:
        """How long the oldest telemetry message in hand has waited to be stored."""
        oldest = self._oldest_ms
        return time.time() - oldest / 1000 if oldest else 0.0

    # --- network ------------------------------------------------------------------------------------

    def _new_client(self) -> BulkClient:
        client = BulkClient(CallbackAPIVersion.VERSION2, settings.MQTT_CLIENT_ID, protocol=mqtt.MQTTv5)
        set_up(client)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_received = self._on_received
        return client

    def _on_connect(self, client: mqtt.Client, *about: Any) -> None:
        self._connection += 1
        client.subscribe([(topic, 1) for topic in topics.SUBSCRIPTIONS])
        log.info("broker_connected")

    def _on_disconnect(self, client: mqtt.Client, userdata: Any, flags: Any, reason: Any, *rest: Any) -> None:
        log.warning("broker_lost", extra={"reason": str(reason)})

    def _on_received(self, topic: str, payload: bytes, mid: int, retained: bool) -> None:
        address = topics.parse(topic)
        if address is None:
            self._client.acknowledge([mid])
            log.warning("unknown_topic", extra={"topic": topic[:100]})
            return
        device_id, kind = address
        message = Message(device_id, topic, payload, retained, time.time_ns() // 1_000_000, mid, self._connection)
        (self._telemetry if kind == topics.TELEMETRY else self._status).put(message)

    # --- workers ------------------------------------------------------------------------------------

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            log.exception("subscriber_thread_died", extra={"thread": work.__name__})
            self._stopping.set()
            os.kill(os.getpid(), signal.SIGTERM)  # who supervises us starts a fresh process
        finally:
            connections.close_all()

    def _store_telemetry(self) -> None:
        while not self._stopping.is_set():
            batch = _collect(self._telemetry)
            if batch:
                self._oldest_ms = batch[0].received_ms
                with metrics.STORE_SECONDS.time():
                    receipts = self._until_stored(lambda: self._store(batch))  # noqa: B023
                metrics.BATCH.observe(len(batch))
                self._oldest_ms = 0
                if receipts is not None:
                    self._acknowledge(batch, receipts)

    def _handle_status(self) -> None:
        while not self._stopping.is_set():
            try:
                message = self._status.get(timeout=0.5)
            except queue.Empty:
                continue
            if self._until_stored(lambda: self._status_message(message)):  # noqa: B023
                self._acknowledge([message], [])

    def _store(self, batch: Sequence[Message]) -> list[Receipt]:
        """Store a batch; a message that we fail at is found by halves and set aside, the others are stored."""
        try:
            return self._routes.telemetry(batch)
        except OperationalError:
            raise
        except Exception:
            if len(batch) > 1:
                half = len(batch) // 2
                return self._store(batch[:half]) + self._store(batch[half:])
            log.exception("message_failed", extra={"topic": batch[0].topic})
            self._routes.set_aside(batch[0], SERVER_FAULT)
            return []

    def _status_message(self, message: Message) -> bool:
        try:
            refused = self._routes.status(message)
        except OperationalError:
            raise
        except Exception:
            log.exception("message_failed", extra={"topic": message.topic})
            refused = SERVER_FAULT
        if refused is not None:
            self._routes.set_aside(message, refused)
        return True

    def _until_stored(self, work: Callable[[], T]) -> T | None:
        """Run `work` until the database takes it; None when we stop first. The messages stay unacknowledged."""
        delay = 0.1
        while not self._stopping.is_set():
            try:
                result = work()
            except OperationalError as error:
                self._database_fine = False
                log.warning("database_away", extra={"error": str(error).strip(), "retry_s": delay})
                connections.close_all()
                self._stopping.wait(delay)
                delay = min(delay * 2, BACKOFF_MOST_S)
            else:
                self._database_fine = True
                return result
        return None

    def _acknowledge(self, batch: Sequence[Message], receipts: Sequence[Receipt]) -> None:
        """Tell the broker that these are done, and the collars that their batches are stored; one write."""
        answers = b"".join(
            publish_packet(topics.acknowledgement(receipt.topic), _receipt_json(receipt)) for receipt in receipts
        )
        mids = [message.mid for message in batch if message.connection == self._connection]
        self._client.acknowledge(mids, answers)


def _collect(source: "queue.SimpleQueue[Message]") -> list[Message]:
    """Messages that are there, or come within BATCH_WAIT_S while fewer than BATCH_MOST."""
    try:
        batch = [source.get(timeout=0.5)]
    except queue.Empty:
        return []
    deadline = time.monotonic() + BATCH_WAIT_S
    while len(batch) < BATCH_MOST:
        try:
            batch.append(source.get(timeout=max(0.0, deadline - time.monotonic())))
        except queue.Empty:
            break
    return batch


def _receipt_json(receipt: Receipt) -> bytes:
    return b'{"boot":"%b","batch":%d,"stored":%d,"rejected":%d}' % (
        receipt.boot.encode(),
        receipt.batch,
        receipt.stored,
        receipt.rejected,
    )
