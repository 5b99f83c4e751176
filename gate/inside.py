"""The gate's own line to the media server: a publisher that says the same few words each time, then pictures."""

import asyncio

from gate import amf, chunks

VERSION, HANDSHAKE = 3, 1536
APP = "live"
CHUNK = 65_536
READ = 16_384
COMMAND_STREAM, CONTROL_STREAM, VIDEO_STREAM = 3, 2, 6


class Unwilling(Exception):
    """The media server does not take this stream."""


class Inside:
    """One stream in the media server. `await Inside.open(...)`, `await send(...)`, `close()`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._dechunker = chunks.Dechunker()
        self._waiting: list[chunks.Message] = []

    @classmethod
    async def open(cls, port: int, name: str) -> "Inside":
        """Publish under that name. Raises Unwilling, OSError, EOFError or chunks.Malformed."""
        inside = cls(*await asyncio.open_connection("127.0.0.1", port, limit=READ))
        try:
            await inside._greet(name)
        except BaseException:
            inside.close()
            raise
        return inside

    async def _greet(self, name: str) -> None:
        self._writer.write(bytes((VERSION,)) + bytes(HANDSHAKE))
        answer = await self._reader.readexactly(1 + 2 * HANDSHAKE)
        self._writer.write(answer[1 : 1 + HANDSHAKE])
        self._say(chunks.SET_CHUNK_SIZE, CHUNK.to_bytes(4, "big"), channel=CONTROL_STREAM)
        await self._call("connect", 1, {"app": APP, "tcUrl": f"rtmp://localhost/{APP}"})
        await self._call("createStream", 2, None)
        self._say(chunks.COMMAND, amf.encode("publish", 3.0, None, name, "live"), stream=1)
        answered = await self._command("onStatus")
        status = answered[3] if len(answered) > 3 else None
        if not isinstance(status, dict) or status.get("code") != "NetStream.Publish.Start":
            raise Unwilling(name)

    async def _call(self, name: str, number: int, argument: amf.Value) -> None:
        self._say(chunks.COMMAND, amf.encode(name, float(number), argument))
        await self._command("_result")

    async def _command(self, wanted: str) -> list[amf.Value]:
        """The next command of that name. Raises Unwilling for an error."""
        while True:
            message = await self._next()
            values: list[amf.Value] = amf.decode(message.body) if message.kind == chunks.COMMAND else []
            if values[:1] == ["_error"]:
                raise Unwilling("_error")
            if values[:1] == [wanted]:
                return values

    async def _next(self) -> chunks.Message:
        while not self._waiting:
            data = await self._reader.read(READ)
            if not data:
                raise EOFError
            self._waiting = [message for message in self._dechunker.feed(data) if not self._pong(message)]
        return self._waiting.pop(0)

    def _pong(self, message: chunks.Message) -> bool:
        """Whether it was a ping; it is answered then."""
        ping = message.kind == chunks.USER_CONTROL and message.body[:2] == chunks.PING_REQUEST.to_bytes(2, "big")
        if ping:
            answer = chunks.PING_RESPONSE.to_bytes(2, "big") + message.body[2:6]
            self._say(chunks.USER_CONTROL, answer, channel=CONTROL_STREAM)
        return ping

    def _say(self, kind: int, body: bytes, *, channel: int = COMMAND_STREAM, stream: int = 0) -> None:
        # Larger than any of these, so it holds before and after the server has heard our chunk size.
        self._writer.write(chunks.encode(kind, body, channel=channel, stream=stream, size=CHUNK))

    async def until_closed(self) -> None:
        """Read on, and answer pings, until the media server ends this stream."""
        try:
            while True:
                await self._next()
        except (OSError, EOFError, chunks.Malformed):
            return

    async def send(self, body: bytes, at: int) -> None:
        """One video message; returns when little of it waits. `at` in ms since the beginning."""
        self._writer.write(chunks.encode(chunks.VIDEO, body, channel=VIDEO_STREAM, at=at, stream=1, size=CHUNK))
        await self._writer.drain()

    def close(self) -> None:
        """End it, whatever still waits."""
        self._writer.transport.abort()
