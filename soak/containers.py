"""The stack in containers, as one starts it on a server, tried through its published ports.

Builds the images from nothing, starts them, lets the demo's collar come in from outside, gives a treat, ends all
(`down`), starts again (`up`), and looks whether what was there is there. Uses Docker, or podman with podman-compose.
"""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from devkit import ports
from devkit.bootstrap import ROOT
from devkit.errors import Refusal
from soak import scan, tools

PROJECT = "hetri-try"
BASE = "docker.io/library/debian:bookworm-slim"
START_S = 300
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
OURS = ("web", "relay", "ingest", "worker", "beat")
RUNNING = (*OURS, "nginx", "rtmp", "mosquitto", "postgres", "redis", "certbot")


class Stack:
    """One compose project with ports and volumes of its own."""

    def __init__(self, engine: str, compose: list[str], folder: Path) -> None:
        self._engine, self._compose, self._env_file = engine, compose, folder / "env"
        self._ports = {name: str(ports.reserve()) for name in PORTS}
        self.url = f"https://localhost:{self._ports['HETRI_HTTPS_PORT']}"
        self.plain = f"http://localhost:{self._ports['HETRI_HTTP_PORT']}"
        said = {"HETRI_URL": self.url, "HETRI_BIND": "127.0.0.1", **self._ports}
        changed = "".join(f"{name}={value}\n" for name, value in said.items())
        self._env_file.write_text((ROOT / ".env.example").read_text() + changed)

    def compose(self, *words: str) -> None:
        """Run a compose command. Raises Refusal with its last words."""
        env = {**os.environ, **self._ports, "HETRI_BIND": "127.0.0.1", "HETRI_IMAGES": PROJECT}
        env["HETRI_ENV_FILE"] = str(self._env_file)
        command = [*self._compose, "-p", PROJECT, "--profile", "demo", *words]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Refusal(f"compose {' '.join(words)} failed: {(done.stderr or done.stdout)[-3000:]}")

    def inspect(self, service: str) -> dict[str, Any]:
        """What the engine tells of a service's container."""
        found: list[dict[str, Any]] = json.loads(tools.ask([self._engine, "inspect", self._container(service)]))
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
            command = [
                "podman",
                "build",
                "--network",
                "host",
                "-q",
                *secret,
                *wanted,
                "-t",
                image_name(image),
                "-f",
                file,
                ".",
            ]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            if done.returncode:
                raise Refusal(f"{image} cannot be built: {(done.stdout + done.stderr)[-3000:]}")


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


def _ensure_base(engine: str) -> None:
    """The base image: pulled, or where no registry can be reached made by debootstrap."""
    if _works([engine, "image", "inspect", BASE]) or _works([engine, "pull", "-q", BASE]):
        return
    if not shutil.which("debootstrap"):
        raise Refusal(f"{BASE} cannot be pulled, and debootstrap is not there to make it.")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["debootstrap", "--variant=minbase", "bookworm", folder], check=True, capture_output=True)
        packed = subprocess.Popen(["tar", "-C", folder, "-c", "."], stdout=subprocess.PIPE)
        subprocess.run([engine, "import", "-", BASE], stdin=packed.stdout, check=True, capture_output=True)


