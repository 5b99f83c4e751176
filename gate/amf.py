"""AMF0 (Adobe, "Action Message Format -- AMF 0") as RTMP's commands use it, in bounds."""

import struct
from enum import IntEnum

DEEPEST = 4
MOST_VALUES = 256  # in one message, nested ones included
Value = str | float | bool | dict[str, "Value"] | list["Value"] | None


class Kind(IntEnum):
    """Type markers (2.1)."""

    NUMBER = 0
    BOOLEAN = 1
    STRING = 2
    OBJECT = 3
    NULL = 5
    UNDEFINED = 6
    ECMA_ARRAY = 8
    OBJECT_END = 9
    STRICT_ARRAY = 10
    DATE = 11
    LONG_STRING = 12


class NotAmf(ValueError):
    """Bytes that are no AMF0, or more of it than a command has."""


def encode(*values: Value) -> bytes:
    """Values one after the other; lists do not occur in what we say."""
    return b"".join(_encode(value) for value in values)


def _encode(value: Value) -> bytes:
    match value:
        case None:
            return bytes((Kind.NULL,))
        case bool():
            return bytes((Kind.BOOLEAN, value))
        case str():
            return bytes((Kind.STRING,)) + _name(value)
        case dict():
            inner = b"".join(_name(key) + _encode(one) for key, one in value.items())
            return bytes((Kind.OBJECT,)) + inner + bytes((0, 0, Kind.OBJECT_END))
        case list():
            raise TypeError("lists are not sent")
    return bytes((Kind.NUMBER,)) + struct.pack(">d", value)


def _name(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw


def decode(data: bytes) -> list[Value]:
    """All values of a message. Raises NotAmf."""
    reader = _Reader(data)
    values = []
    while reader.at < len(data):
        values.append(reader.value(DEEPEST))
    return values


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self.at, self._left = data, 0, MOST_VALUES

    def value(self, depth: int) -> Value:
        self._left -= 1
        if not depth or self._left < 0:
            raise NotAmf("nested too deep, or too many values")
        kind = self._take(1)[0]
        match kind:
            case Kind.NUMBER:
                return float(struct.unpack(">d", self._take(8))[0])
            case Kind.BOOLEAN:
                return self._take(1)[0] != 0
            case Kind.STRING:
                return self._text(2)
            case Kind.OBJECT:
                return self._object(depth)
            case Kind.NULL | Kind.UNDEFINED:
                return None
            case Kind.ECMA_ARRAY:
                self._take(4)  # a count that nobody can rely on
                return self._object(depth)
            case Kind.STRICT_ARRAY:
                return [self.value(depth - 1) for _ in range(self._count())]
            case Kind.DATE:
                return float(struct.unpack(">d2x", self._take(10))[0])
            case Kind.LONG_STRING:
                return self._text(4)
        raise NotAmf(f"marker {kind}")

    def _object(self, depth: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while True:
            name = self._text(2)
            if not name and self._data[self.at : self.at + 1] == bytes((Kind.OBJECT_END,)):
                self.at += 1
                return found
            found.setdefault(name, self.value(depth - 1))

    def _count(self) -> int:
        count = int.from_bytes(self._take(4), "big")
        if count > MOST_VALUES:
            raise NotAmf("an array too long")
        return count

    def _text(self, digits: int) -> str:
        raw = self._take(int.from_bytes(self._take(digits), "big"))
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise NotAmf("text that is no UTF-8") from error

    def _take(self, count: int) -> bytes:
        found = self._data[self.at : self.at + count]
        if len(found) < count:
            raise NotAmf("cut off")
        self.at += count
        return found
