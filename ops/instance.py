"""An instance: a var directory, ports, secrets and an environment, and the supervisor that runs its parts.

with Instance(ROOT / "var" / "test" / "1", test=True) as instance:    # prepares; removes everything at the end
    instance.start(SERVICES)               # or ALL, with steps=True; returns when every part is healthy
    instance.env, instance.manage("migrate"), instance.pid("web"), instance.kill("web")
    instance.wait_healthy(30), instance.stop()
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType

from ops import broker_plugin, environment, health, hosts, parts, ports, processes, proxies, tls, upstreams
from ops.errors import Refusal
from ops.logs import tail
from ops.media_server import NGINX_MODULES, MediaServer, nginx_user
from ops.paths import ROOT, python
from ops.render import render, render_file, write_private
from ops.state import State, StateFile

SOCKET_PATH_MOST = 80  # sun_path has 108 bytes; the longest name below is pg/.s.PGSQL.5432.lock
FOLDERS = (
    "log",
    "mosquitto",
    "nginx",
    "nginx/out",
    "mail",
    "heartbeat",
    "metrics",
    "prometheus",
    "beat",
    "redis",
    "rtmp",
    "hls",
    "video",
    "webroot",
)
KEPT_WHEN_FRESH = ("tls", "backups", "build", "secrets.env", "ports.env", "test", "install.lock", "supervisor.lock")
GIVE_UP_AFTER = 4  # failed starts of a part in a row


class Instance:
    """One set of services with its own data.

    A `test` instance takes free ports instead of the configured ones and ends with the process that started it;
    a `quick` one does not wait for the disk: fine where a crash of the machine may lose everything; `said` are
    settings beside those of .env. `webs` is the number of web instances: by default one for tests, and what
    HETRI_WEB_INSTANCES says else. `watch` is the patience with parts that hang (ops/watchdog.py); by default that
    of the watchdog, and for tests None, nobody looks: they stop parts themselves.
    """

    def __init__(
        self,
        var: Path,
        *,
        test: bool = False,
        quick: bool = False,
        said: Mapping[str, str] | None = None,
        webs: int | None = None,
        watch: Mapping[str, float] | None = None,
    ) -> None:
        self.var = var.resolve()
        self.test, self.quick, self.said = test, quick, said or {}
        self.watch = {} if watch is None and not test else watch
        self.webs = webs or (1 if test else environment.web_instances())
        self.env: dict[str, str] = {}
        self._file = StateFile(self.var)
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Instance":
        self.prepare()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.remove()

    # --- what it consists of ----------------------------------------------------------------------------

    @property
    def run(self) -> Path:
        """Where sockets lie: in var/run, or a short folder when that path is too long for a socket."""
        inside = self.var / "run"
        if len(os.fsencode(inside)) <= SOCKET_PATH_MOST:
            return inside
        digest = hashlib.sha256(os.fsencode(self.var)).hexdigest()[:10]
        return Path(tempfile.gettempdir()) / f"hetri-{os.geteuid()}-{digest}"

    @property
    def out(self) -> Path:
        """Where a file takes the web instance of its name out of nginx's turn."""
        return self.var / "nginx" / "out"

    def prepare(self) -> None:
        """Make folders, secrets, certificates and configuration files, and fill `env`."""
        for folder in FOLDERS:
            (self.var / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
        self._make_run()
        tls.ensure(self.var / "tls")
        self._fill_env(environment.free_ports() if self.test else environment.configured_ports(self.var))
        self._configure()

    def join(self) -> None:
        """Fill `env` for a command beside this instance; what runs keeps its ports and its files."""
        in_use = self.state.get("env")
        if in_use:
            self._fill_env({name: str(value) for name, value in in_use.items()})
        else:
            self.prepare()

    def clear(self) -> None:
        """Remove the data, but not the secrets, the CA and what tests beside it use."""
        for path in self.var.iterdir() if self.var.exists() else ():
            if path.name not in KEPT_WHEN_FRESH:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def remove(self) -> None:
        """Stop it and remove everything that it made."""
        self.stop()
        shutil.rmtree(self.var, ignore_errors=True)
        shutil.rmtree(self.run, ignore_errors=True)

    def _make_run(self) -> None:
        self.run.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.run.stat().st_uid != os.geteuid():  # a short folder lies where others may write
            raise Refusal(f"{self.run} belongs to another user. Remove it.")

    def _fill_env(self, chosen_ports: dict[str, str]) -> None:
        self.env = {
            **environment.inherited(),
            **environment.settings_of(self.var, self.run, test=self.test),
            **self.said,
        }
        self.env |= chosen_ports
        self.env["HETRI_URL"] = f"https://localhost:{self.env['HETRI_HTTPS_PORT']}"
        if self.quick:
            self.env["HETRI_QUICK_DISK"] = "1"

    def _names(self) -> dict[str, str]:
        """What the placeholders of the configuration files stand for."""
        loopback, webs = ports.addresses(), self._web_sockets()
        return {
            "var": str(self.var),
            "pages": str(ROOT / "nginx"),
            "access_log": str(self.var / "log" / "access.log"),
            "log_format": self.env.get("HETRI_LOG_FORMAT", "console"),
            "mosquitto_user": "user root" if os.geteuid() == 0 else "",
            "nginx_user": nginx_user(),
            "internal": "127.0.0.1",
            "collar_rights": str(broker_plugin.ensure()),
            "certificate": str(self.var / "tls" / "server.pem"),
            "webroot": str(self.var / "webroot"),
            "hetri_url": self.env["HETRI_URL"],
            "front": str(self.run),
            "health_address": health.ADDRESS,
            **upstreams.per_address(self.env),
            "http_listen": _listen(loopback, self.env["HETRI_HTTP_PORT"]),
            "https_listen": _listen(loopback, self.env["HETRI_HTTPS_PORT"], "reuseport"),
            "modules": NGINX_MODULES,
            "hls": str(self.var / "hls"),
            "video": str(self.var / "video"),
            "relay": f"unix:{self.run / 'relay.sock'}",
            "hetri_video_key": self.env["HETRI_VIDEO_KEY"],
            "known_hosts": hosts.known(self.env),
            "trusted_proxies": proxies.trusted(self.env),
            "web_groups": upstreams.groups(webs),
            "web_choice": upstreams.choice(webs, str(self.out)),
            **{name.lower(): value for name, value in self.env.items() if name.endswith("_PORT")},
        }

    def _web_sockets(self) -> dict[str, str]:
        return {name: f"unix:{self.run / name}.sock" for name in parts.WEBS[: self.webs]}

    def _media_server(self) -> MediaServer:
        return MediaServer(
            rtmps_listen=_listen(ports.addresses(), self.env["HETRI_RTMPS_PORT"], "ssl"),
            sockets=self.run,
            rtmp_port=int(self.env["HETRI_RTMP_PORT"]),
            http_port=int(self.env["HETRI_RTMP_HTTP_PORT"]),
            certificate=self.var / "tls" / "server.pem",
            hooks=self._web_sockets(),
            secret=self.env["HETRI_HOOK_SECRET"],
        )

    def _configure(self) -> None:
        """Render the configuration files of mosquitto and the two nginx."""
        names = self._names()
        broker, source = self.var / "mosquitto", ROOT / "deploy" / "mosquitto"
        public = (render(source / "public.conf", {**names, "public": address}) for address in ports.addresses())
        render_file(
            source / "mosquitto.conf", broker / "mosquitto.conf", {**names, "public_listeners": "\n".join(public)}
        )
        write_private(self.var / "nginx" / "web.conf", render(ROOT / "nginx" / "web.conf", names))
        self._media_server().write(self.var)
        prometheus = self.var / "prometheus" / "prometheus.yml"
        render_file(ROOT / "deploy" / "prometheus" / "prometheus.yml", prometheus, prometheus_names(self.var))
        for name in ("collars.acl", "server.acl"):
            shutil.copy(source / name, broker / name)
        write_private(broker / "server.passwd", environment.password_line("hetri", self.env["HETRI_MQTT_PASSWORD"]))
        (broker / "collars.passwd").touch(mode=0o640)

    # --- running ----------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """What the supervisor tells: its pid, its phase and the pids of its parts; empty when it is not there."""
        return self._file.read()

    def start(self, names: Iterable[str], *, steps: bool = False, seconds: float = 90) -> None:
        """Start the named parts and return once all are healthy. Raises Refusal with the reason.

        `steps` migrates, collects the static files and makes the demo's data before the application's parts start.
        """
        wanted = parts.with_webs(tuple(names), self.webs)
        if self._file.is_held():
            raise Refusal("It runs already.")
        self._end_leftovers()
        for mark in self.out.iterdir():  # of a restart that was cut short
            mark.unlink()
        if not self.test:
            for setting in environment.PUBLIC_PORTS:
                ports.require_free(int(self.env[setting]), setting)
        self._file.forget()
        plan = {"var": str(self.var), "run": str(self.run), "parts": wanted, "steps": steps, "watch": self.watch}
        self._launch(plan)
        self._wait_started(wanted, seconds)

    def _launch(self, plan: dict[str, object]) -> None:
        if self.test:
            plan["tied_to"] = os.getpid()
        with open(self.var / "log" / "supervisor.log", "ab") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "ops.supervisor", json.dumps(plan)],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=ports.held(),
            )

    def _wait_started(self, names: tuple[str, ...], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._is_up(names):
            if reason := self._failure(names, late=time.monotonic() > deadline):
                self.stop()
                raise Refusal(reason)
            time.sleep(0.1)

    def _is_up(self, names: tuple[str, ...]) -> bool:
        return self.state.get("phase") == "running" and all(self.healthy(name) for name in names)

    def _failure(self, names: tuple[str, ...], *, late: bool) -> str:
        """Why the start has failed, with the end of the log that tells more; empty while it may still succeed."""
        logs, state = self.var / "log", self.state
        if state.get("failed"):
            reason, log = state["failed"]
            return f"{reason}. {tail(logs / f'{log}.log')}"
        for name, (exits, last) in state.get("trouble", {}).items():
            if exits >= GIVE_UP_AFTER:
                words = "" if last.startswith("cannot start") else tail(logs / f"{name}.log")
                return f"{name} does not stay up: {last}. {words}".strip()
        if self._child is not None and self._child.poll() is not None:
            return f"The supervisor ended. {tail(logs / 'supervisor.log')}"
        sick = [name for name in names if not self.healthy(name)] if late else []
        return f"{', '.join(sick)} did not become healthy. {tail(logs / f'{sick[0]}.log')}" if sick else ""

    def healthy(self, name: str) -> bool:
        """Whether that part answers its health check now."""
        return self.pid(name) is not None and parts.PARTS[name].healthy(self)

    def wait_healthy(self, seconds: float = 30) -> None:
        """Return once every part is healthy. Raises Refusal."""
        deadline = time.monotonic() + seconds
        while (sick := [name for name in self.pids() if not self.healthy(name)]) or not self.pids():
            if time.monotonic() > deadline:
                raise Refusal(f"Not healthy within {seconds} s: {', '.join(sick) or 'nothing runs'}.")
            time.sleep(0.1)

    def pids(self) -> dict[str, int | None]:
        """The parts and their process ids; None while one is being started again."""
        return dict(self.state.get("parts", {}))

    def pid(self, name: str) -> int | None:
        """The process id of a part."""
        return self.pids().get(name)

    def kill(self, name: str) -> None:
        """kill -9, as a fault would; the supervisor starts it again."""
        pid = self.pid(name)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run manage.py in this instance's environment and capture what it says."""
        command = [python(), str(ROOT / "manage.py"), *arguments]
        return subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)

    def stop(self, seconds: float = 60) -> None:
        """End all parts in order, and wait for it."""
        begun = self._child is not None and self._child.poll() is None
        supervisor = self._child.pid if self._child is not None and begun else self.state.get("supervisor")
        if supervisor is not None:
            processes.send(supervisor, signal.SIGTERM)
            deadline = time.monotonic() + seconds
            while self._file.is_held() or (self._child is not None and self._child.poll() is None):
                if time.monotonic() > deadline:
                    processes.send(supervisor, signal.SIGKILL)
                time.sleep(0.05)
        self._end_leftovers()

    def _end_leftovers(self) -> None:
        """End the parts of a supervisor that was killed: they were told to end, and some may still be at it."""
        sessions = [pid for pid in self._file.last().get("parts", {}).values() if pid]
        processes.end_sessions(sessions, (ROOT, self.var))
        self._file.forget()


def prometheus_names(var: Path, every: str = "15s") -> dict[str, str]:
    """What prometheus.yml is filled with: our processes' files say where they are."""
    found = f"file_sd_configs: [{{files: ['{var}/metrics/*.json'], refresh_interval: 5s}}]"
    return {"rules": str(ROOT / "deploy" / "prometheus" / "rules.yml"), "discovery": found, "every": every}


def _listen(addresses: list[str], port: str, options: str = "") -> str:
    """nginx's listen directives."""
    bracketed = (f"[{address}]" if ":" in address else address for address in addresses)
    return " ".join(f"listen {address}:{port} {options}".rstrip() + ";" for address in bracketed)
