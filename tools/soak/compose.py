"""One compose project of the images as they are here, with ports and volumes of its own: Docker's, or podman's."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ops import ports
from ops.errors import Refusal
from ops.paths import ROOT
from tools.soak import tools
from tools.testing import Json

PROJECT = "hetri-try"
BASE = "docker.io/library/debian:bookworm-slim"
PROFILES = ("demo", "metrics")
RESTORE = ("--profile", "restore")
PORTS = ("HETRI_HTTP_PORT", "HETRI_HTTPS_PORT", "HETRI_MQTTS_PORT", "HETRI_RTMPS_PORT")
PODMAN = ("podman", "runc", "buildah", "netavark", "aardvark-dns", "iptables", "debootstrap")
# As a guest may run it: where there is no systemd, and limits are others' to raise. crun of Debian 12 fails there.
PODMAN_CONF = """\
[containers]
default_ulimits=["nofile=20000:20000","nproc=1024:1024"]
[engine]
cgroup_manager="cgroupfs"
runtime="runc"
"""
IMAGES = (
    ("postgres", "deploy/containers/postgres.Dockerfile", ""),
    ("redis", "deploy/containers/redis.Dockerfile", ""),
    ("mosquitto", "deploy/containers/mosquitto.Dockerfile", ""),
    ("nginx", "nginx/Dockerfile", ""),
    ("prometheus", "deploy/containers/prometheus.Dockerfile", ""),
    ("certbot", "deploy/containers/certbot.Dockerfile", ""),
    ("app", "deploy/containers/app.Dockerfile", ""),
    ("backup", "deploy/containers/app.Dockerfile", "backup"),
    ("collar", "deploy/containers/app.Dockerfile", "collar"),
)


class Stack:
    """One compose project with ports and volumes of its own."""

    def __init__(self, engine: str, compose: list[str], folder: Path) -> None:
        self._engine, self._compose, self._env_file = engine, compose, folder / "env"
        self._ports = {name: str(ports.reserve()) for name in PORTS}
        self.host = _own_name()
        self.url = f"https://{self.host}:{self._ports['HETRI_HTTPS_PORT']}"
        self.plain = f"http://{self.host}:{self._ports['HETRI_HTTP_PORT']}"
        said = {"HETRI_URL": self.url, "HETRI_BIND": "127.0.0.1", **self._ports}
        changed = "".join(f"{name}={value}\n" for name, value in said.items())
        self._env_file.write_text((ROOT / ".env.example").read_text() + changed)

    @property
    def env(self) -> dict[str, str]:
        """The environment in which a compose command, and a script that calls one, means this project."""
        env = {**os.environ, **self._ports, "HETRI_BIND": "127.0.0.1", "HETRI_IMAGES": PROJECT}
        env |= {"HETRI_ENV_FILE": str(self._env_file), "COMPOSE_PROJECT_NAME": PROJECT}
        return {**env, "PATH": os.pathsep.join([str(tools.FOLDER / "bin"), env["PATH"]])}

    def compose(self, *words: str, given: bytes = b"") -> bytes:
        """What a compose command says to what it is given. Raises Refusal with its last words."""
        profiles = [word for profile in PROFILES for word in ("--profile", profile)]
        command = [*self._compose, *profiles, *words]
        done = subprocess.run(command, cwd=ROOT, env=self.env, input=given, capture_output=True, check=False)
        if done.returncode:
            raise Refusal(f"compose {' '.join(words)} failed: {(done.stdout + done.stderr)[-3000:].decode()}")
        return done.stdout

    def run_script(self, *command: str) -> None:
        """Run a program of the project's own. Raises Refusal with its last words."""
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Refusal(f"{' '.join(command)} failed: {(done.stdout + done.stderr)[-3000:]}")

    def lose_volumes(self, *, but: Iterable[str]) -> None:
        """As if the machine were another one. Raises Refusal while a container has one of them."""
        mine = tools.ask([self._engine, "volume", "ls", "-q", "--filter", f"name={PROJECT}_"]).split()
        tools.ask([self._engine, "volume", "rm", *(set(mine) - {f"{PROJECT}_{name}" for name in but})])

    def is_well(self, service: str) -> bool:
        """What its health check says. podman has systemd ask it regularly, which is not everywhere: it is asked now."""
        if self._engine == "docker":
            return bool(self.inspect(service)["State"]["Health"]["Status"] == "healthy")
        return _works(["podman", "healthcheck", "run", self._container(service)])

    def inspect(self, service: str) -> Json:
        """What the engine tells of a service's container."""
        found: list[Json] = json.loads(tools.ask([self._engine, "inspect", self._container(service)]))
        return found[0]

    def log(self, service: str) -> list[str]:
        """A service's lines so far."""
        command = [self._engine, "logs", self._container(service)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
        return done.stdout.splitlines()

    @property
    def published(self) -> list[int]:
        """The ports at which it is reached."""
        return sorted(int(port) for port in self._ports.values())

    def _container(self, service: str) -> str:
        return f"{PROJECT}_{service}_1" if self._engine == "podman" else f"{PROJECT}-{service}-1"

    def run_in(self, service: str, *command: str) -> str:
        """What a command says inside a service's container."""
        inside = [self._engine, "exec", self._container(service)]
        done = subprocess.run([*inside, *command], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Refusal(f"{' '.join(command)} in {service} failed: {done.stderr[-2000:]}")
        return done.stdout

    def build(self) -> None:
        """Build every image; podman reads no compose build secrets, so it is called itself."""
        if self._engine == "docker":
            self.compose("build")
            return
        for image, file, target in IMAGES:
            wanted = ["--target", target] if target else []
            authority = os.environ.get("PIP_CERT")
            secret = ["--secret", f"id=ca,src={authority}"] if authority else []
            command = ["podman", "build", "--network", "host", "-q", *secret, *wanted]
            command += ["-t", image_name(image), "-f", file, "."]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            if done.returncode:
                raise Refusal(f"{image} cannot be built: {(done.stdout + done.stderr)[-3000:]}")


def _own_name() -> str:
    """A name under which the loopback is reached that is not localhost, where this machine has one."""
    name = socket.gethostname()
    try:
        return name if socket.gethostbyname(name) == "127.0.0.1" else "localhost"
    except OSError:
        return "localhost"


def image_name(image: str) -> str:
    """Of our own: who tries this on a server keeps the images that run there."""
    return f"{PROJECT}-{image}"


def engine() -> tuple[str, list[str]]:
    """The container engine and its compose command. Raises Refusal when there is none that runs."""
    if shutil.which("docker") and _works(["docker", "info"]):
        return "docker", ["docker", "compose"]
    tools.debian(*PODMAN)
    conf = tools.FOLDER / "containers.conf"
    compose = tools.python_tool("podman-compose")
    conf.write_text(PODMAN_CONF)
    os.environ.setdefault("CONTAINERS_CONF", str(conf))
    if not _works(["podman", "info"]):
        raise Refusal("Neither Docker nor podman runs here: `podman info` says why.")
    return "podman", [compose]


def _works(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def ensure_base(engine: str) -> None:
    """The base image: pulled, or where no registry can be reached made by debootstrap."""
    if _works([engine, "image", "inspect", BASE]) or _works([engine, "pull", "-q", BASE]):
        return
    if not shutil.which("debootstrap"):
        raise Refusal(f"{BASE} cannot be pulled, and debootstrap is not there to make it.")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["debootstrap", "--variant=minbase", "bookworm", folder], check=True, capture_output=True)
        packed = subprocess.Popen(["tar", "-C", folder, "-c", "."], stdout=subprocess.PIPE)
        subprocess.run([engine, "import", "-", BASE], stdin=packed.stdout, check=True, capture_output=True)
