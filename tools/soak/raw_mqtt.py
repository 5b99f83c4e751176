"""MQTT by hand, for what no well-behaved client sends: packets as bytes, over TLS, read only when asked to.

Layouts: MQTT 5.0 (OASIS), section 3; 3.1.1 differs by the properties, which it has not.
"""

import socket
import ssl
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

CONNACK, PUBLISH, PUBACK, PUBREC, SUBACK = 0x20, 0x30, 0x40, 0x50, 0x90
MQTT_311, MQTT_5 = 4, 5
PING = b"\xc0\x00"
SESSION_EXPIRY, TOPIC_ALIAS, USER_PROPERTY = b"\x11", b"\x23", b"\x26"
DRAINED_WITHIN_S = 120


def text(value: str) -> bytes:
    """A string with its length before it."""
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def number(value: int) -> bytes:
    """A variable byte integer."""
    encoded = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        encoded.append(low | 0x80 if value else low)
        if not value:
            return bytes(encoded)


def packet(kind: int, body: bytes) -> bytes:
    """A control packet."""
    return bytes([kind]) + number(len(body)) + body


def properties(version: int, data: bytes = b"") -> bytes:
    """With their length before them; nothing in 3.1.1."""
    return number(len(data)) + data if version == MQTT_5 else b""


def connect(name: str, password: str, version: int = MQTT_5, *, clean: bool = True, expiry_s: int = 0) -> bytes:
    """CONNECT with name and password, without a will; keep alive is an hour."""
    flags = 0xC0 | (2 if clean else 0)
    body = text("MQTT") + struct.pack(">BBH", version, flags, 3600)
    body += properties(version, SESSION_EXPIRY + struct.pack(">I", expiry_s) if expiry_s else b"")
    return packet(0x10, body + text(name) + text(name) + text(password))


def subscribe(filters: list[str], version: int = MQTT_5, qos: int = 1) -> bytes:
    """SUBSCRIBE with packet id 1."""
    return packet(0x82, b"\0\1" + properties(version) + b"".join(text(one) + bytes([qos]) for one in filters))


def unsubscribe(filters: list[str], version: int = MQTT_5) -> bytes:
    """UNSUBSCRIBE with packet id 1."""
    return packet(0xA2, b"\0\1" + properties(version) + b"".join(map(text, filters)))


def publish(
    topic: str, payload: bytes, version: int = MQTT_5, *, qos: int = 1, retain: bool = False, props: bytes = b""
) -> bytes:
    """PUBLISH, with packet id 1 where it needs one."""
    mid = b"\0\1" if qos else b""
    return packet(0x30 | qos << 1 | retain, text(topic) + mid + properties(version, props) + payload)


class Session:
    """One TLS connection to the broker; `read` is the only one that reads."""

    def __init__(self, port: int, ca: Path | str, version: int = MQTT_5) -> None:
        raw = socket.create_connection(("127.0.0.1", port), timeout=DRAINED_WITHIN_S)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        context = ssl.create_default_context(cafile=str(ca))
        self.version, self._port, self._here = version, port, raw.getsockname()[1]
        self._socket = context.wrap_socket(raw, server_hostname="localhost")

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Without a word."""
        self._socket.close()

    def send(self, data: bytes) -> None:
        """All of it. Raises OSError when the broker has cut the connection."""
        self._socket.sendall(data)

    def log_in(self, name: str, password: str, *, clean: bool = True, expiry_s: int = 0) -> int:
        """Connect; the reason code of CONNACK, 0 for yes."""
        self.send(connect(name, password, self.version, clean=clean, expiry_s=expiry_s))
        kind, body = self.read()
        assert kind == CONNACK, kind
        return body[1]

    def subscribe(self, *filters: str) -> list[int]:
        """Ask for them at QoS 1; the codes of SUBACK. What comes before it is dropped."""
        self.send(subscribe(list(filters), self.version))
        kind, body = self.read()
        while kind != SUBACK:
            kind, body = self.read()
        return list(body[3:] if self.version == MQTT_5 else body[2:])

    def read(self, seconds: float = 30) -> tuple[int, bytes]:
        """The next packet: its kind and its body. Raises OSError when there is none."""
        self._socket.settimeout(seconds)
        kind, length, shift = self._exactly(1)[0] & 0xF0, 0, 0
        while (byte := self._exactly(1)[0]) & 0x80:
            length, shift = length | (byte & 0x7F) << shift, shift + 7
        return kind, self._exactly(length | byte << shift)

    def drained(self) -> bool:
        """Whether the broker has read all that was sent: neither kernel holds any of it."""
        held = list(_queues(self._here, self._port))
        return not held or not any(held)

    def wait_drained(self) -> None:
        """Return once the broker has read all that was sent, or has cut the connection."""
        deadline = time.monotonic() + DRAINED_WITHIN_S
        while not self.drained():
            assert time.monotonic() < deadline, "the broker does not read"
            time.sleep(0.05)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            if not (more := self._socket.recv(count - len(data))):
                raise ConnectionResetError("the broker has closed the connection")
            data += more
        return data


def _queues(here: int, there: int) -> Iterator[int]:
    """Bytes that wait in either kernel queue on their way to the port `there` (proc(5): net/tcp)."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        local, remote, _, held = line.split()[1:5]
        ends = int(local.split(":")[1], 16), int(remote.split(":")[1], 16)
        sending, receiving = (int(part, 16) for part in held.split(":"))
        if ends == (here, there):
            yield sending
        elif ends == (there, here):
            yield receiving
