"""RTMP as far as a player needs it: AMF0 commands out, messages in (Adobe's RTMP 1.0, sections 5 to 7)."""

import asyncio
import struct
from collections.abc import AsyncGenerator
from dataclasses import dataclass

SET_CHUNK_SIZE, ACKNOWLEDGE, USER_CONTROL, WINDOW_SIZE, VIDEO, COMMAND = 1, 3, 4, 5, 9, 20
PING_REQUEST, PING_RESPONSE = 6, 7
EXTENDED = 0xFFFFFF
HANDSHAKE = 1536
LARGEST_MESSAGE = 4 << 20  # bytes; nginx takes pictures of 1 MB at the most
Amf = str | float | bool | dict[str, "Amf"] | None


def amf0(*values: Amf) -> bytes:
    """Values as AMF0."""
    return b"".join(_amf0(value) for value in values)


def _amf0(value: Amf) -> bytes:
    match value:
        case None:
            return b"\x05"
        case bool():
            return b"\x01" + bytes([value])
        case str():
            return b"\x02" + _name(value)
        case dict():
            return b"\x03" + b"".join(_name(key) + _amf0(one) for key, one in value.items()) + b"\x00\x00\x09"
    return b"\x00" + struct.pack(">d", value)


def _name(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw


def message(kind: int, body: bytes, *, stream: int = 0, channel: int = 3) -> bytes:
    """One message of ours as a single chunk: after `set_chunk_size` they all fit."""
    header = bytes([channel]) + b"\x00\x00\x00" + len(body).to_bytes(3, "big") + bytes([kind])
    return header + stream.to_bytes(4, "little") + body


@dataclass
class _Channel:
    """What the next header of this chunk stream leaves out, and the message that is being put together."""

    kind: int = 0
    length: int = 0
    extended: bool = False
    body: bytes = b""


class Reader:
    """Puts chunks together to messages, and acknowledges what was read when the server wants it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._channels: dict[int, _Channel] = {}
        self._chunk, self._window = 128, 0
        self._read = self._told = 0

    async def messages(self) -> AsyncGenerator[tuple[int, bytes], None]:
        """(type, body) of each message. Ends with IncompleteReadError when the server goes."""
        while True:
            channel = await self._header()
            wanted = min(self._chunk, channel.length - len(channel.body))
            channel.body += await self._take(wanted)
            if len(channel.body) >= channel.length:
                body, channel.body = channel.body, b""
                if not self._obeyed(channel.kind, body):
                    yield channel.kind, body
            self._acknowledge()

    async def _header(self) -> _Channel:
        first = (await self._take(1))[0]
        form, number = first >> 6, first & 0x3F
        if number < 2:  # one or two bytes more: none of nginx's channels, but the format has them
            more = await self._take(number + 1)
            number = 64 + int.from_bytes(more, "little")
        channel = self._channels.setdefault(number, _Channel())
        fields = await self._take((11, 7, 3, 0)[form])
        if form < 3:
            channel.extended = int.from_bytes(fields[:3], "big") == EXTENDED
        if form < 2:
            channel.length, channel.kind = int.from_bytes(fields[3:6], "big"), fields[6]
        if channel.length > LARGEST_MESSAGE:
            raise ConnectionError("a message larger than any picture")
        if channel.extended:
            await self._take(4)
        return channel

    def _obeyed(self, kind: int, body: bytes) -> bool:
        """Whether the message was about the transport itself; it is obeyed then."""
        if kind == SET_CHUNK_SIZE:
            self._chunk = max(1, int.from_bytes(body[:4], "big") & 0x7FFFFFFF)
        elif kind == WINDOW_SIZE:
            self._window = int.from_bytes(body[:4], "big")
        elif kind == USER_CONTROL and body[:2] == PING_REQUEST.to_bytes(2, "big"):
            self._writer.write(message(USER_CONTROL, PING_RESPONSE.to_bytes(2, "big") + body[2:6], channel=2))
        return kind in (SET_CHUNK_SIZE, WINDOW_SIZE, USER_CONTROL)

    def _acknowledge(self) -> None:
        if self._window and self._read - self._told >= self._window // 2:
            self._told = self._read
            self._writer.write(message(ACKNOWLEDGE, (self._read & 0xFFFFFFFF).to_bytes(4, "big"), channel=2))

    async def _take(self, count: int) -> bytes:
        self._read += count
        return await self._reader.readexactly(count)


async def play(host: str, port: int, app: str, name: str) -> AsyncGenerator[bytes, None]:
    """The video tags of one stream, from the next one on. Raises OSError and EOFError when it is over."""
    reader, writer = await asyncio.open_connection(host, port, limit=LARGEST_MESSAGE)
    try:
        writer.write(b"\x03" + bytes(HANDSHAKE))
        answer = await reader.readexactly(1 + 2 * HANDSHAKE)
        writer.write(answer[1 : 1 + HANDSHAKE])
        writer.write(message(SET_CHUNK_SIZE, (1 << 16).to_bytes(4, "big"), channel=2))
        where: dict[str, Amf] = {"app": app, "tcUrl": f"rtmp://{host}:{port}/{app}", "videoCodecs": 252.0}
        writer.write(message(COMMAND, amf0("connect", 1.0, where)))
        writer.write(message(COMMAND, amf0("createStream", 2.0, None)))
        writer.write(message(COMMAND, amf0("play", 3.0, None, name), stream=1))
        async for kind, body in Reader(reader, writer).messages():
            if kind == VIDEO and body:
                yield body
    finally:
        writer.close()
