"""The parts of Hetri: how each is started, how it is asked to end, how one sees that it is well."""

import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ops import alive, health, postgres
from ops.media_server import forget_socket, gate_command
from ops.paths import ROOT, python

Command = Callable[[Path, Path, dict[str, str]], list[str]]
Prepare = Callable[[Path, Path], None]


def _nothing(var: Path, run: Path) -> None:
    """No preparation."""


@dataclass(frozen=True)
class Part:
    """One supervised process. `prepare` runs before each start; `stop` is the signal that ends it in order.

    `alive` says whether it moves at all, whoever else is away; when it hangs it gets `when_hung`, and SIGKILL later.
    """

    command: Command
    healthy: health.Check
    stop: signal.Signals = signal.SIGTERM
    prepare: Prepare = _nothing
    alive: health.Check = health.process_lives
    when_hung: tuple[signal.Signals, ...] = ()


def _redis(var: Path, run: Path, env: dict[str, str]) -> list[str]:
    # Queues and live news only: what must last is in PostgreSQL, and the sweeps find it again there.
    sockets = ["--port", "0", "--unixsocket", str(run / "redis.sock"), "--unixsocketperm", "700"]
    return ["redis-server", *sockets, "--dir", str(var / "redis"), "--save", "", "--appendonly", "no"]


def _mosquitto(var: Path, run: Path, env: dict[str, str]) -> list[str]:
    # As in deploy/containers/mosquitto.sh; where less is allowed it stays with that.
    limited = 'ulimit -n 10240 2>/dev/null; exec mosquitto -c "$0"'
    return ["sh", "-c", limited, str(var / "mosquitto" / "mosquitto.conf")]


def _watcher(var: Path, run: Path, env: dict[str, str]) -> list[str]:
    broker, certificate = var / "mosquitto", str(var / "tls" / "server.pem")
    mosquitto = ["mosquitto", str(broker / "mosquitto.pid"), str(broker / "collars.passwd"), certificate]
    nginx = ["nginx", str(var / "nginx" / "nginx.pid"), certificate]
    tell = ["--alive", str(var / "heartbeat" / "watcher.alive"), "--tell", *mosquitto, "--tell", *nginx]
    return [python(), str(ROOT / "deploy" / "reload_watcher.py"), *tell]


def _nginx(var: Path, run: Path, env: dict[str, str]) -> list[str]:
    config = str(var / "nginx" / "web.conf")
    return ["nginx", "-p", str(var / "nginx"), "-e", "stderr", "-c", config, "-g", "daemon off;"]


def _forget_door(var: Path, run: Path) -> None:
    """The sockets of one that was killed: nginx would not start where they lie."""
    for name in ("http.sock", "https.sock"):
        (run / name).unlink(missing_ok=True)


def _rtmp(var: Path, run: Path, env: dict[str, str]) -> list[str]:
    config = str(var / "rtmp" / "rtmp.conf")
    return ["nginx", "-p", str(var / "rtmp"), "-e", "stderr", "-c", config, "-g", "daemon off;"]


def _gate(var: Path, run: Path, env: dict[str, str]) -> list[str]:
    return gate_command(run, int(env["HETRI_RTMP_PORT"]))


def _forget_streams(var: Path, run: Path) -> None:
    """No stream outlives its server: what lies there is of one that was killed, and so are its sockets."""
    forget_socket(run)
    for folder in (var / "hls").iterdir():
        shutil.rmtree(folder)


def _web(name: str) -> Part:
    """One web instance, on a socket that bears its name."""
    options = ["--proxy-headers", "--ping-interval", "20", "--ping-timeout", "30", "--verbosity", "0"]

    def command(var: Path, run: Path, env: dict[str, str]) -> list[str]:
        return [python(), "-m", "hetri.web_server", "-u", str(run / f"{name}.sock"), *options, "hetri.asgi:application"]

    return Part(command, health.web(name), alive=alive.speaks("http", alive.at_socket(f"{name}.sock")))


def _manage(name: str) -> Command:
    return lambda var, run, env: [python(), str(ROOT / "manage.py"), name]


