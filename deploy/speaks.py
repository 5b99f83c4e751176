#!/usr/bin/env python3
"""Whether somebody answers: `speaks.py http|mqtt|redis|rtmp PORT-OR-SOCKET`, exit code 0 when something comes back.

Only silence, or nobody who listens, is none: an error, a refusal or a closed line is an answer. So a server that is
full, or loads its data, is not taken for one that hangs. Stands alone, for images that have nothing but Python.
"""

import socket
import sys

ANSWER_S = 3
# What begins a conversation: any word in return will do. MQTT 3.1.1: CONNECT, clean session, no name.
QUESTIONS = {
    "http": b"GET /healthz HTTP/1.0\r\n\r\n",
    "redis": b"PING\r\n",
    "mqtt": b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x05\x00\x00",
    "rtmp": b"\x03" + bytes(1536),
}


def speaks(question: bytes, where: str | int, seconds: float = ANSWER_S) -> bool:
    """`where` is a port of the loopback, or a socket's path."""
    with socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET) as line:
        line.settimeout(seconds)
        try:
            line.connect(where if isinstance(where, str) else ("127.0.0.1", where))
        except OSError:
            return False
        try:
            line.sendall(question)
            line.recv(100)
        except TimeoutError:
            return False
        except OSError:
            return True  # it closed the line
        return True


if __name__ == "__main__":
    kind, place = sys.argv[1:]
    sys.exit(not speaks(QUESTIONS[kind], int(place) if place.isdigit() else place))
