"""AMF0, as far as RTMP's commands need it (Adobe, "Action Message Format -- AMF 0", 2.1 to 2.9)."""

import struct

NUMBER, BOOLEAN, STRING, OBJECT, NULL, UNDEFINED, ECMA_ARRAY, OBJECT_END = 0, 1, 2, 3, 5, 6, 8, 9
DEEPEST = 4


def encode(*values):
    """The bytes of numbers, strings, booleans, None and flat dicts, one after the other."""
    return b"".join(_encode(value) for value in values)


def _encode(value):
    if value is None:
        return bytes((NULL,))
    if isinstance(value, bool):
        return bytes((BOOLEAN, value))
    if isinstance(value, str):
        return bytes((STRING,)) + _text(value)
    if isinstance(value, dict):
        inner = b"".join(_text(name) + _encode(value[name]) for name in value)
        return bytes((OBJECT,)) + inner + b"\x00\x00" + bytes((OBJECT_END,))
    return bytes((NUMBER,)) + struct.pack(">d", value)


def _text(value):
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def decode(data):
    """The values in `data`. Raises ValueError for anything else."""
    values, at = [], 0
    while at < len(data):
        value, at = _decode(data, at, DEEPEST)
        values.append(value)
    return values


def _decode(data, at, depth):
    if at >= len(data) or not depth:
        raise ValueError("amf")
    kind, at = data[at], at + 1
    if kind == NUMBER:
        return _unpack(">d", data, at, 8)
    if kind == BOOLEAN:
        value, at = _unpack(">B", data, at, 1)
        return bool(value), at
    if kind == STRING:
        return _decode_text(data, at)
    if kind == ECMA_ARRAY:
        at += 4  # A count that nobody can rely on.
    if kind in (OBJECT, ECMA_ARRAY):
        return _decode_object(data, at, depth)
    if kind in (NULL, UNDEFINED):
        return None, at
    raise ValueError("amf")


def _unpack(form, data, at, size):
    if at + size > len(data):
        raise ValueError("amf")
    return struct.unpack(form, data[at : at + size])[0], at + size


def _decode_text(data, at):
    size, at = _unpack(">H", data, at, 2)
    if at + size > len(data):
        raise ValueError("amf")
    return str(data[at : at + size], "utf-8"), at + size


def _decode_object(data, at, depth):
    found = {}
    while True:
        name, at = _decode_text(data, at)
        if not name and at < len(data) and data[at] == OBJECT_END:
            return found, at + 1
        found[name], at = _decode(data, at, depth - 1)
