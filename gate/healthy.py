"""`python3 gate/healthy.py SOCKET PORT`: 0 while gate and media server both answer an RTMP handshake."""

import socket
import sys

ANSWER_S = 3.0
HELLO = b"\x03" + bytes(1536)


def greets(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    """Whether the version, 3, comes back."""
    try:
        with socket.socket(family) as line:
            line.settimeout(ANSWER_S)
            line.connect(address)
            line.sendall(HELLO)
            return line.recv(1) == b"\x03"
    except OSError:
        return False


if __name__ == "__main__":
    gate, inside = sys.argv[1:3]
    sys.exit(0 if greets(socket.AF_UNIX, gate) and greets(socket.AF_INET, ("127.0.0.1", int(inside))) else 1)
