"""Helpers of the tests: a caller of the API, a collar under the test's control, waiting with a deadline."""

import contextlib
import json
import os
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPMessage, HTTPResponse
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import paho.mqtt.client as mqtt
from django.conf import settings
from django.db import connection
from django.test import RequestFactory
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from accounts import tokens
from accounts.models import User
from core.ids import to_ms
from core.times import now

T = TypeVar("T")
WHOLE = os.environ.get("ALL_STEPS") == "1"  # whole tables instead of a part of them: `./dev soak steps`
Json = dict[str, Any]  # an object of JSON, as somebody else wrote it
PLACES = (
    "Europe/Berlin",
    "Asia/Dubai",
    "Asia/Bangkok",
    "Asia/Tokyo",
    "Pacific/Noumea",
    "Pacific/Honolulu",
    "America/Los_Angeles",
    "America/Chicago",
    "America/Sao_Paulo",
    "Atlantic/Azores",
)
AFTERNOON_H = 14.5


def wait_for(condition: Callable[[], T], seconds: float = 10.0) -> T:
    """The first truthy value of `condition`, asked every 20 ms; AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        time.sleep(0.02)
    return value


def one_waits_for_a_lock() -> bool:
    """Whether somebody's transaction waits for a row that another holds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid')")
        waits: bool = cursor.fetchone()[0]
    return waits


def reloads() -> int:
    """How often the watcher has told the broker to load its password file again."""
    return (settings.VAR_DIR / "log" / "watcher.log").read_text().count("told to load its files")


def part_pid(name: str) -> int:
    """The process id of a service that `./dev test` started: postgres, redis, mosquitto or watcher."""
    parts = json.loads((settings.VAR_DIR / "supervisor.json").read_text())["parts"]
    return int(parts[name])


def _family(pid: int) -> list[int]:
    """A process and what it forked: PostgreSQL serves each connection by a process of its own."""
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


@contextmanager
def hanging(*names: str) -> Iterator[None]:
    """These services stand still with their sockets open, as on a machine that froze; they go on afterwards."""
    stopped: list[int] = []
    try:
        for name in names:
            for pid in _family(part_pid(name)):
                os.kill(pid, signal.SIGSTOP)
                stopped.append(pid)
        yield
    finally:
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def afternoon() -> str:
    """The time zone of PLACES where it is nearest to half past two: most of the day is over, midnight is far."""

    def away(name: str) -> float:
        there = now().astimezone(ZoneInfo(name))
        return abs(there.hour + there.minute / 60 - AFTERNOON_H)

    return min(PLACES, key=away)


def speak(url: str, said: bytes, ca: Path | None = None, seconds: float = 20) -> tuple[int, HTTPMessage, bytes]:
    """Say `said`, bytes as they are, to the server of `url`: status, headers and body of its first answer.

    `ca` where the URL is https. Raises OSError and HTTPException when there is no answer.
    """
    there = urlsplit(url)
    with contextlib.ExitStack() as held:
        line = held.enter_context(socket.create_connection((there.hostname or "", there.port or 443), seconds))
        if there.scheme == "https":
            context = ssl.create_default_context(cafile=str(ca or settings.TLS_CA))
            line = held.enter_context(context.wrap_socket(line, server_hostname=there.hostname))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused before it was said
            line.sendall(said)
        answer = HTTPResponse(line)
        answer.begin()
        return answer.status, answer.headers, b"" if answer.status == HTTPStatus.SWITCHING_PROTOCOLS else answer.read()


class Api(httpx.Client):
    """A signed-in caller of the running server."""

    def __init__(self, url: str, user: User, password: str) -> None:
        super().__init__(base_url=url, timeout=30)
        self.user, self.password = user, password
        # What signing in gives, without its slow hash: the tests of signing in go through its door.
        self.tokens = tokens.issue(user=user, request=RequestFactory().post("/auth/login", headers=dict(self.headers)))
        self.headers["Authorization"] = f"Bearer {self.tokens['access']}"

    def new_device(self, **fields: Any) -> Json:
        """POST /devices."""
        answer = self.post("/devices", json={"name": "Rex", **fields})
        assert answer.status_code == 201, answer.text
        device: Json = answer.json()
        return device

    def new_pet(self, **fields: Any) -> Json:
        """POST /pets."""
        answer = self.post("/pets", json={"name": "Rex", "species": "dog", **fields})
        assert answer.status_code == 201, answer.text
        pet: Json = answer.json()
        return pet


