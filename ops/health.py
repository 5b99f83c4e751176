"""How one sees that a part is well. Each check asks the part itself, with a short deadline, and never raises."""

import http.client
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ops.postgres import BIN
from ops.running import Running

HEARTBEAT_S = 30
# Where nginx' own check comes from: whoever uses up what an address may have does not make it look ill.
ADDRESS = "127.0.0.2"
ANSWER_S = 3
Check = Callable[[Running], bool]


def process_lives(instance: Running) -> bool:
    """For a part that nobody can ask: that it runs is seen elsewhere."""
    return True


def postgres(instance: Running) -> bool:
    """The database answers our role."""
    command = [str(BIN / "psql"), "-h", str(instance.run / "pg"), "-U", "hetri", "-d", "hetri", "-XtAc", "SELECT 1"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=ANSWER_S, env={"LC_ALL": "C.UTF-8"})
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def redis(instance: Running) -> bool:
    """PING is answered; while it loads its data it is not."""
    return _ask(socket.AF_UNIX, str(instance.run / "redis.sock"), b"PING\r\n").startswith(b"+PONG")


def mosquitto(instance: Running) -> bool:
    """The broker accepts our own login, and the watcher beside it runs (status shows both as one)."""
    watched = "watcher" not in instance.pids() or instance.pid("watcher") is not None
    name, password = b"hetri", instance.env["HETRI_MQTT_PASSWORD"].encode()
    # MQTT 3.1.1 CONNECT: clean session, user name and password, no client id
    body = b"\x00\x04MQTT\x04\xc2\x00\x0a\x00\x00" + _field(name) + _field(password)
    address = ("127.0.0.1", int(instance.env["HETRI_MQTT_PORT"]))
    return watched and _ask(socket.AF_INET, address, b"\x10" + bytes([len(body)]) + body) == b"\x20\x02\x00\x00"


def _field(value: bytes) -> bytes:
    return len(value).to_bytes(2, "big") + value


def _ask(family: socket.AddressFamily, address: str | tuple[str, int], question: bytes) -> bytes:
    try:
        with socket.socket(family) as line:
            line.settimeout(ANSWER_S)
            line.connect(address)
            line.sendall(question)
            return line.recv(100)
    except OSError:
        return b""


def nginx(instance: Running) -> bool:
    """HTTPS through to the application, with the certificate checked."""
    try:
        context = ssl.create_default_context(cafile=instance.env["HETRI_TLS_CA"])
    except OSError:
        return False
    port = int(instance.env["HETRI_HTTPS_PORT"])
    here = (ADDRESS, 0)
    return _get_ok(
        http.client.HTTPSConnection("localhost", port, timeout=ANSWER_S, source_address=here, context=context)
    )


def rtmp(instance: Running) -> bool:
    """The media server answers a handshake, and the gate before it (status shows both as one)."""
    address = ("127.0.0.1", int(instance.env["HETRI_RTMP_PORT"]))
    gated = "gate" not in instance.pids() or gate(instance)
    return gated and _greets(socket.AF_INET, address)


def gate(instance: Running) -> bool:
    """The gate answers a handshake."""
    return _greets(socket.AF_UNIX, str(instance.run / "gate.sock"))


def _greets(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    """Whether an RTMP handshake is answered: the version, 3, comes first."""
    return _ask(family, address, b"\x03" + bytes(1536)).startswith(b"\x03")


class _UnixHTTP(http.client.HTTPConnection):
    """HTTP over daphne's socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWER_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(ANSWER_S)
        self.sock.connect(str(self._path))


def web(name: str) -> Check:
    """That instance of the application answers on its own socket."""
    return lambda instance: _get_ok(_UnixHTTP(instance.run / f"{name}.sock"))


def main(path: str) -> int:
    """`python -m ops.health SOCKET`, in a container: 0 while the application answers there."""
    return 0 if _get_ok(_UnixHTTP(Path(path))) else 1


def _get_ok(connection: http.client.HTTPConnection) -> bool:
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def heartbeat(name: str) -> Check:
    """The process touched its heartbeat file lately; it does so only while its work gets done."""

    def fresh(instance: Running) -> bool:
        try:
            return time.time() - (instance.var / "heartbeat" / name).stat().st_mtime < HEARTBEAT_S
        except OSError:
            return False

    return fresh


def collar(instance: Running) -> bool:
    """The collar's program says that it is connected."""
    return (instance.var / "collar" / "online").exists()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
