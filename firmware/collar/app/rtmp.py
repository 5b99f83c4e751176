"""An RTMPS publisher of video, one connection ("Adobe's Real Time Messaging Protocol", 1.0).

It asks the server to acknowledge what has arrived and never sends far ahead of that, so whatever lies on the way holds
little, and a frame that is sent is a fresh one.
"""

import asyncio
import os
import struct

from app import amf, net

VERSION = 3
HANDSHAKE = 1536
# Message types (5.4, 7.1) and chunk streams.
SET_CHUNK_SIZE, ACK, USER_CONTROL, WINDOW_ACK_SIZE, VIDEO, COMMAND = 1, 3, 4, 5, 9, 20
PING_REQUEST, PING_RESPONSE = 6, 7
CONTROL_STREAM, COMMAND_STREAM, VIDEO_STREAM = 2, 3, 6
# A whole frame in one chunk: no header in the midst of it.
CHUNK = 0x40000
LONGEST_MESSAGE = 4096
EXTENDED = 0xFFFFFF
# The server says how much it has after each of these many bytes.
ACK_WINDOW = 8192
ANSWER_MS = 8_000
# FLV video tag (Adobe Flash Video 10.1, E.4.3.1): frame type in the high half, codec 1 (JPEG) in the low.
KEY_FRAME_JPEG = 0x11


class Refused(OSError):
    """The server does not want this stream."""


def header(stream, kind, size, at=0, message_stream=0):
    """A message's head in one chunk (type 0, 5.3.1.2.1); `at` in ms, extended where 24 bits are not enough."""
    short = min(at, EXTENDED)
    head = bytes((stream,)) + struct.pack(">I", short)[1:] + struct.pack(">I", size)[1:] + bytes((kind,))
    head += struct.pack("<I", message_stream)
    return head + struct.pack(">I", at) if short == EXTENDED else head


