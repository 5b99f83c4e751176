"""RTMP's chunk stream (Adobe's RTMP 1.0, sections 5.3 and 5.4), both ways, without any input or output of its own."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from gate import limits

SET_CHUNK_SIZE, ABORT, ACKNOWLEDGE, USER_CONTROL, WINDOW_SIZE, BANDWIDTH = 1, 2, 3, 4, 5, 6
AUDIO, VIDEO, DATA3, SHARED3, COMMAND3, DATA, SHARED, COMMAND, AGGREGATE = 8, 9, 15, 16, 17, 18, 19, 20, 22
KINDS = frozenset((*range(1, 7), 8, 9, *range(15, 21), 22))
STREAM_BEGIN, PING_REQUEST, PING_RESPONSE = 0, 6, 7  # of user control messages (7.1.7)
EXTENDED = 0xFFFFFF
TIME = 1 << 32  # time stamps roll over here
TAG = 11  # bytes before the body of each message in an aggregate
FRESH, MEDIUM, CONTINUED = 0, 1, 3  # forms of a header


class Malformed(Exception):
    """What was sent is no RTMP, or more of it than we take."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `at` in ms."""

    kind: int
    at: int
    stream: int
    body: bytes


@dataclass(slots=True)
class _Channel:
    """What the next header of this chunk stream leaves out, and the message that is being put together."""

    kind: int = 0
    at: int = 0
    step: int = 0
    length: int = 0
    stream: int = 0
    extended: bool = False
    open: bool = False
    body: bytearray = field(default_factory=bytearray)


