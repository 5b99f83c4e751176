"""Mosquitto's side of the registry: a password file rendered from the database, loaded by a watcher beside the broker.

Mosquitto reads the file again at SIGHUP, which the watcher sends when the file changes, and then cuts the
sessions whose password no longer fits (docs/decisions/broker-identity.md).
"""

import logging
import os
import socket
import ssl
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils.crypto import salted_hmac

from broker import publisher
from broker.credentials import hash_derived
from broker.errors import BrokerUnavailable
from broker.registry import Credential, identity_lines

log = logging.getLogger(__name__)
LOAD_WAIT_S = 4.5  # how long the broker may take to let a new identity in: with the pulse before it under 7 s
PROBE_EVERY_S = 0.03
PROBE_WAIT_S = 2.0  # for one answer
_LOCK = 0x4865_7472  # advisory lock: one writer of the file at a time
WITNESS = "hetri-witness"  # who may connect only once this very file is loaded; no collar, and no rights beyond its own


class MosquittoRegistry:
    """See BrokerRegistry. Writers queue for the lock; who finds its change already in the file writes nothing."""

    def require(self) -> None:
        publisher.require()

    def provision(self, *credentials: Credential) -> None:
        lines = [f"{credential.ref}:{credential.verifier}\n" for credential in credentials]
        self._write_unless(lambda text: all(line in text for line in lines))
        # As the collar will: nobody holds a session of a new one, and a rotated one's is being cut anyway.
        # The last stands for all: the broker loads the file whole.
        _wait_until(lambda left: _accepted(credentials[-1], left))

    def remove(self, *refs: str) -> None:
        self._write_unless(lambda text: text.startswith(WITNESS) and not any(f"{ref}:" in text for ref in refs))
        _wait_until(lambda left: _accepted(_witness(_read_file()), left))

    def exists(self, ref: str) -> bool:
        return f"{ref}:" in _read_file()

    def sync(self) -> bool:
        with _one_writer():
            wanted = _render()
            if _read_file() == wanted:
                return False
            _write_file(wanted)
            log.warning("broker_file_healed", extra={"collars": wanted.count("\n") - 1})
            return True

    def _write_unless(self, done: Callable[[str], bool]) -> None:
        with _one_writer():
            if not done(_read_file()):
                _write_file(_render())


@contextmanager
def _one_writer() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{LOAD_WAIT_S}s"])
        try:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        finally:
            with suppress(DatabaseError):
                cursor.execute("RESET lock_timeout")
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _render() -> str:
    lines = identity_lines()
    witness = _witness(lines)
    return f"{witness.ref}:{witness.verifier}\n{lines}"


def _witness(text: str) -> Credential:
    """An identity that only this file lets in: its password follows from all the other lines."""
    lines = text.partition("\n")[2] if text.startswith(f"{WITNESS}:") else text
    password = salted_hmac("hetri.broker.file", lines, algorithm="sha256").hexdigest()
    return Credential(WITNESS, password, hash_derived(password))


def _read_file() -> str:
    try:
        return settings.MQTT_PASSWORD_FILE.read_text()
    except FileNotFoundError:
        return ""


def _write_file(text: str) -> None:
    """Replace the file in one step: a half-written one would lock everybody out."""
    target = settings.MQTT_PASSWORD_FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=target.parent, delete=False) as file:
        file.write(text)
        file.flush()
        os.fchmod(file.fileno(), 0o640)
        os.fchown(file.fileno(), -1, target.parent.stat().st_gid)
        os.fsync(file.fileno())
    os.replace(file.name, target)


def _wait_until(holds: Callable[[float], bool]) -> None:
    """Ask with the seconds that are left, until the broker says yes. Raises Unavailable after LOAD_WAIT_S."""
    deadline = time.monotonic() + LOAD_WAIT_S
    while not holds(left := deadline - time.monotonic()):
        if left <= PROBE_EVERY_S:
            raise BrokerUnavailable
        time.sleep(PROBE_EVERY_S)


def _accepted(credential: Credential, within_s: float) -> bool:
    """Connect over TLS as this one; whether the broker lets it in, within so many seconds."""
    address = (settings.MQTT_PROBE_HOST, settings.MQTT_PROBE_PORT)
    try:
        with (
            socket.create_connection(address, timeout=max(0.1, min(PROBE_WAIT_S, within_s))) as raw,
            _tls().wrap_socket(raw, server_hostname=settings.MQTT_PUBLIC_HOST) as tls,
        ):
            tls.sendall(_connect_packet(credential))
            return tls.recv(4) == b"\x20\x02\x00\x00"  # CONNACK: accepted
    except OSError:
        return False


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(settings.TLS_CA))


def _connect_packet(credential: Credential) -> bytes:
    """An MQTT 3.1.1 CONNECT with name, password, clean session (MQTT 3.1.1, section 3.1)."""

    def text(value: str) -> bytes:
        return struct.pack(">H", len(value)) + value.encode()

    body = text("MQTT") + struct.pack(">BBH", 4, 0b1100_0010, 10)
    body += text(credential.ref) + text(credential.ref) + text(credential.password)
    return struct.pack(">BBB", 0x10, len(body) & 0x7F | 0x80, len(body) >> 7) + body
