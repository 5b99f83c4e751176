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
from contextlib import contextmanager
from functools import cache

from django.conf import settings
from django.db import connection

from devices.mqtt import publisher
from devices.mqtt.registry import Credential
from hetri.core.errors import Unavailable

log = logging.getLogger(__name__)
LOAD_WAIT_S = 5.0  # how long the broker may take to let a new identity in
PROBE_EVERY_S = 0.03
_LOCK = 0x4865_7472  # advisory lock: one writer of the file at a time
_RENDER = """
    SELECT coalesce(string_agg(mqtt_user || ':' || mqtt_pass_hash || E'\\n', '' ORDER BY id), '')
    FROM devices_device WHERE retired_at IS NULL AND (suspended_until IS NULL OR suspended_until <= now())
"""


class MosquittoRegistry:
    """See BrokerRegistry. Writers queue for the lock; who finds its change already in the file writes nothing."""

    def require(self) -> None:
        publisher.require()

    def provision(self, *credentials: Credential) -> None:
        lines = [f"{credential.ref}:{credential.verifier}\n" for credential in credentials]
        self._write_unless(lambda text: all(line in text for line in lines))
        _wait_until_usable(credentials[-1])  # the broker loads the file whole

    rotate = provision

    def remove(self, ref: str) -> None:
        self._write_unless(lambda text: f"{ref}:" not in text)

    def exists(self, ref: str) -> bool:
        return f"{ref}:" in _read_file()

    def sync(self) -> bool:
        with _one_writer():
            wanted = _render()
            if _read_file() == wanted:
                return False
            _write_file(wanted)
            log.warning("broker_file_healed", extra={"collars": wanted.count("\n")})
            return True

    def _write_unless(self, done: Callable[[str], bool]) -> None:
        with _one_writer():
            if not done(_read_file()):
                _write_file(_render())


@contextmanager
def _one_writer() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _render() -> str:
    with connection.cursor() as cursor:
        cursor.execute(_RENDER)
        return str(cursor.fetchone()[0])


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


def _wait_until_usable(credential: Credential) -> None:
    """Connect as the collar will, until the broker says yes.

    With the collar's own name: nobody holds a session of a new one, and a rotated one's is being cut anyway.
    """
    deadline = time.monotonic() + LOAD_WAIT_S
    while not _accepted(credential):
        if time.monotonic() > deadline:
            raise Unavailable("The broker did not take the new credentials.", code="broker_unavailable")
        time.sleep(PROBE_EVERY_S)


def _accepted(credential: Credential) -> bool:
    address = (settings.MQTT_PROBE_HOST, settings.MQTT_PROBE_PORT)
    try:
        with (
            socket.create_connection(address, timeout=2) as raw,
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
