"""Mosquitto's side of the registry: a password file rendered from the database, loaded by a watcher beside the broker.

Mosquitto reads the file again at SIGHUP, which the watcher sends when the file changes, and then cuts the
sessions whose password no longer fits (docs/decisions/broker-identity.md).
"""

import logging
import os
import ssl
import tempfile
import time
from collections.abc import Callable
from functools import cache

import paho.mqtt.client as mqtt
from django.conf import settings
from django.utils.crypto import salted_hmac
from paho.mqtt.enums import CallbackAPIVersion

from broker import publisher
from broker.credentials import hash_derived
from broker.errors import BrokerUnavailable
from broker.registry import Credential, identity_lines
from core.locks import Lock, hold

log = logging.getLogger(__name__)
LOAD_WAIT_S = 4.5  # how long the broker may take to let a new identity in: with the pulse before it under 7 s
PROBE_EVERY_S = 0.03
PROBE_WAIT_S = 2.0  # for one answer
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
        with hold(Lock.BROKER_FILE, wait_s=LOAD_WAIT_S):
            wanted = _render()
            if _read_file() == wanted:
                return False
            _write_file(wanted)
            log.warning("broker_file_healed", extra={"collars": wanted.count("\n") - 1})
            return True

    def _write_unless(self, done: Callable[[str], bool]) -> None:
        with hold(Lock.BROKER_FILE, wait_s=LOAD_WAIT_S):
            if not done(_read_file()):
                _write_file(_render())


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
    answers: list[bool] = []
    deadline = time.monotonic() + max(0.1, min(PROBE_WAIT_S, within_s))
    client = mqtt.Client(CallbackAPIVersion.VERSION2, credential.ref, protocol=mqtt.MQTTv311)
    client.username_pw_set(credential.ref, credential.password)
    client.tls_set_context(_tls())
    client.connect_timeout = deadline - time.monotonic()
    client.on_connect = lambda _client, _data, _flags, reason, _properties: answers.append(not reason.is_failure)
    try:
        client.connect(settings.MQTT_PROBE_HOST, settings.MQTT_PROBE_PORT, keepalive=10)
        while not answers and time.monotonic() < deadline:
            if client.loop(deadline - time.monotonic()) != mqtt.MQTT_ERR_SUCCESS:
                break
    except OSError:
        return False
    finally:
        client.disconnect()
    return answers == [True]


@cache
def _tls() -> ssl.SSLContext:
    """Our own CA vouches for the broker; within a deployment it has another name than in public."""
    context = ssl.create_default_context(cafile=str(settings.TLS_CA))
    context.check_hostname = False
    return context
