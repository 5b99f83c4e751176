"""One publisher at the gate: greeted, asked for its key, and from then on only its pictures pass."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from urllib.parse import parse_qs

from gate import amf, chunks, limits
from gate.hook import Hook
from gate.inside import Inside, Unwilling
from gate.pace import Bucket, Times
from gate.pictures import H264, JPEG, BadPicture, Examiner, Picture, Unplayable

VERSION, HANDSHAKE = 3, 1536
READ = 16_384
WINDOW = 2_500_000  # bytes between two acknowledgements, unless the publisher wants more of them
SMALLEST_WINDOW = 1_024
APP = "collar"
CONTROL, COMMANDS = 2, 3  # chunk streams
GOODBYES = ("FCUnpublish", "deleteStream", "closeStream")
BAD_PICTURE, UNPLAYABLE = "bad_picture", "unplayable"  # as Hetri calls them
CONNECTED: dict[str, amf.Value] = {"fmsVer": "FMS/3,0,1,123", "capabilities": 31.0}


class Refused(Exception):
    """This connection ends here."""


@dataclass(frozen=True)
class Doors:
    """Where a publisher that is welcome goes."""

    hetri: Hook
    inside: int  # the media server's port of the loopback


def say(event: str, **facts: object) -> None:
    """One line of the log. Never a key."""
    print(" ".join([event, *(f"{name}={value}" for name, value in facts.items())]), file=sys.stderr, flush=True)


class Session:
    """A connection, from its first byte to its last."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doors: Doors) -> None:
        self._reader, self._writer, self._doors = reader, writer, doors
        self._dechunker = chunks.Dechunker()
        self._received = self._told = self._commands = 0
        self._window = WINDOW
        self._pace = Bucket(limits.CHUNKS_A_SECOND)
        self._open = False
        self._messages = self._read()

    async def run(self) -> None:
        """Until it ends; never raises for what the publisher does."""
        try:
            async with asyncio.timeout(limits.OPENING_S):
                await self._greet()
                device, key = await self._asked()
            await self._publish(device, key)
        except (chunks.Malformed, amf.NotAmf, Refused, TimeoutError, EOFError, OSError):
            pass  # the network's usual noise: no line of the log for each
        finally:
            await self._close()

    async def _close(self) -> None:
        await self._messages.aclose()
        self._writer.close()
        try:
            async with asyncio.timeout(limits.CLOSING_S):
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            self._writer.transport.abort()

    # --- before the key ---------------------------------------------------------------------------------

    async def _greet(self) -> None:
        """Versions and 1,536 bytes each way (5.2). Zeros in ours say: no digests."""
        async with asyncio.timeout(limits.HANDSHAKE_S):
            if (await self._reader.readexactly(1))[0] != VERSION:
                raise Refused("version")
            theirs = await self._reader.readexactly(HANDSHAKE)
            self._writer.write(bytes((VERSION,)) + bytes(HANDSHAKE) + theirs)
            await self._reader.readexactly(HANDSHAKE)

    async def _asked(self) -> tuple[str, str]:
        """(device, key) of the publish command; `connect` comes before anything else."""
        connected = False
        async for message in self._messages:
            values = self._command(message)
            if values is None:
                if not connected:
                    raise Refused("no connect")
                continue
            name, number = values[0], values[1] if len(values) > 1 else 0.0
            if not connected:
                self._connect(name, number, values)
                connected = True
            elif name == "createStream":
                self._answer(number, None, 1.0)
            elif name == "publish":
                return _device_and_key(values)
            elif name in ("connect", "play", "play2"):
                raise Refused(name)
        raise EOFError

    def _command(self, message: chunks.Message) -> list[amf.Value] | None:
        """The values of a command (7.1.1); None for another message."""
        if message.kind not in (chunks.COMMAND, chunks.COMMAND3):
            return None
        self._commands += 1
        if self._commands > limits.COMMANDS:
            raise Refused("too many commands")
        values = amf.decode(message.body[1:] if message.kind == chunks.COMMAND3 else message.body)
        if not values or not isinstance(values[0], str):
            raise Refused("a command without a name")
        return values

    def _connect(self, name: amf.Value, number: amf.Value, values: list[amf.Value]) -> None:
        facts = values[2] if len(values) > 2 else None
        app = facts.get("app") if isinstance(facts, dict) else None
        if name != "connect" or not isinstance(app, str) or app.split("?")[0].rstrip("/") != APP:
            raise Refused("connect")
        self._say(chunks.WINDOW_SIZE, WINDOW.to_bytes(4, "big"))
        self._say(chunks.BANDWIDTH, WINDOW.to_bytes(4, "big") + b"\x02")
        status: dict[str, amf.Value] = {"level": "status", "code": "NetConnection.Connect.Success"}
        self._answer(number, CONNECTED, {**status, "description": "Connection succeeded.", "objectEncoding": 0.0})

    def _answer(self, number: amf.Value, *values: amf.Value) -> None:
        if not isinstance(number, float):
            raise Refused("a transaction without a number")
        self._say(chunks.COMMAND, amf.encode("_result", number, *values), channel=COMMANDS)

    def _status(self, code: str, level: str) -> None:
        about: dict[str, amf.Value] = {"level": level, "code": code, "description": code}
        self._say(chunks.COMMAND, amf.encode("onStatus", 0.0, None, about), channel=COMMANDS, stream=1)

    # --- with the key -----------------------------------------------------------------------------------

    async def _publish(self, device: str, key: str) -> None:
        """Spend the key, open the inside, and carry pictures until one of the three ends."""
        name = await self._doors.hetri.admit(device, key)
        if name is None:
            say("publish_refused", device=device)
            self._status("NetStream.Publish.BadName", "error")
            return
        reason = ""
        try:
            async with asyncio.timeout(limits.ADMISSION_S):
                inside = await Inside.open(self._doors.inside, name)
            say("publish_began", device=device, stream=name)
            reason = await self._carry_while_open(inside)
        except (OSError, EOFError, TimeoutError, Unwilling, chunks.Malformed, amf.NotAmf) as error:
            say("inside_failed", device=device, stream=name, error=type(error).__name__)
        finally:
            say("publish_ended", device=device, stream=name, reason=reason or "gone")
            await self._doors.hetri.tell_gone(name, reason)

    async def _carry_while_open(self, inside: Inside) -> str:
        self._open = True
        self._status("NetStream.Publish.Start", "status")
        carried, closed = asyncio.create_task(self._carry(inside)), asyncio.create_task(inside.until_closed())
        try:
            await asyncio.wait((carried, closed), return_when=asyncio.FIRST_COMPLETED)
            return carried.result() if carried.done() else ""
        finally:
            for task in (carried, closed):
                task.cancel()
            await asyncio.gather(carried, closed, return_exceptions=True)
            inside.close()

    async def _carry(self, inside: Inside) -> str:
        """Why it ended, if that is for Hetri to know."""
        door = _PictureDoor(inside)
        try:
            async with asyncio.timeout(limits.FIRST_PICTURE_S) as silence:
                async for message in self._messages:
                    if self._is_goodbye(message):
                        return ""
                    if await door.pass_on(message):
                        silence.reschedule(asyncio.get_running_loop().time() + limits.SILENCE_S)
        except (chunks.Malformed, BadPicture) as error:
            say("bad_picture", why=error)
            return BAD_PICTURE
        except Unplayable as error:
            say("unplayable", why=error)
            return UNPLAYABLE
        except TimeoutError:
            return BAD_PICTURE if door.refused else ""
        except (Refused, amf.NotAmf, OSError):
            return ""
        return ""

    def _is_goodbye(self, message: chunks.Message) -> bool:
        values = self._command(message)
        return values is not None and values[0] in GOODBYES

    # --- the line ---------------------------------------------------------------------------------------

    async def _read(self) -> AsyncGenerator[chunks.Message, None]:
        """Messages that are not about the transport, until the publisher goes. Raises Malformed and Refused."""
        while data := await self._reader.read(READ):
            self._received += len(data)
            if not self._open and self._received > limits.OPENING_BYTES:
                raise Refused("too much before it may publish")
            before = self._dechunker.chunks
            for message in self._dechunker.feed(data):
                if not self._obeyed(message):
                    yield message
            self._acknowledge()
            await self._writer.drain()
            if wait := self._pace.owe(self._dechunker.chunks - before):
                await asyncio.sleep(wait)

    def _obeyed(self, message: chunks.Message) -> bool:
        """Whether it was about the transport (5.4, 7.1.7)."""
        if message.kind == chunks.WINDOW_SIZE:
            if len(message.body) != 4:
                raise chunks.Malformed("a window of another length")
            self._window = max(int.from_bytes(message.body, "big"), SMALLEST_WINDOW)
        elif message.kind == chunks.USER_CONTROL and message.body[:2] == chunks.PING_REQUEST.to_bytes(2, "big"):
            self._say(chunks.USER_CONTROL, chunks.PING_RESPONSE.to_bytes(2, "big") + message.body[2:6])
        return message.kind <= chunks.BANDWIDTH

    def _acknowledge(self) -> None:
        """Say how much has come since the handshake (5.4.3), once for each window."""
        if self._received - self._told >= self._window:
            self._told = self._received
            self._say(chunks.ACKNOWLEDGE, (self._received & 0xFFFFFFFF).to_bytes(4, "big"))

    def _say(self, kind: int, body: bytes, *, channel: int = CONTROL, stream: int = 0) -> None:
        self._writer.write(chunks.encode(kind, body, channel=channel, stream=stream))


