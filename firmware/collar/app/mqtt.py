"""An MQTT 5 client: TLS, last will, QoS 1 both ways, ping, and an error at once when the line is dead.

Packet layouts: MQTT 5.0 (OASIS), section 3. Reconnecting is the caller's (app/main.py).
"""

import asyncio
import socket
import ssl
import struct
import time
from errno import EINPROGRESS

IPPROTO_TCP, TCP_NODELAY = 6, 1  # <netinet/tcp.h>; lwIP uses the same numbers
CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP = 1, 2, 3, 4, 8, 9, 12, 13
KEEPALIVE_S = 30
ANSWER_S = 10  # how long the broker may take to acknowledge


class Refused(OSError):
    """The broker said no."""


def _text(value):
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(raw)) + raw


def packet(kind, flags, body):
    """A whole packet: fixed header, length, body."""
    header = bytearray([kind << 4 | flags])
    length = len(body)
    while True:
        length, low = length >> 7, length & 0x7F
        header.append(low | 0x80 if length else low)
        if not length:
            return bytes(header) + body


def connect_body(client_id, user, password, will_topic, will):
    """CONNECT: clean start, no session kept, a retained last will at QoS 1."""
    flags = 0b1110_1110  # user, password, will retain, will QoS 1, will, clean start
    body = _text("MQTT") + struct.pack(">BBHB", 5, flags, KEEPALIVE_S, 0) + _text(client_id)
    return body + b"\x00" + _text(will_topic) + _text(will) + _text(user) + _text(password)


def read_length(data, at):
    """A variable byte integer in `data` at `at`: (value, where it ends)."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def parse_publish(flags, body):
    """(topic, payload, packet id or None)."""
    end = 2 + struct.unpack(">H", body[:2])[0]
    topic, mid = body[2:end].decode(), None
    if flags & 0b0110:
        mid = struct.unpack(">H", body[end : end + 2])[0]
        end += 2
    size, end = read_length(body, end)
    return topic, body[end + size :], mid


def tls_context(ca_der):
    """Check the broker's certificate against our CA; the name is checked by server_hostname."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=ca_der)
    return context


class Client:
    """One connection. `on_message(topic, payload)` is called for each message; it must not block."""

    def __init__(self, identity, context, will_topic, will, on_message):
        self._identity, self._context = identity, context
        self._will_topic, self._will, self._on_message = will_topic, will, on_message
        self._lock = asyncio.Lock()
        self._waiting = {}
        self._mid = 0
        self._heard = time.ticks_ms()
        self._reader = self._writer = None

    async def connect(self):
        """Open the line and sign in. Raises OSError (Refused when the broker says no)."""
        last = OSError("no address")
        # A name may stand for IPv6 and IPv4: try each. (getaddrinfo blocks; there is no other.)
        for info in socket.getaddrinfo(self._identity["host"], self._identity["port"], 0, socket.SOCK_STREAM):
            try:
                self._open(info)
                return await asyncio.wait_for(self._sign_in(), ANSWER_S)
            except Refused:
                raise
            except (OSError, EOFError, asyncio.TimeoutError) as error:
                self.close()
                last = error
        raise last

    def _open(self, info):
        """Begin to connect; the first write waits until that and the handshake are done."""
        line = socket.socket(info[0], info[1], info[2])
        line.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        line.setblocking(False)
        try:
            line.connect(info[-1])
        except OSError as error:
            if error.errno != EINPROGRESS:
                raise
        line = self._context.wrap_socket(
            line, server_hostname=self._identity["host"], do_handshake_on_connect=False
        )
        line.setblocking(False)
        self._reader = self._writer = asyncio.StreamReader(line)

    async def _sign_in(self):
        name = self._identity
        body = connect_body(name["client_id"], name["username"], name["password"], self._will_topic, self._will)
        await self._send(packet(CONNECT, 0, body))
        kind, _, answer = await self._read()
        if kind != CONNACK or answer[1] != 0:
            raise Refused("refused, reason %d" % answer[1])

    async def run(self):
        """Read until the line breaks, which raises OSError; pings keep it alive and find out."""
        pinger = asyncio.create_task(self._ping())
        try:
            while True:
                kind, flags, body = await self._read()
                await self._handle(kind, flags, body)
        finally:
            pinger.cancel()
            self.close()

    async def publish(self, topic, payload, qos=1, retain=False):
        """Publish; at QoS 1 return once the broker has it. Raises OSError."""
        head = _text(topic)
        if not qos:
            return await self._send(packet(PUBLISH, int(retain), head + b"\x00" + payload))
        await self._exchange(PUBLISH, 0b0010 | int(retain), head, b"\x00" + payload)

    async def subscribe(self, topic):
        """Subscribe at QoS 1."""
        await self._exchange(SUBSCRIBE, 0b0010, b"", b"\x00" + _text(topic) + b"\x01")

    def close(self):
        """Let go of the line."""
        for event in self._waiting.values():
            event.set()
        self._waiting = {}
        if self._writer is not None:
            try:
                self._writer.s.close()
            except OSError:
                pass
            self._writer = None

    async def _exchange(self, kind, flags, head, tail):
        self._mid = self._mid % 65535 + 1
        mid, done = self._mid, asyncio.Event()
        self._waiting[mid] = done
        try:
            await self._send(packet(kind, flags, head + struct.pack(">H", mid) + tail))
            await asyncio.wait_for(done.wait(), ANSWER_S)
        except asyncio.TimeoutError:
            self.close()
            raise OSError("no acknowledgement")
        finally:
            self._waiting.pop(mid, None)
        if self._writer is None:
            raise OSError("line lost")

    async def _send(self, raw):
        async with self._lock:
            if self._writer is None:
                raise OSError("not connected")
            self._writer.write(raw)
            await self._writer.drain()

    async def _read(self):
        head = (await self._reader.readexactly(1))[0]
        length = shift = 0
        while True:
            byte = (await self._reader.readexactly(1))[0]
            length |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        body = await self._reader.readexactly(length) if length else b""
        self._heard = time.ticks_ms()
        return head >> 4, head & 0x0F, body

    async def _handle(self, kind, flags, body):
        if kind == PUBLISH:
            topic, payload, mid = parse_publish(flags, body)
            if mid is not None:
                await self._send(packet(PUBACK, 0, struct.pack(">H", mid)))
            self._on_message(topic, payload)
        elif kind in (PUBACK, SUBACK):
            done = self._waiting.get(struct.unpack(">H", body[:2])[0])
            if done is not None:
                done.set()
        elif kind != PINGRESP:
            raise Refused("ended by the broker")

    async def _ping(self):
        while True:
            await asyncio.sleep(KEEPALIVE_S // 3)
            silent = time.ticks_diff(time.ticks_ms(), self._heard)
            if silent > KEEPALIVE_S * 1500:
                return self.close()
            try:
                await self._send(packet(PINGREQ, 0, b""))
            except OSError:
                return