class Dechunker:
    """Puts messages together from whatever pieces of the line come; obeys Set Chunk Size and Abort itself.

    `chunks` counts those that began, since each costs us, however small.
    """

    def __init__(self) -> None:
        self.chunks = 0
        self._channels: dict[int, _Channel] = {}
        self._size = 128
        self._buffer = bytearray()
        self._at = 0
        self._filled: _Channel | None = None
        self._wanted = 0
        self._held = 0

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are complete now. Raises Malformed."""
        self._buffer += data
        found: list[Message] = []
        while self._filled is not None or self._header():
            if not self._payload():
                break
            if message := self._finished():
                found.append(message)
        del self._buffer[: self._at]
        self._at = 0
        return found

    def _header(self) -> bool:
        """Read a chunk's header. False: it is not all there."""
        head = self._basic()
        if head is None:
            return False
        form, number, at = head
        channel = self._channel(number, form)
        end = at + (11, 7, 3, 0)[form]
        stamp = int.from_bytes(self._buffer[at : at + 3], "big") if form < CONTINUED else 0
        extended = stamp == EXTENDED if form < CONTINUED else channel.extended
        whole = end + (4 if extended else 0)
        if len(self._buffer) < whole:
            return False
        if extended:
            stamp = int.from_bytes(self._buffer[end:whole], "big")
        self._begin(channel, form, bytes(self._buffer[at:end]), stamp, extended)
        self._at = whole
        self.chunks += 1
        self._filled, self._wanted = channel, min(self._size, channel.length - len(channel.body))
        return True

    def _basic(self) -> tuple[int, int, int] | None:
        """(form, chunk stream, where the rest begins) of the next chunk (5.3.1.1); None: not all there."""
        buffer, at = self._buffer, self._at
        if len(buffer) <= at:
            return None
        form, number = buffer[at] >> 6, buffer[at] & 0x3F
        if number > 1:
            return form, number, at + 1
        after = at + 2 + number
        if len(buffer) < after:
            return None
        return form, 64 + int.from_bytes(buffer[at + 1 : after], "little"), after

    def _channel(self, number: int, form: int) -> _Channel:
        channel = self._channels.get(number)
        if channel is None:
            # librtmp begins some with the second form, and means the time 0 and no message stream.
            if form > MEDIUM or len(self._channels) >= limits.CHUNK_STREAMS:
                raise Malformed("a chunk stream without a beginning, or one too many")
            channel = self._channels[number] = _Channel()
        if channel.open and form != CONTINUED:
            raise Malformed("a message in the midst of another")
        return channel

    @staticmethod
    def _begin(channel: _Channel, form: int, fields: bytes, stamp: int, extended: bool) -> None:
        """Take over what the header says (5.3.1.2); the shorter forms keep what they leave out."""
        if channel.open:
            return
        if form < MEDIUM + 1:
            channel.length, channel.kind = int.from_bytes(fields[3:6], "big"), fields[6]
        if form == FRESH:
            channel.stream = int.from_bytes(fields[7:11], "little")
        if form < CONTINUED:
            channel.step, channel.extended = stamp, extended
        channel.at = stamp if form == FRESH else (channel.at + channel.step) % TIME
        channel.open = True
        if channel.length > limits.LARGEST_MESSAGE:
            raise Malformed("a message too large")
        if channel.kind not in KINDS:
            raise Malformed(f"a message of type {channel.kind}")

    def _payload(self) -> bool:
        """Move what is there of the chunk to its message. False: there is more to come."""
        assert self._filled is not None
        count = min(self._wanted, len(self._buffer) - self._at)
        self._filled.body += memoryview(self._buffer)[self._at : self._at + count]
        self._at += count
        self._wanted -= count
        self._held += count
        if self._held > limits.HELD:
            raise Malformed("too many unfinished messages")
        return self._wanted == 0

    def _finished(self) -> Message | None:
        """The message whose last chunk this was, if it is not for ourselves."""
        channel, self._filled = self._filled, None
        assert channel is not None
        if len(channel.body) < channel.length:
            return None
        body, channel.body, channel.open = bytes(channel.body), bytearray(), False
        self._held -= len(body)
        if channel.kind == SET_CHUNK_SIZE:
            self._resize(body)
        elif channel.kind == ABORT:
            self._abort(body)
        else:
            return Message(channel.kind, channel.at, channel.stream, body)
        return None

    def _resize(self, body: bytes) -> None:
        """5.4.1. Sizes above the largest message mean the same; the first bit is 0."""
        size = int.from_bytes(body, "big")
        if len(body) != 4 or not 1 <= size <= 0x7FFFFFFF:
            raise Malformed("a chunk size out of bounds")
        self._size = min(size, limits.LARGEST_MESSAGE)

    def _abort(self, body: bytes) -> None:
        """5.4.2: drop what is there of one chunk stream's message."""
        if len(body) != 4:
            raise Malformed("an abort of another length")
        channel = self._channels.get(int.from_bytes(body, "big"))
        if channel is not None and channel.open:
            self._held -= len(channel.body)
            channel.body, channel.open = bytearray(), False


def split(aggregate: Message) -> Iterator[Message]:
    """The messages in an aggregate (7.1.6), their times moved with its own. Raises Malformed."""
    body, at, first = aggregate.body, 0, None
    while at < len(body):
        head = body[at : at + TAG]
        length = int.from_bytes(head[1:4], "big")
        stamp = int.from_bytes(head[7:8] + head[4:7], "big")
        first = stamp if first is None else first
        end = at + TAG + length
        if len(head) < TAG or len(body) < end + 4 or head[0] == AGGREGATE:
            raise Malformed("an aggregate that does not add up")
        yield Message(head[0], (aggregate.at + stamp - first) % TIME, aggregate.stream, body[at + TAG : end])
        at = end + 4  # the back pointer, which nobody needs


def encode(kind: int, body: bytes, *, channel: int = 3, at: int = 0, stream: int = 0, size: int = 128) -> bytes:
    """One message in chunks of `size` bytes: a full header, then ones that continue it."""
    late = at.to_bytes(4, "big") if at >= EXTENDED else b""
    head = bytes((channel,)) + min(at, EXTENDED).to_bytes(3, "big") + len(body).to_bytes(3, "big") + bytes((kind,))
    head += stream.to_bytes(4, "little") + late
    more = bytes((CONTINUED << 6 | channel,)) + late
    return head + more.join(body[begin : begin + size] for begin in range(0, len(body), size))