class Collar:
    """A collar that does what the test says. `answers` are the results it sends for each treat, in order."""

    def __init__(
        self,
        credentials: Json,
        answers: tuple[str, ...] = ("accepted", "dispensed"),
        ca: Path | None = None,
    ) -> None:
        self.id = str(credentials["username"])
        self.answers = answers
        self.commands: list[tuple[str, Json]] = []
        self.reason: Any = None
        self.connected = False
        self._sequence = 0
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, str(credentials["client_id"]), protocol=mqtt.MQTTv5)
        self._client.username_pw_set(self.id, str(credentials["password"]))
        self._client.tls_set_context(ssl.create_default_context(cafile=str(ca or settings.TLS_CA)))
        will = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
        self._client.will_set(f"devices/{self.id}/status", b'{"v":1,"online":false}', 1, True, properties=will)
        self._client.on_connect, self._client.on_message = self._on_connect, self._on_message
        self._client.on_disconnect = self._on_disconnect
        self._client.reconnect_delay_set(30, 60)
        self._client.connect_async(str(credentials["host"]), int(credentials["port"]))

    def start(self, **presence: Any) -> "Collar":
        """Connect, subscribe and say that it is online."""
        self._client.loop_start()
        wait_for(lambda: self.connected or self.reason)
        assert self.connected, f"refused: {self.reason}"
        self.say_online(**presence)
        return self

    def accepted(self) -> bool:
        """Whether the broker lets it in; leaves again."""
        self._client.loop_start()
        wait_for(lambda: self.connected or self.reason)
        let_in = self.connected
        self.stop()
        return let_in

    def refused(self) -> str:
        """Try to connect and return why the broker says no."""
        self._client.loop_start()
        wait_for(lambda: self.connected or self.reason)
        assert not self.connected
        self.stop()
        return str(self.reason)

    def stop(self) -> None:
        """Leave without a word: no last will, as a process that is ended in order."""
        self._client.disconnect()
        self._client.loop_stop()

    def vanish(self) -> None:
        """Lose power: the connection breaks without a word, and the broker speaks the last will."""
        here = self._client.socket()
        assert isinstance(here, socket.socket)
        here.shutdown(socket.SHUT_RDWR)
        wait_for(lambda: not self.connected)
        self._client.loop_stop()

    def say_online(self, **presence: Any) -> None:
        """Publish the retained presence."""
        body = {
            "v": 1,
            "online": True,
            "boot": "9f3a61c2",
            "firmware": "1.0.0",
            "config_version": 1,
            **presence,
        }
        self.publish("status", body, retain=True)

    def publish(self, kind: str, body: Any, retain: bool = False) -> None:
        """Publish JSON (or raw bytes) on `devices/{id}/{kind}` and wait for the broker's acknowledgement."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._client.publish(f"devices/{self.id}/{kind}", payload, qos=1, retain=retain).wait_for_publish(5)

    def answer(self, treat_id: str, result: str, **more: Any) -> None:
        """Send the result of a command."""
        self.publish("status", {"v": 1, "command": {"id": treat_id, "result": result}, **more})

    def send_samples(self, *samples: Json, batch: int = 1, boot: str = "9f3a61c2") -> None:
        """One telemetry message."""
        self.publish("telemetry", {"v": 1, "boot": boot, "batch": batch, "ack": True, "samples": list(samples)})

    def sample(self, ago_s: float = 0.0, **fields: Any) -> Json:
        """A sample that was taken `ago_s` seconds ago, with the next seq."""
        self._sequence += 1
        taken = {"seq": self._sequence, "ts": to_ms(now()) - int(ago_s * 1000), "battery_level": 87.5}
        return {**taken, "accel_x": 0.01, "accel_y": -0.98, "accel_z": 0.12, **fields}

    def received(self, name: str) -> list[Json]:
        """The commands named `name` so far."""
        return [body for command, body in self.commands if command == name]

    def _on_connect(self, client: mqtt.Client, data: Any, flags: Any, reason: Any, *rest: Any) -> None:
        if not reason.is_failure:
            client.subscribe(f"devices/{self.id}/cmd/#", qos=1)
            self.connected = True
        self.reason = reason  # last: who waits for it reads `connected` next

    def _on_disconnect(self, client: mqtt.Client, data: Any, flags: Any, reason: Any, *rest: Any) -> None:
        self.connected = False

    def _on_message(self, client: mqtt.Client, data: Any, message: mqtt.MQTTMessage) -> None:
        if not message.payload:
            return
        name, body = message.topic.rsplit("/", 1)[1], json.loads(message.payload)
        self.commands.append((name, body))
        if name == "treat":
            for result in self.answers:
                report = {"v": 1, "command": {"id": body["id"], "result": result}}
                client.publish(f"devices/{self.id}/status", json.dumps(report), qos=1)


def new_key() -> str:
    """An Idempotency-Key."""
    return uuid4().hex


def side_by_side(count: int, call: Callable[[], httpx.Response]) -> list[httpx.Response]:
    """The same call `count` times at once."""
    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(call) for _ in range(count)]]
