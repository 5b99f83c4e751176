"""An MQTT client of one connection: QoS 1 both ways, last will, dead-peer detection.

Whoever owns it connects again; nothing is resumed, because a collar's session ends with its connection and
each message's sender keeps its own copy until it knows better.
"""

import asyncio
import errno
import time

from app import net, packets

KEEP_ALIVE_S = 30
ANSWER_MS = 10_000
# 16 KiB of payload, and room for the topic and the header.
LARGEST_PACKET = 17_408
INFLIGHT = 8
# Reason codes (MQTT 5, 2.4).
SUCCESS = 0x00
REFUSED = 0x80
_UNSUPPORTED_VERSION = (0x01, 0x84)


class Refused(OSError):
    """The broker said no; `reason` is its code."""

    def __init__(self, what, reason):
        super().__init__(errno.EACCES, "%s refused, reason 0x%02x" % (what, reason))
        self.reason = reason


class Client:
    """One collar's client. `on_message(topic, payload)` is called for each message and must not wait."""

    def __init__(self, host, port, username, password, client_id, ca, will_topic, will, on_message):
        self._address = (host, port)
        self._login = (client_id, username, password)
        self._will = (will_topic, will)
        self._on_message = on_message
        self._context = net.tls_context(ca)
        self._version = packets.V5
        self._wire = None
        self._tasks = []
        self.keep_alive_s = KEEP_ALIVE_S
        self._reset()

    def _reset(self):
        self.connected = False
        self.ended = asyncio.Event()
        self.reason = ""
        self._waiting = {}
        self._packet_id = 0
        self._inflight = INFLIGHT
        self._room = asyncio.Event()
        self._heard = 0

    async def connect(self):
        """Open the connection and log in. Raises what `net.ERRORS` names, `Refused` among them."""
        self._reset()
        try:
            await asyncio.wait_for_ms(self._log_in(), 2 * ANSWER_MS)
        except Refused as error:
            self._close_wire()
            if error.reason in _UNSUPPORTED_VERSION and self._version == packets.V5:
                self._version = packets.V311
                return await self.connect()
            raise
        except BaseException:
            self._close_wire()
            raise
        self.connected = True
        self._tasks = [
            asyncio.create_task(self._guard(self._read())),
            asyncio.create_task(self._guard(self._ping())),
        ]

    async def _log_in(self):
        self._wire = await net.open_tls(self._address[0], self._address[1], self._context)
        hello = packets.connect(self._version, *self._login, self.keep_alive_s, *self._will, LARGEST_PACKET)
        await self._wire.write(hello)
        first, body = await self._packet()
        if first != packets.CONNACK:
            raise packets.BadPacket("no CONNACK")
        reason, properties = packets.read_connack(self._version, body)
        if reason:
            raise Refused("connect", reason)
        self._keep_alive = properties.get(packets.SERVER_KEEP_ALIVE) or self.keep_alive_s
        self._inflight = min(INFLIGHT, properties.get(packets.RECEIVE_MAXIMUM, INFLIGHT))

    async def subscribe(self, topic):
        """Subscribe at QoS 1 and wait until it is granted."""
        packet_id = self._next_id()
        reason = await self._ask(packet_id, packets.subscribe(self._version, topic, packet_id))
        if reason >= REFUSED:
            raise Refused("subscribe", reason)

    async def publish(self, topic, payload, retain=False, wait=True):
        """Publish at QoS 1. The broker's reason code; 0 at once without `wait`. Below 0x80: it has it."""
        while self.connected and len(self._waiting) >= self._inflight:
            self._room.clear()
            await self._room.wait()
        packet_id = self._next_id()
        packet = packets.publish(self._version, topic, payload, packet_id, retain)
        if wait:
            return await self._ask(packet_id, packet)
        self._check()
        self._waiting[packet_id] = None
        await self._send(packet)
        return 0

    async def _ask(self, packet_id, packet):
        """Send and wait for the answer. No answer in time: the connection is given up."""
        self._check()
        answer = [asyncio.Event(), None]
        self._waiting[packet_id] = answer
        await self._send(packet)
        try:
            await asyncio.wait_for_ms(answer[0].wait(), ANSWER_MS)
        except asyncio.TimeoutError:
            self.end("no answer")
            raise
        if answer[1] is None:
            raise OSError(errno.ENOTCONN)
        return answer[1]

    async def _send(self, packet):
        try:
            await asyncio.wait_for_ms(self._wire.write(packet), ANSWER_MS)
        except net.ERRORS as error:
            self.end(describe(error))
            raise

    def _check(self):
        if not self.connected:
            raise OSError(errno.ENOTCONN)

    def _next_id(self):
        while True:
            self._packet_id = self._packet_id % 0xFFFF + 1
            if self._packet_id not in self._waiting:
                return self._packet_id

    async def _packet(self):
        """(first byte, body) of the next packet."""
        first = (await self._wire.read(1))[0]
        size = shift = 0
        while True:
            byte = (await self._wire.read(1))[0]
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
            if shift > 21:
                raise packets.BadPacket("length")
        if size > LARGEST_PACKET:
            raise packets.BadPacket("too large")
        return first, await self._wire.read(size)

    async def _guard(self, loop):
        """Run one of the two loops of a connection; when one fails the connection ends."""
        try:
            await loop
        except Exception as error:  # Even a fault of our own must not leave a connection that nobody reads.
            self.end(describe(error))

    async def _read(self):
        while True:
            first, body = await self._packet()
            self._heard = time.ticks_ms()
            kind = first & 0xF0
            if kind == packets.PUBLISH:
                await self._take(first, body)
            elif kind == packets.PUBACK:
                self._answered(*packets.read_ack(body))
            elif first == packets.SUBACK:
                self._answered(*packets.read_suback(self._version, body))
            elif first == packets.DISCONNECT:
                raise Refused("session", body[0] if body else 0)
            elif first != packets.PINGRESP:
                raise packets.BadPacket("kind")

    async def _take(self, first, body):
        topic, payload, packet_id, _ = packets.read_publish(self._version, first, body)
        self._on_message(topic, payload)
        if packet_id is not None:
            await self._send(packets.puback(packet_id))

    def _answered(self, packet_id, reason):
        answer = self._waiting.pop(packet_id, None)
        self._room.set()
        if answer:
            answer[1] = reason
            answer[0].set()

    async def _ping(self):
        """Twice per keep-alive ask for a sign of life; silence after that means that the peer is dead."""
        while True:
            await asyncio.sleep_ms(self._keep_alive * 500)
            asked = time.ticks_ms()
            await self._send(packets.PINGREQ)
            await asyncio.sleep_ms(min(ANSWER_MS, self._keep_alive * 500))
            if time.ticks_diff(self._heard, asked) < 0:
                raise OSError(errno.ETIMEDOUT, "no ping answer")

    def end(self, reason):
        """Give the connection up: everybody who waits on it is told. The first reason is kept."""
        if self.ended.is_set():
            return
        self.connected = False
        self.reason = reason
        current = asyncio.current_task()
        for task in self._tasks:
            if task is not current:
                task.cancel()
        self._close_wire()
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            if answer:
                answer[0].set()
        self._room.set()
        self.ended.set()

    def _close_wire(self):
        if self._wire:
            self._wire.close()


def describe(error):
    """A short reason for the log."""
    if isinstance(error, asyncio.TimeoutError):
        return "timeout"
    if isinstance(error, OSError) and len(error.args) > 1:
        return str(error.args[1])
    if isinstance(error, OSError) and error.args:
        return errno.errorcode.get(error.args[0], str(error.args[0]))
    return "%s %s" % (type(error).__name__, error)
