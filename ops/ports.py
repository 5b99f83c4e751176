"""Ports of the loopback: told apart from taken ones, and reserved against other runs of ours."""

import random
import socket
from pathlib import Path

from ops.errors import Refusal

ADDRESSES = (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6))
LOWEST, TRIES = 15_000, 1_000
_held: list[socket.socket] = []


def is_free(port: int) -> bool:
    """Whether nobody listens on localhost:port, on either family."""
    there = addresses()
    return all(_can_bind(address, family, port) for address, family in ADDRESSES if address in there)


def addresses() -> list[str]:
    """The loopback's addresses that this machine has: `localhost` may mean either."""
    return [address for address, family in ADDRESSES if _can_bind(address, family, 0)]


def _can_bind(address: str, family: socket.AddressFamily, port: int) -> bool:
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError:
        return False
    return True


def require_free(port: int, setting: str) -> None:
    """Raise Refusal, naming the setting, when the port is taken."""
    if not is_free(port):
        raise Refusal(f"Port {port} is taken by another program. Free it, or set {setting} in .env.")


def reserve(wish: int = 0) -> int:
    """A free port, the wished one if it is, that no other run of ours gets while this process lives.

    Nor while one lives that inherits the descriptors of `held()`.
    """
    for attempt in range(TRIES):
        port = wish if wish and not attempt else random.randrange(LOWEST, _ephemeral_from())
        if _hold(port) and is_free(port):
            return port
    raise Refusal("No free port was found on the loopback.")


def is_reserved(port: int) -> bool:
    """Whether a living run of ours holds that port."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.bind(_lock_name(port))
        except OSError:
            return True
    return False


def held() -> list[int]:
    """File descriptors that keep the reservations."""
    return [lock.fileno() for lock in _held]


def _ephemeral_from() -> int:
    """Below the range from which the kernel serves outgoing connections: those cannot take our port."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    return max(lowest, LOWEST + TRIES)


def _hold(port: int) -> bool:
    """An abstract socket is a lock that vanishes with its last holder and leaves no file."""
    lock = socket.socket(socket.AF_UNIX)
    try:
        lock.bind(_lock_name(port))
    except OSError:
        lock.close()
        return False
    _held.append(lock)
    return True


def listens(port: int) -> bool:
    """Whether somebody takes connections at that port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _lock_name(port: int) -> str:
    return f"\0hetri-port-{port}"
