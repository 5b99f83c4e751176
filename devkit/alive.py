"""Whether a part still moves. Only silence is a hang: a refusal, an error or a closed line is an answer.

Unlike its health, this does not depend on any other part: nobody is killed because somebody else is away.
"""

import socket
import subprocess
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from devkit.health import ANSWER_S, Check
from devkit.postgres import BIN

if TYPE_CHECKING:
    from devkit.instance import Instance

TOUCHED_S = 12.0  # a process touches its file each 2 s
NO_RESPONSE = 2  # pg_isready's exit code; 1 is a server that starts, replays its log, or is full
# What starts a conversation: any word in return will do.
HTTP, REDIS = b"GET /healthz HTTP/1.0\r\n\r\n", b"PING\r\n"
MQTT, RTMP = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x05\x00\x00", b"\x03" + bytes(1536)
Where = Callable[["Instance"], str | tuple[str, int]]


def speaks(where: Where, question: bytes) -> Check:
    """Something comes back to the question, if only the end of the line."""

    def asked(instance: "Instance") -> bool:
        address = where(instance)
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        with socket.socket(family) as line:
            line.settimeout(ANSWER_S)
            try:
                line.connect(address)
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

    return asked


def at_port(setting: str) -> Where:
    """On the loopback."""
    return lambda instance: ("127.0.0.1", int(instance.env[setting]))


def at_socket(name: str) -> Where:
    """In the folder of sockets."""
    return lambda instance: str(instance.run / name)


def touches(name: str) -> Check:
    """A thread of the process touches its file, whatever the process waits for."""
    return lambda instance: _touched(instance, f"heartbeat/{name}.alive")


def touches_file(path: str) -> Check:
    """The same with a file elsewhere below var."""
    return lambda instance: _touched(instance, path)


def _touched(instance: "Instance", path: str) -> bool:
    try:  # a clock that jumped is told by the next touch, in whichever direction
        return abs(time.time() - (instance.var / path).stat().st_mtime) < TOUCHED_S
    except OSError:
        return False


def postgres(instance: "Instance") -> bool:
    """The postmaster takes connections, or says why not: while it replays its log after a crash it is well."""
    command = [str(BIN / "pg_isready"), "-q", "-h", str(instance.run / "pg"), "-t", str(ANSWER_S)]
    try:
        return subprocess.run(command, check=False, timeout=ANSWER_S * 2).returncode != NO_RESPONSE
    except (OSError, subprocess.TimeoutExpired):
        return False
