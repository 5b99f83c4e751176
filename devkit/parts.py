"""The parts of Hetri: how each is started, how it is asked to end, how one sees that it is well."""

import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from devkit.bootstrap import ROOT, python

if TYPE_CHECKING:
    from devkit.instance import Instance

PG = Path("/usr/lib/postgresql/15/bin")
HEARTBEAT_S = 30
Command = Callable[[Path, Path, dict[str, str]], list[str]]


@dataclass(frozen=True)
class Part:
    """One supervised process. `prepare` runs before each start; `stop` is the signal that ends it in order."""

    command: Command
    healthy: Callable[["Instance"], bool]
    stop: signal.Signals = signal.SIGTERM
    prepare: Callable[[Path, Path], None] = field(default=lambda var, run: None)


def as_postgres() -> list[str]:
    """PostgreSQL refuses to run as root: become its user, able to pass through folders that only root may enter."""
    if os.geteuid() != 0:
        return []
    capability = "+dac_read_search"
    return [
        *("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=INT"),
        *(f"--inh-caps={capability}", f"--ambient-caps={capability}"),
    ]


def _prepare_postgres(var: Path, run: Path) -> None:
    data, sockets = var / "postgres", run / "pg"
    sockets.mkdir(exist_ok=True)
    if os.geteuid() == 0:
        shutil.chown(sockets, "postgres", "postgres")
    sockets.chmod(0o700)
    if (data / "PG_VERSION").exists():
        return
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(data, "postgres", "postgres")
    options = ["--data-checksums", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust", "-U", "hetri"]
    subprocess.run(
        [*as_postgres(), str(PG / "initdb"), "-D", str(data), *options],
        check=True,
        capture_output=True,
        cwd="/",
    )


def _postgres(var: Path, run: Path, env: dict[str, str]) -> list[str]:
    options = {"listen_addresses": "", "max_connections": "200", "timezone": "UTC", "log_timezone": "UTC"}
    flags = [flag for name, value in options.items() for flag in ("-c", f"{name}={value}")]
    return [*as_postgres(), str(PG / "postgres"), "-D", str(var / "postgres"), "-k", str(run / "pg"), *flags]


def _postgres_ready(instance: "Instance") -> bool:
    host = str(instance.run / "pg")
    base = ["psql", "-h", host, "-U", "hetri", "-tAc"]
    known = subprocess.run(
        [*base, "SELECT 1 FROM pg_database WHERE datname = 'hetri'", "postgres"],
        capture_output=True,
        check=False,
    )
    if known.returncode == 0 and not known.stdout.strip():
        subprocess.run([*base, "CREATE DATABASE hetri", "postgres"], capture_output=True, check=False)
        return False
    return known.returncode == 0


def _redis(var: Path, run: Path, env: dict[str, str]) -> list[str]:
    options = ["--port", "0", "--unixsocket", str(run / "redis.sock"), "--dir", str(var / "redis")]
    return ["redis-server", *options, "--save", "", "--appendonly", "no", "--daemonize", "no"]


def _redis_ready(instance: "Instance") -> bool:
    return _ask(socket.AF_UNIX, str(instance.run / "redis.sock"), b"PING\r\n").startswith(b"+PONG")


def _ask(family: socket.AddressFamily, address: str | tuple[str, int], question: bytes) -> bytes:
    try:
        with socket.socket(family) as line:
            line.settimeout(2)
            line.connect(address)
            line.sendall(question)
            return line.recv(100)
    except OSError:
        return b""


def _mosquitto(var: Path, run: Path, env: dict[str, str]) -> list[str]:
    return ["mosquitto", "-c", str(var / "mosquitto" / "mosquitto.conf")]


def _mosquitto_ready(instance: "Instance") -> bool:
    """The broker answers a CONNECT on its internal listener (a nameless one is refused, which is an answer)."""
    connect = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00"
    address = ("127.0.0.1", int(instance.env["HETRI_MQTT_PORT"]))
    watched = "watcher" not in instance.pids() or instance.pid("watcher") is not None
    return watched and _ask(socket.AF_INET, address, connect)[:1] == b"\x20"


def _watcher(var: Path, run: Path, env: dict[str, str]) -> list[str]:
    files = [
        "--watch",
        str(var / "mosquitto" / "collars.passwd"),
        "--pid-file",
        str(var / "mosquitto" / "mosquitto.pid"),
    ]
    return [python(), str(ROOT / "deploy" / "mosquitto" / "reload_watcher.py"), *files]


def _nginx(var: Path, run: Path, env: dict[str, str]) -> list[str]:
    return [
        "nginx",
        "-p",
        str(var / "nginx"),
        "-e",
        "stderr",
        "-c",
        str(var / "nginx" / "web.conf"),
        "-g",
        "daemon off;",
    ]


def _nginx_ready(instance: "Instance") -> bool:
    port = int(instance.env["HETRI_HTTPS_PORT"])
    context = ssl.create_default_context(cafile=str(instance.var / "tls" / "ca.pem"))
    return _get_ok(http.client.HTTPSConnection("localhost", port, timeout=3, context=context))


def _get_ok(connection: http.client.HTTPConnection) -> bool:
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _web(var: Path, run: Path, env: dict[str, str]) -> list[str]:
    listen = ["-u", str(run / "web.sock"), "--proxy-headers", "--ping-interval", "20", "--ping-timeout", "30"]
    return [python(), "-m", "daphne", *listen, "--verbosity", "0", "hetri.asgi:application"]


def _prepare_web(var: Path, run: Path) -> None:
    for stale in ("web.sock", "web.sock.lock"):
        (run / stale).unlink(missing_ok=True)


class _UnixHTTP(http.client.HTTPConnection):
    """HTTP over daphne's socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=3)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(3)
        self.sock.connect(str(self._path))


def _web_ready(instance: "Instance") -> bool:
    return _get_ok(_UnixHTTP(instance.run / "web.sock"))


def _celery(*arguments: str) -> Command:
    return lambda var, run, env: [python(), "-m", "celery", "-A", "hetri", *arguments]


def _beat(var: Path, run: Path, env: dict[str, str]) -> list[str]:
    return [
        python(),
        "-m",
        "celery",
        "-A",
        "hetri",
        "beat",
        "-s",
        str(var / "beat" / "schedule"),
        "--pidfile=",
    ]


def _heartbeat(name: str) -> Callable[["Instance"], bool]:
    def fresh(instance: "Instance") -> bool:
        try:
            return time.time() - (instance.var / "heartbeat" / name).stat().st_mtime < HEARTBEAT_S
        except OSError:
            return False

    return fresh


def _forget_heartbeat(name: str) -> Callable[[Path, Path], None]:
    return lambda var, run: (var / "heartbeat" / name).unlink(missing_ok=True)


def _collar(var: Path, run: Path, env: dict[str, str]) -> list[str]:
    return [
        str(ROOT / ".venv" / "bin" / "micropython"),
        str(ROOT / "firmware" / "collar" / "sim" / "run.py"),
        str(var / "collar"),
    ]


def _collar_ready(instance: "Instance") -> bool:
    return (instance.var / "collar" / "online").exists()


PARTS = {
    "postgres": Part(_postgres, _postgres_ready, signal.SIGINT, _prepare_postgres),
    "redis": Part(_redis, _redis_ready),
    "mosquitto": Part(_mosquitto, _mosquitto_ready),
    "watcher": Part(_watcher, lambda instance: True),
    "nginx": Part(_nginx, _nginx_ready),
    "web": Part(_web, _web_ready, prepare=_prepare_web),
    "ingest": Part(
        _celery("worker", "--mqtt", "-P", "solo", "-Q", "ingest", "-n", "ingest@%h", "--loglevel", "info"),
        _heartbeat("ingest"),
        prepare=_forget_heartbeat("ingest"),
    ),
    "worker": Part(
        _celery("worker", "-P", "threads", "-c", "4", "-Q", "celery", "-n", "worker@%h", "--loglevel", "warning"),
        _heartbeat("worker"),
        prepare=_forget_heartbeat("worker"),
    ),
    "beat": Part(_beat, _heartbeat("beat"), prepare=_forget_heartbeat("beat")),
    "collar": Part(_collar, _collar_ready),
}
SERVICES = ("postgres", "redis", "mosquitto", "watcher")
ALL = tuple(PARTS)
