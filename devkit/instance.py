"""An instance: its folder, ports, secrets and environment, and the supervisor that runs its parts.

instance = Instance(Path("var/test/1"), test=True)
instance.start(SERVICES)               # or ALL; returns when every part is healthy
instance.env, instance.manage("migrate"), instance.pid("web"), instance.kill("web")
instance.wait_healthy(30), instance.stop()
"""

import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from pathlib import Path

from devkit import parts, ports, tls
from devkit.bootstrap import ROOT, python
from devkit.errors import Refusal
from devkit.render import render_file

SECRETS = ("HETRI_SECRET_KEY", "HETRI_CLAIM_KEY", "HETRI_MQTT_PASSWORD")
PUBLIC_PORTS = {"HETRI_HTTPS_PORT": 8443, "HETRI_MQTTS_PORT": 8883, "HETRI_RTMPS_PORT": 1936}
SOCKET_PATH_MOST = 90  # sun_path has 108 bytes, and PostgreSQL's name takes some


class Instance:
    """One set of services with its own data. `test` takes free ports instead of the configured ones."""

    def __init__(self, var: Path, *, test: bool = False) -> None:
        self.var = var.resolve()
        self.test = test
        self.env: dict[str, str] = {}

    # --- what it consists of --------------------------------------------------------------------------

    @property
    def run(self) -> Path:
        """Where sockets lie: in var/run, or a short folder when that path is too long for a socket."""
        inside = self.var / "run"
        if len(str(inside)) <= SOCKET_PATH_MOST:
            return inside
        digest = hashlib.sha256(str(self.var).encode()).hexdigest()[:10]
        return Path(tempfile.gettempdir()) / f"hetri-{os.geteuid()}-{digest}"

    def prepare(self) -> None:
        """Make folders, secrets, certificates and configuration files, and fill `env`."""
        for folder in ("log", "mosquitto", "nginx", "mail", "heartbeat", "beat", "redis"):
            (self.var / folder).mkdir(parents=True, exist_ok=True)
        self.run.mkdir(parents=True, exist_ok=True, mode=0o711)
        tls.ensure(self.var / "tls")
        self.env = {**self._base(), **self._ports(), **self._secrets(), **self._settings()}
        self.env["HETRI_URL"] = f"https://localhost:{self.env['HETRI_HTTPS_PORT']}"
        self._configure()

    def join(self) -> None:
        """Fill `env` for a command beside this instance; what runs keeps its ports and its files."""
        ports_in_use = self.state.get("env")
        if not isinstance(ports_in_use, dict):
            self.prepare()
            return
        self.env = {**self._base(), **self._secrets(), **self._settings()}
        self.env |= {name: str(value) for name, value in ports_in_use.items()}
        self.env["HETRI_URL"] = f"https://localhost:{self.env['HETRI_HTTPS_PORT']}"

    def _base(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HETRI_")}
        path = f"{ROOT / '.venv' / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin:{os.environ.get('PATH', '')}"
        return {**kept, "PATH": path, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}

    def _settings(self) -> dict[str, str]:
        return {
            "DATABASE_URL": f"postgres://hetri@/hetri?host={self.run / 'pg'}",
            "REDIS_URL": f"unix://{self.run / 'redis.sock'}?db=0",
            "HETRI_VAR": str(self.var),
            "HETRI_MQTT_HOST": "127.0.0.1",
            "HETRI_MQTT_USER": "hetri",
            "HETRI_MQTT_PUBLIC_HOST": "localhost",
            "HETRI_MQTT_PASSWORD_FILE": str(self.var / "mosquitto" / "collars.passwd"),
            "HETRI_TLS_CA": str(self.var / "tls" / "ca.pem"),
            "HETRI_STATIC_ROOT": str(self.var / "static"),
            "HETRI_MAIL_DIR": str(self.var / "mail"),
            **({} if self.test else read_env_file(ROOT / ".env")),
            **({"HETRI_TESTING": "1"} if self.test else {}),
        }

    def _ports(self) -> dict[str, str]:
        configured = {} if self.test else {**read_env_file(ROOT / ".env"), **os.environ}
        chosen = {name: int(configured.get(name, default)) for name, default in PUBLIC_PORTS.items()}
        if self.test:
            chosen = {name: ports.reserve() for name in PUBLIC_PORTS}
        chosen["HETRI_MQTT_PORT"] = ports.reserve()
        return {name: str(port) for name, port in chosen.items()}

    def _secrets(self) -> dict[str, str]:
        path = self.var / "secrets.env"
        known = read_env_file(path)
        known |= {name: secrets.token_urlsafe(48) for name in SECRETS if name not in known}
        path.touch(mode=0o600)
        path.write_text("".join(f"{name}={value}\n" for name, value in known.items()))
        return known

    def _configure(self) -> None:
        """Render the configuration files of mosquitto and nginx."""
        as_root = os.geteuid() == 0
        names = {
            "var": str(self.var),
            "run": str(self.run),
            "deploy": str(ROOT / "deploy"),
            "user": "user root" if as_root else "",
            "nginx_user": "user root;" if as_root else "",
            "upstream": f"unix:{self.run / 'web.sock'}",
            **{name.lower(): value for name, value in self.env.items() if name.endswith("_PORT")},
        }
        render_file(ROOT / "deploy" / "mosquitto" / "mosquitto.conf", self.var / "mosquitto" / "mosquitto.conf", names)
        render_file(ROOT / "nginx" / "web.conf", self.var / "nginx" / "web.conf", names)
        server = self.var / "mosquitto" / "server.passwd"
        server.touch(mode=0o600)
        server.write_text(password_line("hetri", self.env["HETRI_MQTT_PASSWORD"]))
        (self.var / "mosquitto" / "collars.passwd").touch(mode=0o640)

    # --- running --------------------------------------------------------------------------------------

    @property
    def state(self) -> dict[str, object]:
        """What the supervisor last wrote: its pid, its phase and the pids of its parts; empty when it is not there."""
        try:
            found: dict[str, object] = json.loads((self.var / "supervisor.json").read_text())
            os.kill(int(str(found["supervisor"])), 0)
        except (OSError, ValueError, KeyError):
            return {}
        return found

    def start(self, names: tuple[str, ...], *, steps: bool = False, seconds: float = 90) -> None:
        """Start the named parts and return once all are healthy. Raises Refusal with the reason."""
        if self.state:
            raise Refusal("It runs already.")
        if not self.test:
            for setting in ("HETRI_HTTPS_PORT", "HETRI_MQTTS_PORT"):
                ports.require_free(int(self.env[setting]), setting)
        plan = {"var": str(self.var), "run": str(self.run), "parts": list(names), "steps": steps}
        command = [sys.executable, "-m", "devkit.supervisor", json.dumps(plan)]
        (self.var / "supervisor.json").unlink(missing_ok=True)
        with open(self.var / "log" / "supervisor.log", "ab") as log:
            self._child = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_started(names, seconds)

    def _wait_started(self, names: tuple[str, ...], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._is_up(names):
            failed = self.state.get("failed")
            if failed or self._child.poll() is not None or time.monotonic() > deadline:
                sick = [name for name in names if not self.healthy(name)]
                reason = str(failed or f"{', '.join(sick)} did not become healthy")
                tail = "" if failed else _tail(self.var / "log" / f"{(sick or ['supervisor'])[0]}.log")
                self.stop()
                raise Refusal(f"{reason}. {tail}".strip())
            time.sleep(0.1)

    def _is_up(self, names: tuple[str, ...]) -> bool:
        return self.state.get("phase") == "running" and all(self.healthy(name) for name in names)

    def healthy(self, name: str) -> bool:
        """Whether that part answers its health check now."""
        return self.pid(name) is not None and parts.PARTS[name].healthy(self)

    def wait_healthy(self, seconds: float = 30) -> None:
        """Return once every part is healthy. Raises Refusal."""
        deadline = time.monotonic() + seconds
        while sick := [name for name in self.pids() if not self.healthy(name)]:
            if time.monotonic() > deadline:
                raise Refusal(f"Not healthy within {seconds} s: {', '.join(sick)}.")
            time.sleep(0.1)

    def pids(self) -> dict[str, int | None]:
        """The parts and their process ids; None while one is being started again."""
        found = self.state.get("parts", {})
        return found if isinstance(found, dict) else {}

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

    def stop(self, seconds: float = 40) -> None:
        """End all parts in order, and wait for it."""
        supervisor = self.state.get("supervisor")
        if supervisor is None:
            return
        os.kill(int(str(supervisor)), signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while self.state and time.monotonic() < deadline:
            if hasattr(self, "_child"):
                self._child.poll()
            time.sleep(0.05)


def read_env_file(path: Path) -> dict[str, str]:
    """NAME=value lines; comments and empty values are left out."""
    if not path.exists():
        return {}
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#") and "=" in line)
    return {name.strip(): value.strip() for name, value in pairs if value.strip()}


def password_line(name: str, password: str) -> str:
    """A line of Mosquitto's password file (`$7$`: PBKDF2-HMAC-SHA512, 12 bytes of salt)."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    return f"{name}:$7$101${b64encode(salt).decode()}${b64encode(digest).decode()}\n"


def _tail(path: Path, lines: int = 5) -> str:
    try:
        return "Its log ends with:\n" + "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
