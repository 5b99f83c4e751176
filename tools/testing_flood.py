"""A collar that is let loose: it says the same kind of thing as fast as the broker takes it, and reads no answer."""

import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import TracebackType
from uuid import uuid4

from broker.bulk_client import variable_length
from tools.testing import Json

CHUNK = 200  # messages in one write
Say = Callable[[int], bytes]  # the payload of the message of that number


class Flood:
    """From its start until the broker cuts it, or its end. `sent` counts messages, `cut` says whether it was cut.

    `seconds` is how long it sent. Nothing of Django: soaks use it, too.
    """

    def __init__(self, credentials: Json, ca: Path, kind: str, say: Say, most: int = 10**9) -> None:
        self.sent, self.cut, self.seconds = 0, False, 0.0
        self._credentials, self._say, self._most = credentials, say, most
        self._topic = f"devices/{credentials['username']}/{kind}".encode()
        self._ca = str(ca)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Flood":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        host, port = str(self._credentials["host"]), int(self._credentials["port"])
        context = ssl.create_default_context(cafile=self._ca)
        raw = socket.create_connection((host, port), timeout=5)
        with raw, context.wrap_socket(raw, server_hostname=host) as line:
            line.sendall(self._connect())
            assert line.recv(64)[0] == 0x20
            begun = time.monotonic()
            try:
                while not self._over.is_set():
                    self._say_some(line)
                    self.seconds = time.monotonic() - begun if self.sent < self._most else self.seconds
                    _read_what_is_there(line)
            except OSError:
                self.cut = not self._over.is_set()

    def _say_some(self, line: ssl.SSLSocket) -> None:
        few = min(CHUNK, self._most - self.sent)
        if few == 0:
            line.sendall(b"\xc0\x00")  # PINGREQ
            self._over.wait(0.1)
        line.sendall(b"".join(self._publish(self.sent + number) for number in range(few)))
        self.sent += few

    def _connect(self) -> bytes:
        name, password = str(self._credentials["username"]), str(self._credentials["password"])
        body = _text("MQTT") + b"\x04\xc2\x00\x3c" + _text(name) + _text(name) + _text(password)
        return b"\x10" + variable_length(len(body)) + body

    def _publish(self, number: int) -> bytes:
        head = len(self._topic).to_bytes(2, "big") + self._topic + (number % 65_535 + 1).to_bytes(2, "big")
        payload = self._say(number)
        return b"\x32" + variable_length(len(head) + len(payload)) + head + payload


def _read_what_is_there(line: ssl.SSLSocket) -> None:
    """Raises OSError when the other side has closed. In the thread that writes: TLS is not for two at once."""
    line.setblocking(False)
    try:
        while line.recv(65_536):
            pass
    except ssl.SSLWantReadError:
        return
    finally:
        line.settimeout(5)
    raise ConnectionResetError


def _text(words: str) -> bytes:
    return len(words).to_bytes(2, "big") + words.encode()


def presence(number: int) -> bytes:
    """It is there, again and again."""
    return b'{"v":1,"online":true,"boot":"9f3a61c2","treats_left":%d}' % (number % 100)


def results(number: int) -> bytes:
    """Results of treats that nobody ordered."""
    return b'{"v":1,"command":{"id":"%s","result":"dispensed"}}' % str(uuid4()).encode()


def garbage(number: int) -> bytes:
    """No JSON, and no UTF-8 either."""
    return b'{"v":1,"online":true,"x":"\xff%d' % number


def samples(each: int, apart_ms: int = 1) -> Say:
    """`each` samples a message, none twice, from now on back in time, `apart_ms` apart."""
    newest, seq, boot = time.time_ns() // 1_000_000, count(), os.urandom(4).hex()

    def some() -> Iterator[Json]:
        for number in (next(seq) for _ in range(each)):
            taken = {"seq": number, "ts": newest - number * apart_ms, "battery_level": 87.5}
            yield {**taken, "accel_x": 0.01, "accel_y": -0.98, "accel_z": 0.12}

    def say(number: int) -> bytes:
        body = {"v": 1, "boot": boot, "batch": number, "ack": True, "samples": list(some())}
        return json.dumps(body, separators=(",", ":")).encode()

    return say


def large(number: int) -> bytes:
    """16 KiB of one sample and an unknown key."""
    body = samples(1)(number)[:-1] + b',"x":"'
    return body + b"x" * (16_384 - len(body) - 2) + b'"}'
