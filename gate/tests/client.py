"""An RTMP publisher that says whatever a test wants, over TLS; and pictures for it."""

import asyncio
import contextlib
import itertools
import select
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gate import amf, chunks
from streaming.relay import rtmp

KEYED = "device?key=k"


class Shared:
    """A TLS connection that one thread reads while another writes: OpenSSL's state is not for both at once."""

    def __init__(self, tls: ssl.SSLSocket) -> None:
        self._tls, self._seconds = tls, tls.gettimeout()
        self._turn = threading.Lock()

    def sendall(self, data: bytes) -> None:
        """As a socket's."""
        with self._turn:
            self._tls.settimeout(self._seconds)
            self._tls.sendall(data)

    def recv(self, most: int) -> bytes:
        """As a socket's. Raises TimeoutError."""
        deadline = None if self._seconds is None else time.monotonic() + self._seconds
        while True:
            with self._turn:
                self._tls.settimeout(0)
                with contextlib.suppress(ssl.SSLWantReadError):
                    return self._tls.recv(most)
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._tls], [], [], left)[0]:
                raise TimeoutError

    def settimeout(self, seconds: float | None) -> None:
        """As a socket's."""
        self._seconds = seconds

    def close(self) -> None:
        """As a socket's."""
        self._tls.close()


class Line:
    """One TLS connection to the media server's public port."""

    def __init__(self, port: int, ca: Path, timeout: float = 20) -> None:
        context = ssl.create_default_context(cafile=str(ca))
        raw = socket.create_connection(("localhost", port), timeout=timeout)
        self.socket = Shared(context.wrap_socket(raw, server_hostname="localhost"))
        self._dechunker = chunks.Dechunker()
        self.heard: list[chunks.Message] = []

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()

    def greet(self) -> "Line":
        """The handshake."""
        self.socket.sendall(b"\x03" + bytes(1536))
        answer = b""
        while len(answer) < 1 + 2 * 1536:
            answer += self.socket.recv(4096)
        self.socket.sendall(answer[1:1537])
        return self

    def say(self, kind: int, body: bytes, channel: int = 3, at: int = 0, stream: int = 0) -> None:
        """One message, in chunks of the protocol's 128 bytes."""
        self.socket.sendall(chunks.encode(kind, body, channel=channel, at=at, stream=stream))

    def command(self, *values: amf.Value) -> None:
        """A command."""
        self.say(chunks.COMMAND, amf.encode(*values))

    def connect(self, app: str = "collar") -> "Line":
        """The handshake, then `connect`."""
        self.greet().command("connect", 1.0, {"app": app, "tcUrl": f"rtmps://localhost/{app}"})
        return self

    def publish(self, name: str = KEYED) -> "Line":
        """All of it, until the server says that it may."""
        self.connect()
        self.command("createStream", 2.0, None)
        self.command("publish", 3.0, None, name, "live")
        self.until(lambda message: b"NetStream.Publish.Start" in message.body)
        return self

    def until(self, found: Callable[[chunks.Message], bool]) -> chunks.Message:
        """The first message from the server that is so."""
        while True:
            data = self.socket.recv(4096)
            assert data, "closed"
            for message in self._dechunker.feed(data):
                self.heard.append(message)
                if found(message):
                    return message

    def show(self, picture: bytes, at: int = 0) -> None:
        """One JPEG."""
        self.say(chunks.VIDEO, b"\x11" + picture, channel=6, at=at, stream=1)

    def is_closed(self, seconds: float = 15) -> bool:
        """Whether the server ends it within that time."""
        self.socket.settimeout(seconds)
        with contextlib.suppress(OSError):
            while self.socket.recv(4096):
                pass
            return True
        return not isinstance(self.socket_error(), TimeoutError)

    def socket_error(self) -> OSError | None:
        """What reading once more says."""
        try:
            self.socket.settimeout(0.1)
            self.socket.recv(1)
        except OSError as error:
            return error
        return None


def jpeg(width: int = 64, height: int = 48, quality: int = 5) -> bytes:
    """A JPEG of that size, as ffmpeg makes it."""
    make = ["-f", "lavfi", "-i", f"testsrc=size={width}x{height}", "-frames:v", "1", "-q:v", str(quality)]
    command = ["ffmpeg", "-nostdin", "-v", "error", *make, "-f", "mjpeg", "-pix_fmt", "yuvj420p", "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def announcing(picture: bytes, width: int, height: int, frame: int = 0xC0) -> bytes:
    """The same bytes with another size, and kind of frame, in their header."""
    at = picture.index(b"\xff\xc0")
    return (
        picture[: at + 1]
        + bytes((frame,))
        + picture[at + 2 : at + 5]
        + struct.pack(">HH", height, width)
        + picture[at + 9 :]
    )


def seen(port: int, name: str, count: int, seconds: float = 15) -> list[bytes]:
    """So many pictures that the inside hands on from now."""

    async def watch() -> list[bytes]:
        async with asyncio.timeout(seconds):
            found = []
            async for body in rtmp.play("127.0.0.1", port, "live", name):
                found.append(body[1:])
                if len(found) >= count:
                    break
            return found

    return asyncio.run(watch())


def rss_mb(pid: int) -> float:
    """Memory that a process holds."""
    return next(
        int(line.split()[1]) / 1024
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("VmRSS")
    )


@contextlib.contextmanager
def going_on(say: Callable[[int], None], rate: float = 10) -> Iterator[None]:
    """Says it so many times a second, counting, beside what the test does; ends with the line."""
    over = threading.Event()

    def talk() -> None:
        with contextlib.suppress(OSError):
            for number in itertools.count():
                say(number)
                if over.wait(1 / rate):
                    return

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def film(line: Line, picture: bytes, rate: float = 10) -> contextlib.AbstractContextManager[None]:
    """Shows the picture again and again beside what the test does."""
    return going_on(lambda number: line.show(picture, at=round(number * 1000 / rate)), rate)