def _until(what: str, check: Callable[[], Any], seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(httpx.HTTPError, KeyError, Refusal):
            if found := check():
                return found
        if time.monotonic() > deadline:
            raise Refusal(f"Not within {seconds:.0f} s: {what}.")
        time.sleep(0.5)


@contextlib.contextmanager
def _project(stack: Stack) -> Iterator[None]:
    try:
        yield
    finally:
        stack.compose("down", "-v")


def _signed_in(stack: Stack, demo: dict[str, Any]) -> httpx.Client:
    """A client with the demo owner's token."""
    client = httpx.Client(base_url=stack.url, verify=False, timeout=30)  # noqa: S501  (its CA lies in a volume)
    signed_in = client.post("/auth/login", json=demo["owner"]).raise_for_status().json()
    client.headers["Authorization"] = f"Bearer {signed_in['access']}"
    return client


def _wait_up(stack: Stack) -> dict[str, Any]:
    ready = f"{stack.url}/readyz"
    _until("an answer from /readyz", lambda: httpx.get(ready, verify=False).status_code == 200, START_S)  # noqa: S501
    told = _until("demo.json", lambda: stack.run_in("collar", "cat", "/var/lib/hetri/demo/demo.json"), START_S)
    demo: dict[str, Any] = json.loads(told)
    return demo


def _collar_lives(client: httpx.Client, device: str) -> bool:
    return bool(client.get(f"/devices/{device}/status").json()["status"] == "online")


def _secured(stack: Stack, before: list[int]) -> dict[str, object]:
    """Who runs what, what can be written, what is reached from outside. Raises Refusal."""
    for service in RUNNING:
        facts = stack.inspect(service)
        user, host = stack.run_in(service, "id", "-u").strip(), facts["HostConfig"]
        limits = [host.get(name) for name in ("Memory", "PidsLimit", "NanoCpus")]
        if user == "0" or not host["ReadonlyRootfs"] or not all(limits):
            raise Refusal(f"{service}: user {user}, read-only {host['ReadonlyRootfs']}, limits {limits}.")
    reached = [port for port in scan.open_ports(("conmon", "docker-proxy")) if port not in before]
    if reached != stack.published:
        raise Refusal(f"Open are {reached}, published {stack.published}.")
    led = httpx.get(stack.plain + "/account/?a=1")
    if (led.status_code, led.headers.get("location")) != (308, f"{stack.url}/account/?a=1"):
        raise Refusal(f"Plain HTTP answers {led.status_code} {led.headers}.")
    return {"root": 0, "read_only": len(RUNNING), "open_ports": len(reached), "log_lines": _spoken(stack)}


def _spoken(stack: Stack) -> dict[str, int]:
    """How many lines our own processes wrote. Raises Refusal when one is no JSON."""
    lines = {service: stack.log(service) for service in OURS}
    for service, spoken in lines.items():
        if strange := [line for line in spoken if line.strip() and not line.startswith("{")]:
            raise Refusal(f"{service} speaks no JSON: {strange[:5]}")
    return {service: len(spoken) for service, spoken in lines.items()}


def _megabytes(engine: str) -> dict[str, int]:
    """The images' sizes, and the base's, which all of them share."""
    names = [BASE, *(image_name(image) for image, _, _ in IMAGES)]
    sizes = tools.ask([engine, "image", "inspect", "--format", "{{.Size}}", *names]).split()
    return {name.rsplit("/", 1)[-1]: int(size) // 1_000_000 for name, size in zip(names, sizes, strict=True)}


def _watch(client: httpx.Client, device: str) -> dict[str, object]:
    """The camera through the published ports, as HLS and as the fast view."""
    begun = time.monotonic()
    url = client.get(f"/devices/{device}/video_url").raise_for_status().json()["url"]
    _until("the first segment", lambda: client.get(url).status_code == 200, 20)
    first_s = time.monotonic() - begun
    probe = [
        "ffprobe",
        "-v",
        "error",
        "-select_streams",
        "v",
        "-show_entries",
        "stream=codec_name,width",
        "-of",
        "csv=p=0",
    ]
    seen = set(subprocess.run([*probe, url], capture_output=True, text=True, check=False).stdout.split())
    with client.stream("GET", url.replace("index.m3u8", "live.mjpeg")) as answer:
        jpeg = b"\xff\xd8" in next(answer.iter_bytes(16_384))
    if seen != {"h264,640"} or not jpeg:
        raise Refusal(f"The picture is {seen!r}, the fast view {'is there' if jpeg else 'is not'}.")
    return {"video": "h264,640", "first_segment_s": round(first_s, 1)}


def _try(stack: Stack) -> dict[str, object]:
    before = scan.open_ports(("conmon", "docker-proxy"))
    begun = time.monotonic()
    stack.compose("up", "-d", "--no-build")
    demo = _wait_up(stack)
    up_s = time.monotonic() - begun
    device = demo["device"]
    with contextlib.closing(_signed_in(stack, demo)) as client:
        _until("the collar is online", lambda: _collar_lives(client, device), 60)
        treat = client.post(f"/devices/{device}/treat", json={}).raise_for_status().json()
        sample = client.get(f"/devices/{device}/telemetry?limit=1").json()["results"][0]
        video = _watch(client, device)
    secured = _secured(stack, before)
    stack.compose("down")
    begun = time.monotonic()
    stack.compose("up", "-d", "--no-build")
    demo = _wait_up(stack)
    again_s = time.monotonic() - begun
    with contextlib.closing(_signed_in(stack, demo)) as client:
        kept = client.get(f"/devices/{device}/treats/{treat['id']}").raise_for_status().json()
        there = client.get(f"/devices/{device}/telemetry?start={sample['ts']}&order=asc&limit=1").json()["results"]
        _until("the collar is online again", lambda: _collar_lives(client, device), 60)
    if treat["result"] != "dispensed" or kept != treat or there != [sample]:
        raise Refusal(f"Something was lost: before {treat} and {sample}, after {kept} and {there}.")
    times = {"up_s": round(up_s, 1), "up_again_s": round(again_s, 1)}
    return {**times, "treat": treat["result"], "kept": True, **video, **secured}


def run() -> dict[str, object]:
    """Build, start, try, end, start again, try. Raises Refusal with what was wrong."""
    tools.debian("nmap")
    name, compose = engine()
    _ensure_base(name)
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(name, compose, Path(folder))
        begun = time.monotonic()
        stack.build()
        built_s = time.monotonic() - begun
        with _project(stack):
            return {"engine": name, "build_s": round(built_s, 1), "mb": _megabytes(name), **_try(stack)}
