"""MQTT packets to and from bytes: MQTT 5 (OASIS, 2019) and 3.1.1 (2014). No input and output here."""

import struct

V311 = 4
V5 = 5

CONNECT = 0x10
CONNACK = 0x20
PUBLISH = 0x30
PUBACK = 0x40
SUBSCRIBE = 0x82
SUBACK = 0x90
PINGREQ = b"\xc0\x00"
PINGRESP = 0xD0
DISCONNECT = 0xE0

# Properties (MQTT 5, 2.2.2.2) and the shape of each: bytes of an integer, s: string, p: pair, v: varint.
SESSION_EXPIRY = 0x11
SERVER_KEEP_ALIVE = 0x13
RECEIVE_MAXIMUM = 0x21
MAXIMUM_PACKET_SIZE = 0x27
# fmt: off
_SHAPES = {
    0x01: 1, 0x02: 4, 0x03: "s", 0x08: "s", 0x09: "s", 0x0B: "v", 0x11: 4, 0x12: "s", 0x13: 2,
    0x15: "s", 0x16: "s", 0x17: 1, 0x18: 4, 0x19: 1, 0x1A: "s", 0x1C: "s", 0x1F: "s", 0x21: 2, 0x22: 2,
    0x23: 2, 0x24: 1, 0x25: 1, 0x26: "p", 0x27: 4, 0x28: 1, 0x29: 1, 0x2A: 1,
}
# fmt: on


class BadPacket(ValueError):
    """The other side sent what is not MQTT."""


def varint(number):
    """A length of 0 to 268,435,455 in 1 to 4 bytes."""
    out = bytearray()
    while True:
        byte = number & 0x7F
        number >>= 7
        out.append(byte | 0x80 if number else byte)
        if not number:
            return bytes(out)


def read_varint(data, at):
    """(number, position after it)."""
    number = shift = 0
    while shift < 28:
        if at >= len(data):
            raise BadPacket("short")
        number |= (data[at] & 0x7F) << shift
        at += 1
        if not data[at - 1] & 0x80:
            return number, at
        shift += 7
    raise BadPacket("length")


def field(value):
    """Text or bytes with their length in front."""
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("!H", len(raw)) + raw


def read_field(data, at):
    """(bytes, position after them)."""
    if at + 2 > len(data):
        raise BadPacket("short")
    size = data[at] << 8 | data[at + 1]
    if at + 2 + size > len(data):
        raise BadPacket("short")
    return data[at + 2 : at + 2 + size], at + 2 + size


def read_properties(data, at):
    """({id: number or bytes}, position after them)."""
    size, at = read_varint(data, at)
    end = at + size
    found = {}
    if end > len(data):
        raise BadPacket("short")
    while at < end:
        name = data[at]
        shape = _SHAPES.get(name)
        at += 1
        if shape is None:
            raise BadPacket("property")
        if shape == "v":
            found[name], at = read_varint(data, at)
        elif shape in ("s", "p"):
            found[name], at = read_field(data, at)
            if shape == "p":
                _, at = read_field(data, at)
        else:
            found[name] = int.from_bytes(data[at : at + shape], "big")
            at += shape
    if at != end:
        raise BadPacket("properties")
    return found, end


def _packet(kind, *parts):
    body = b"".join(parts)
    return bytes([kind]) + varint(len(body)) + body


def connect(version, client_id, username, password, keep_alive, will_topic, will, largest):
    """CONNECT with a clean start, a session that ends with the connection, and a retained will at QoS 1."""
    # User name, password, will retain, will QoS 1, will, clean start.
    head = (
        field("MQTT")
        + bytes([version, 0x80 | 0x40 | 0x20 | 0x08 | 0x04 | 0x02])
        + struct.pack("!H", keep_alive)
    )
    ours = no_properties = b""
    if version == V5:
        ours = struct.pack("!BIBI", SESSION_EXPIRY, 0, MAXIMUM_PACKET_SIZE, largest)
        ours = varint(len(ours)) + ours
        no_properties = b"\x00"
    return _packet(
        CONNECT, head, ours, field(client_id), no_properties, field(will_topic), field(will), field(username),
        field(password),
    )  # fmt: skip


def read_connack(version, body):
    """(reason, properties): reason 0 is welcome."""
    if len(body) < 2:
        raise BadPacket("short")
    properties = {}
    if version == V5 and len(body) > 2:
        properties, _ = read_properties(body, 2)
    return body[1], properties


def publish(version, topic, payload, packet_id, retain):
    """PUBLISH at QoS 1."""
    no_properties = b"\x00" if version == V5 else b""
    kind = PUBLISH | 0x02 | (1 if retain else 0)
    return _packet(kind, field(topic), struct.pack("!H", packet_id), no_properties, payload)


def read_publish(version, first, body):
    """(topic, payload as a view into the body, packet id or None at QoS 0, retained?)."""
    qos = first >> 1 & 3
    if qos == 3:
        raise BadPacket("qos")
    topic, at = read_field(body, 0)
    packet_id = None
    if qos:
        if at + 2 > len(body):
            raise BadPacket("short")
        packet_id = body[at] << 8 | body[at + 1]
        at += 2
    if version == V5:
        _, at = read_properties(body, at)
    try:
        name = topic.decode()
    except ValueError:
        raise BadPacket("topic")
    return name, memoryview(body)[at:], packet_id, bool(first & 1)


def puback(packet_id):
    """PUBACK with success, the same bytes in both versions."""
    return struct.pack("!BBH", PUBACK, 2, packet_id)


def subscribe(version, topic, packet_id):
    """SUBSCRIBE to one filter at QoS 1."""
    no_properties = b"\x00" if version == V5 else b""
    return _packet(SUBSCRIBE, struct.pack("!H", packet_id), no_properties, field(topic), b"\x01")


def read_ack(body):
    """(packet id, reason) of a PUBACK or SUBACK with one reason, which is the last byte if there is any."""
    if len(body) < 2:
        raise BadPacket("short")
    return body[0] << 8 | body[1], body[2] if len(body) > 2 else 0


def read_suback(version, body):
    """(packet id, reason): below 0x80 is granted."""
    if len(body) < 3:
        raise BadPacket("short")
    at = 2
    if version == V5:
        _, at = read_properties(body, at)
    if at >= len(body):
        raise BadPacket("short")
    return body[0] << 8 | body[1], body[at]
