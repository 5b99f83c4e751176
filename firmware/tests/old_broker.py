"""A broker that knows MQTT 3.1.1 only, as far as a collar needs one: mosquitto cannot be told to."""

import socket
import ssl
import threading
from pathlib import Path

CONNECT, PUBLISH, SUBSCRIBE = 0x10, 0x30, 0x80
REFUSED_VERSION = b"\x20\x02\x00\x01"
WELCOME = b"\x20\x02\x00\x00"


class OldBroker:
    """Answers one connection after the other; notes the versions and the topics it was given."""

    def __init__(self, authority: Path) -> None:
        self.versions: list[int] = []
        self.topics: list[str] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(authority / "server.pem", authority / "server.key")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            with self._context.wrap_socket(plain, server_side=True) as peer:
                self._talk(peer)

    def _talk(self, peer: ssl.SSLSocket) -> None:
        stream = peer.makefile("rb")
        while first := stream.read(1):
            size = shift = 0
            while True:
                byte = stream.read(1)[0]
                size |= (byte & 0x7F) << shift
                shift += 7
                if not byte & 0x80:
                    break
            answer = self._answer(first[0] & 0xF0, stream.read(size))
            peer.sendall(answer)
            if answer == REFUSED_VERSION:
                return

    def _answer(self, kind: int, body: bytes) -> bytes:
        if kind == CONNECT:
            self.versions.append(body[6])
            return WELCOME if body[6] == 4 else REFUSED_VERSION
        if kind == SUBSCRIBE:
            return b"\x90\x03" + body[:2] + b"\x01"
        if kind == PUBLISH:
            end = 2 + int.from_bytes(body[:2], "big")
            self.topics.append(body[2:end].decode())
            return b"\x40\x02" + body[end : end + 2]
        return b"\xd0\x00"
