"""A real mosquitto with TLS on free ports of the loopback, and a server that talks to collars through it."""

import base64
import hashlib
import itertools
import json
import os
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from ops.ports import is_free, is_reserved, listens

DEADLINE_S = 15.0
PASSWORD = "collar-secret"
T = TypeVar("T")
Message = tuple[str, dict[str, Any], bool]


def wait_until(condition: Callable[[], T], what: str = "", seconds: float = DEADLINE_S) -> T:
    """The first true value of a condition; AssertionError if it does not come in time."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.01)
    return value


def _port_numbers() -> Iterator[int]:
    """20,000 to 31,999 in a row, from another place in each lane: no port comes twice in a run."""
    lane = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    return itertools.cycle([*range(20_000 + lane * 3_000, 32_000), *range(20_000, 20_000 + lane * 3_000)])


_numbers = _port_numbers()


def free_port() -> int:
    """A port that nobody listens on, below those the system hands out: a broker that is down keeps it."""
    return next(port for port in _numbers if is_free(port) and not is_reserved(port))


def _openssl(folder: Path, args: str) -> None:
    subprocess.run(["openssl", *args.split()], cwd=folder, check=True, capture_output=True)


def make_authority(folder: Path, server_name: str = "localhost") -> Path:
    """A CA of its own (EC P-256) in `folder`, with a server's certificate for one name."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "server.ext").write_text(f"subjectAltName=DNS:{server_name}\n")
    curve = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    _openssl(folder, f"req -x509 {curve} -keyout ca.key -out ca.pem -days 2 -subj /CN=Authority")
    _openssl(folder, f"req {curve} -keyout server.key -out server.csr -subj /CN={server_name}")
    signing = "-CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext"
    _openssl(folder, f"x509 -req -in server.csr -out server.pem {signing}")
    return folder


def ca_base64(authority: Path) -> str:
    """The CA as device.json holds it: DER in base64."""
    lines = (authority / "ca.pem").read_text().splitlines()
    return "".join(line for line in lines if "-----" not in line)


def password_line(user: str) -> str:
    """A line of mosquitto's password file: PBKDF2 with SHA-512, one round."""
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", PASSWORD.encode(), salt, 1)
    return f"{user}:$7$1${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n"


CONFIG = """\
per_listener_settings true
user {user}
log_type none
set_tcp_nodelay true
{extra}
listener {port} 127.0.0.1
certfile {authority}/server.pem
keyfile {authority}/server.key
password_file {folder}/passwords
acl_file {folder}/acl
use_username_as_clientid true
max_packet_size 17408
listener {inside} 127.0.0.1
allow_anonymous true
"""
ACL = "pattern write devices/%u/telemetry\npattern write devices/%u/status\npattern read devices/%u/#\n"


class Broker:
    """One mosquitto process that can be killed and started again on the same ports."""

    def __init__(self, folder: Path, authority: Path, extra: str = "") -> None:
        self.folder = folder
        self.port, self.inside = free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir()
        (folder / "acl").write_text(ACL)
        (folder / "passwords").write_text("")
        user = "root" if os.geteuid() == 0 else os.environ.get("USER", "nobody")
        fields = {"port": self.port, "inside": self.inside, "authority": authority, "folder": folder}
        (folder / "mosquitto.conf").write_text(CONFIG.format(user=user, extra=extra, **fields))

    def add(self, device: str) -> None:
        """Let a collar in (before the start)."""
        with (self.folder / "passwords").open("a") as file:
            file.write(password_line(device))

    def start(self) -> None:
        """Start, and wait until it listens."""
        command = ["/usr/sbin/mosquitto", "-c", str(self.folder / "mosquitto.conf")]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: listens(self.inside), "mosquitto")

    def kill(self) -> None:
        """End it as a crash would."""
        if self.process:
            self.process.kill()
            self.process.wait()


class Server:
    """The server's side of one collar: hears it, commands it, acknowledges its batches if told to."""

    def __init__(self, broker: Broker, device: str, acknowledge: bool = True) -> None:
        self.device = device
        self.acknowledge = acknowledge
        self.messages: list[Message] = []
        self._subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._subscribe
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", broker.inside)
        self._client.loop_start()
        assert self._subscribed.wait(DEADLINE_S)

    def _subscribe(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe(f"devices/{self.device}/+", 1)

    def _take(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        told = json.loads(message.payload)
        self.messages.append((message.topic.split("/")[2], told, bool(message.retain)))
        if "samples" in told and self.acknowledge:
            self.ack(told)

    def ack(self, told: dict[str, Any], rejected: int = 0) -> None:
        """Say that a batch is stored."""
        counts = {"stored": len(told["samples"]) - rejected, "rejected": rejected}
        self.command("ack", {"boot": told["boot"], "batch": told["batch"], **counts})

    def command(self, name: str, told: dict[str, Any] | bytes, retain: bool = False) -> None:
        """Publish on a command topic."""
        payload = told if isinstance(told, bytes) else json.dumps(told)
        self._client.publish(f"devices/{self.device}/cmd/{name}", payload, 1, retain)

    def treat(self, treat_id: str | None = None, expires_in_s: float = 30, **more: Any) -> str:
        """Command a treat. Its id."""
        treat_id = treat_id or str(uuid.uuid4())
        expires = int((time.time() + expires_in_s) * 1000)
        self.command("treat", {"v": 1, "id": treat_id, "portion": 1, "exp": expires, **more})
        return treat_id

    def batches(self) -> list[dict[str, Any]]:
        """The telemetry messages so far."""
        return [told for name, told, _ in list(self.messages) if name == "telemetry"]

    def presences(self) -> list[dict[str, Any]]:
        """The presence messages so far."""
        return [told for name, told, _ in list(self.messages) if name == "status" and "online" in told]

    def results(self, treat_id: str) -> list[str]:
        """What the collar said about a command so far."""
        told = [told.get("command", {}) for name, told, _ in list(self.messages) if name == "status"]
        return [one["result"] for one in told if one.get("id") == treat_id]

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()