def _celery(*arguments: str) -> Command:
    return lambda var, run, env: [python(), "-m", "celery", "-q", "-A", "hetri", *arguments]


def _beat(var: Path, run: Path, env: dict[str, str]) -> list[str]:
    return _celery("beat", "-s", str(var / "beat" / "schedule"), "--pidfile=")(var, run, env)


def _backup(var: Path, run: Path, env: dict[str, str]) -> list[str]:
    return [python(), "-m", "ops.backup", "serve"]


def _collar(var: Path, run: Path, env: dict[str, str]) -> list[str]:
    program = ROOT / "firmware" / "collar" / "sim" / "run.py"
    return [str(Path(python()).parent / "micropython"), str(program), str(var / "collar")]


def _forget(*names: str) -> Prepare:
    """Remove files of the process before: they would tell of a health that is gone."""

    def forget(var: Path, run: Path) -> None:
        for name in names:
            (var / name).unlink(missing_ok=True)

    return forget


def _beating(name: str, command: Command) -> Part:
    """A process that tells by two files: that its work gets done, and that it moves."""
    prepare = _forget(f"heartbeat/{name}", f"heartbeat/{name}.alive")
    return Part(command, health.heartbeat(name), prepare=prepare, alive=alive.touches(name))


def _postgres() -> Part:
    # SIGINT: fast shutdown. When hung SIGQUIT, PostgreSQL's own way to end at once: its processes go with it. What was
    # committed is in its log.
    hung = (signal.SIGQUIT, signal.SIGCONT)
    return Part(postgres.command, health.postgres, signal.SIGINT, postgres.prepare, alive.postgres, hung)


def _speaking(command: Command, healthy: health.Check, kind: str, port: str, prepare: Prepare = _nothing) -> Part:
    return Part(command, healthy, prepare=prepare, alive=alive.speaks(kind, alive.at_port(port)))


_WORKER = ("worker", "-P", "threads", "-c", "4", "-Q", "celery", "-n", "worker@%h")
# The first is always there; HETRI_WEB_INSTANCES says how many there are.
WEBS = ("web", "web2", "web3", "web4")
BACKUP = "backup"
PARTS = {
    "postgres": _postgres(),
    "redis": Part(_redis, health.redis, alive=alive.speaks("redis", alive.at_socket("redis.sock"))),
    "mosquitto": _speaking(_mosquitto, health.mosquitto, "mqtt", "HETRI_MQTT_PORT"),
    "watcher": Part(
        _watcher, health.process_lives, prepare=_forget("heartbeat/watcher.alive"), alive=alive.touches("watcher")
    ),
    "nginx": _speaking(_nginx, health.nginx, "http", "HETRI_HTTP_PORT", _forget_door),
    "rtmp": _speaking(_rtmp, health.rtmp, "rtmp", "HETRI_RTMP_PORT", _forget_streams),
    "gate": Part(_gate, health.gate, alive=alive.speaks("rtmp", alive.at_socket("gate.sock"))),
    **{name: _web(name) for name in WEBS},
    "ingest": _beating("ingest", _manage("ingest")),
    "worker": _beating("worker", _celery(*_WORKER)),
    "beat": _beating("beat", _beat),
    "relay": _beating("relay", _manage("relay")),
    "collar": Part(
        _collar,
        health.collar,
        prepare=_forget("collar/online", "collar/alive"),
        alive=alive.touches_file("collar/alive"),
    ),
    BACKUP: _beating(BACKUP, _backup),
}
SERVICES = ("postgres", "redis", "mosquitto", "watcher")
# The backup runs where .env asks for it, more web instances where it says how many.
ALL = tuple(name for name in PARTS if name not in (BACKUP, *WEBS[1:]))


def with_webs(names: tuple[str, ...], count: int) -> tuple[str, ...]:
    """`names` with so many web instances in the place of the one."""
    if "web" not in names:
        return names
    at = names.index("web")
    return (*names[:at], *WEBS[:count], *names[at + 1 :])