class Publisher:
    """`await open(...)`, then `await send(jpeg, ms)` for each frame, then `close()`. Raises net.ERRORS."""

    def __init__(self):
        self._wire = None
        self._reader = None
        self._answers = {}
        self._status = None
        self._got = asyncio.Event()
        self._chunk_in = 128
        self._kept = {}
        self._lock = asyncio.Lock()
        self._told = self._rounds = 0
        self.sent = 0
        self.acknowledged = 0
        self.failed = None

    async def open(self, told, context):
        """Connect and publish as `told` (host, port, app, name, key) says. Raises Refused, or net.ERRORS."""
        self._wire = await net.open_tls(told["host"], told["port"], context)
        try:
            await asyncio.wait_for_ms(self._greet(told), ANSWER_MS)
        except BaseException:
            self.close()
            raise

    async def _greet(self, told):
        await self._shake_hands()
        self._reader = asyncio.create_task(self._read())
        await self._write(CONTROL_STREAM, SET_CHUNK_SIZE, struct.pack(">I", CHUNK))
        await self._write(CONTROL_STREAM, WINDOW_ACK_SIZE, struct.pack(">I", ACK_WINDOW))
        url = "rtmps://%s:%d/%s" % (told["host"], told["port"], told["app"])
        await self._call(1, "connect", {"app": told["app"], "type": "nonprivate", "tcUrl": url})
        await self._call(2, "createStream", None)
        name = "%s?key=%s" % (told["name"], told["key"])
        publish = amf.encode("publish", 3, None, name, "live")
        await self._write(COMMAND_STREAM, COMMAND, publish, message_stream=1)
        await self._until(lambda: self._status is not None)
        if self._status != "NetStream.Publish.Start":
            raise Refused(self._status)

    async def _shake_hands(self):
        """Versions and 1536 bytes each way (5.2); the echo is the other side's to check."""
        own = bytes(8) + os.urandom(64) + bytes(HANDSHAKE - 72)
        await self._wire.write(bytes((VERSION,)) + own)
        if (await self._wire.read(1))[0] != VERSION:
            raise ValueError("version")
        theirs = await self._wire.read(HANDSHAKE)
        await self._wire.write(theirs)
        await self._wire.read(HANDSHAKE)

    async def _call(self, number, name, argument):
        await self._write(COMMAND_STREAM, COMMAND, amf.encode(name, number, argument))
        await self._until(lambda: number in self._answers)
        if self._answers[number] != "_result":
            raise Refused(name)

    async def _until(self, holds):
        while not holds():
            if self.failed:
                raise Refused(self.failed)
            self._got.clear()
            await self._got.wait()

    # Sending.

    async def send(self, jpeg, at):
        """One frame of `at` ms since the start. Returns when it is on its way."""
        if self.failed:
            raise OSError(self.failed)
        head = header(VIDEO_STREAM, VIDEO, len(jpeg) + 1, at, 1) + bytes((KEY_FRAME_JPEG,))
        async with self._lock:
            await self._wire.write(head)
            await self._wire.write(jpeg)
        self.sent += len(head) + len(jpeg)

    @property
    def under_way(self):
        """Bytes of frames that the server has not acknowledged; up to ACK_WINDOW of them may have arrived."""
        return max(self.sent - self.acknowledged, 0)

    async def wait_acknowledged(self, most):
        """Until no more than `most` bytes are under way."""
        while self.under_way > most:
            if self.failed:
                raise OSError(self.failed)
            self._got.clear()
            await self._got.wait()

    async def _write(self, stream, kind, body, message_stream=0):
        data = header(stream, kind, len(body), 0, message_stream) + body
        async with self._lock:
            await self._wire.write(data)
        self.sent += len(data)

    # Receiving.

    async def _read(self):
        try:
            while True:
                self._take(*(await self._read_message()))
        except net.ERRORS as error:
            self.failed = self.failed or "closed: %s" % type(error).__name__
        self._got.set()

    async def _read_message(self):
        """(kind, body) of the next whole message; its chunks may be mixed with those of other streams (5.3)."""
        while True:
            first = (await self._wire.read(1))[0]
            form, stream = first >> 6, first & 63
            if stream < 2:
                raise ValueError("chunk stream")
            kept = self._kept.setdefault(stream, _Incoming())
            if form < 3:
                kept.head(await self._wire.read((11, 7, 3)[form]), form)
            if kept.extended:
                await self._wire.read(4)
            if kept.size > LONGEST_MESSAGE:
                raise ValueError("message")
            kept.body += await self._wire.read(min(self._chunk_in, kept.size - len(kept.body)))
            if len(kept.body) == kept.size:
                body, kept.body = kept.body, b""
                return kept.kind, body

    def _take(self, kind, body):
        if kind == SET_CHUNK_SIZE:
            self._chunk_in = max(struct.unpack(">I", body[:4])[0] & 0x7FFFFFFF, 1)
        elif kind == ACK:
            self._acknowledge(struct.unpack(">I", body[:4])[0])
        elif kind == USER_CONTROL and struct.unpack(">H", body[:2])[0] == PING_REQUEST:
            asyncio.create_task(self._pong(body[2:6]))
        elif kind == COMMAND:
            self._command(amf.decode(body))
        self._got.set()

    def _acknowledge(self, arrived):
        """Counts what follows the handshake, as `sent` does; a server starts again from 0 before 32 bits are full."""
        if arrived < self._told:
            self._rounds += self._told
        self._told = arrived
        self.acknowledged = self._rounds + arrived

    def _command(self, values):
        if values[0] in ("_result", "_error"):
            self._answers[int(values[1])] = values[0]
        elif values[0] == "onStatus":
            self._status = values[3].get("code", "")
            if self._status != "NetStream.Publish.Start":
                self.failed = self._status

    async def _pong(self, stamp):
        try:
            await self._write(CONTROL_STREAM, USER_CONTROL, struct.pack(">H", PING_RESPONSE) + stamp)
        except net.ERRORS:
            pass

    def close(self):
        """End the connection; may be called twice."""
        self.failed = self.failed or "ended"
        if self._reader:
            self._reader.cancel()
            self._reader = None
        if self._wire:
            self._wire.close()
            self._wire = None
        self._got.set()


class _Incoming:
    """What is known of the message under way on one chunk stream."""

    def __init__(self):
        self.kind = self.size = 0
        self.extended = False
        self.body = b""

    def head(self, data, form):
        """Take a chunk header's fields over; the shorter forms keep what they leave out."""
        self.extended = data[:3] == b"\xff\xff\xff"
        if form < 2:
            self.size = data[3] << 16 | data[4] << 8 | data[5]
            self.kind = data[6]
        self.body = b""
