"""Keeps the collar connected: connect, subscribe, say so, and all over again when it breaks."""

import asyncio
import json
import time

from app import mqtt, net
from app.backoff import Backoff
from app.presence import OFFLINE

# A connection that lasted this long was a good one: the next wait is short again.
GOOD_MS = 10_000


class Link:
    """The way to the server. `receive(name, payload)` gets each command; `owner` is asked as `Collar` shows:

    `greet()` says that the collar is there (awaited, true if it worked), `on_up()` and `on_down()` are told.
    """

    def __init__(self, device, network, receive, owner, log):
        self._topic = "devices/%s/" % device.id
        self._device = device
        self._network = network
        self._receive = receive
        self._owner = owner
        self._log = log
        self._up = False
        self.client = self._make_client()

    def _make_client(self):
        device, will = self._device, (self._topic + "status", json.dumps(OFFLINE))
        login = (device.username, device.password, device.client_id)
        return mqtt.Client(device.host, device.port, *login, device.ca, *will, self._take)

    @property
    def online(self):
        """Connected, subscribed, and the server has been told."""
        return self._up and self.client.connected

    async def run(self):
        """Stay connected for ever."""
        backoff = Backoff()
        while True:
            lasted, reason = await self._connect_once()
            if lasted >= GOOD_MS:
                backoff.reset()
            wait = backoff.next_ms()
            self._log("disconnected", reason=reason, retry_ms=wait)
            await asyncio.sleep_ms(wait)

    def end(self):
        """Close the connection."""
        self._up = False
        self.client.end("stopped")
        self._owner.on_down()

    async def _connect_once(self):
        """(how long it was up in ms, why it ended)."""
        started = None
        try:
            await self._network.ready()
            await self._come_up()
            started = time.ticks_ms()
            await self.client.ended.wait()
            reason = self.client.reason
        except net.ERRORS as error:
            reason = self.client.reason or mqtt.describe(error)
            self.client.end(reason)
        self._up = False
        self._owner.on_down()
        return time.ticks_diff(time.ticks_ms(), started) if started is not None else 0, reason

    async def _come_up(self):
        await self.client.connect()
        await self.client.subscribe(self._topic + "cmd/#")
        # Subscribed first: whoever sees the collar online may command it.
        if not await self._owner.greet():
            raise OSError("presence refused")
        self._up = True
        self._log("connected", host=self._device.host, port=self._device.port)
        self._owner.on_up()

    def _take(self, topic, payload):
        prefix = self._topic + "cmd/"
        if topic.startswith(prefix):
            self._receive(topic[len(prefix) :], payload)

    async def publish(self, name, payload, retain=False, wait=True):
        """Publish on an own topic. The broker's reason code (without `wait` 0 at once), None if it failed."""
        try:
            reason = await self.client.publish(self._topic + name, payload, retain, wait)
        except net.ERRORS:
            return None
        if reason >= mqtt.REFUSED:
            self._log("publish_refused", topic=name, reason=reason)
        return reason

    async def tell(self, message, retain=False, wait=True):
        """Publish a status message, given as a dict. The answer is that of `publish`."""
        return await self.publish("status", json.dumps(message).encode(), retain, wait)