class _PictureDoor:
    """Lets pictures in that are good, as many as may be. Sound and metadata stay outside."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside
        self._examiner, self._times = Examiner(), Times()
        self._jpegs, self._pixels = Bucket(limits.JPEG_A_SECOND), Bucket(limits.JPEG_PIXELS_A_SECOND)
        self._h264 = Bucket(limits.H264_A_SECOND)
        self._readers_came = False
        self.refused = False  # since the last one that was good

    async def pass_on(self, message: chunks.Message) -> bool:
        """Whether a good picture came. Raises Unplayable, and BadPicture where what follows builds on it."""
        if message.kind == chunks.AGGREGATE:
            return any([await self.pass_on(one) for one in chunks.split(message)])
        if message.kind != chunks.VIDEO:
            return False
        try:
            picture = self._examiner.examine(message.body)
        except BadPicture:
            if message.body[0] & 0x0F != JPEG:
                raise
            self.refused = True  # each JPEG stands for itself: the next may be good
            return False
        if picture is None:
            return False
        if await self._in_time(picture):
            at = self._times.follow(message.at)
            await self._inside.send(message.body, at)
            await self._let_readers_come(picture, at)
        self.refused = self.refused and not picture.shown
        return picture.shown

    async def _let_readers_come(self, picture: Picture, at: int) -> None:
        """After H.264's first configuration: the next picture is a key frame, and they may wait long for another.

        A configuration alone tells them nothing: a delimiter is the least that shows them what codec it is.
        """
        if not self._readers_came and picture.codec == H264:
            self._readers_came = True
            for _ in range(limits.DELIMITERS):
                await self._inside.send(self._examiner.delimiter(), at)
                await asyncio.sleep(limits.READERS_COME_S / limits.DELIMITERS)

    async def _in_time(self, picture: Picture) -> bool:
        """Whether it may pass: JPEG beyond the rate is left out, H.264 beyond it waits and makes the publisher wait."""
        if picture.codec == JPEG:
            return self._jpegs.take(1) and self._pixels.take(picture.pixels)
        if wait := self._h264.owe(1):
            await asyncio.sleep(wait)
        return True


def _device_and_key(values: list[amf.Value]) -> tuple[str, str]:
    """Of `publish`, whose name is `<device>?key=<key>`. Raises Refused for what would be there twice for Hetri."""
    name = values[3] if len(values) > 3 else None
    if not isinstance(name, str):
        raise Refused("publish")
    device, _, query = name.partition("?")
    given = parse_qs(query, keep_blank_values=True)
    keys = given.get("key", [])
    if len(keys) != 1 or "app" in given or "name" in given:
        raise Refused("publish")
    return device, keys[0]
