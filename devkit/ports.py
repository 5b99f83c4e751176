"""Ports of the loopback: told apart from taken ones, and reserved against other runs of ours."""

import fcntl
import os
import socket
import tempfile
from pathlib import Path
from typing import IO

from devkit.errors import Refusal

_held: list[IO[str]] = []


def is_free(port: int) -> bool:
    """Whether nobody listens on localhost:port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def require_free(port: int, setting: str) -> None:
    """Raise Refusal, naming the setting, when the port is taken."""
    if not is_free(port):
        raise Refusal(f"Port {port} is taken by another program. Free it, or set {setting} in .env.")


def reserve() -> int:
    """A free port that no other run of ours gets while this process lives."""
    folder = Path(tempfile.gettempdir()) / f"hetri-ports-{os.geteuid()}"
    folder.mkdir(exist_ok=True)
    while True:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port: int = found.getsockname()[1]
        lock = open(folder / str(port), "w")  # noqa: SIM115  (held until the process ends)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        _held.append(lock)
        return port
