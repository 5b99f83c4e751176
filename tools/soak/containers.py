"""The stack in containers, as one starts it on a server, tried through its published ports.

Builds the images from nothing, starts them, lets the demo's collar come in from outside, gives a treat, ends all
(`down`), starts again (`up`), and looks whether what was there is there. Then the application is restarted under load
(`deploy/rolling.sh`), and all is lost but the backups and a copy of the secrets: `restore` makes it again.
Uses Docker, or podman with podman-compose.
"""

import contextlib
import json
import re
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from ops.errors import Refusal
from tools.soak import scan, tools
from tools.soak.compose import BASE, IMAGES, RESTORE, Stack, engine, ensure_base, image_name
from tools.soak.load import Load
from tools.testing import Json

OURS = ("web", "web2", "relay", "ingest", "worker", "beat", "backup")
RUNNING = (*OURS, "nginx", "rtmp", "mosquitto", "postgres", "redis", "certbot", "prometheus")
TARGETS = 6  # what Prometheus asks: of OURS all but backup
START_S, SETTLE_S = 300, 60
BACK_S = 150  # a collar that the broker has refused tries again after a minute at most
PROBE = ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "stream=codec_name,width", "-of", "csv=p=0"]
# The copy of the secrets, as docs/operations.md has it.
_TAR = ("run", "--rm", "-T", "--entrypoint", "tar", "prepare", "-C", "/var/lib/hetri")
PACK, UNPACK = (*_TAR, "-cz", "settings", "tls", "certificate", "acme"), (*_TAR, "-xz")
RECEIVED = "SELECT write_lsn >= '{0}' FROM pg_stat_replication WHERE application_name = 'pg_receivewal'"


def run() -> dict[str, object]:
    """Build, start, try, end, start again, restart, destroy, restore. Raises Refusal with what was wrong."""
    tools.debian("nmap")
    name, compose = engine()
    ensure_base(name)
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(name, compose, Path(folder))
        begun = time.monotonic()
        stack.build()
        built_s = time.monotonic() - begun
        with _project(stack):
            return {"engine": name, "build_s": round(built_s, 1), "mb": _megabytes(name), **_try(stack)}


@contextlib.contextmanager
def _project(stack: Stack) -> Iterator[None]:
    """Removed at the end. Raises Refusal for what was not answered as it should be."""
    try:
        yield
    except httpx.HTTPError as error:
        raise Refusal(str(error)) from error
    finally:
        stack.compose("down", "-v")


def _try(stack: Stack) -> dict[str, object]:
    before = scan.open_ports(("conmon", "docker-proxy"))
    facts: dict[str, object] = {"up_s": _up(stack)}
    with _owner(stack) as owner:
        facts |= owner.use()
    facts |= {**_secured(stack, before), **_watched(stack)}
    stack.compose("down")
    facts["up_again_s"] = _up(stack)
    with _owner(stack) as owner_again:
        owner_again.finds(owner)
        owner_again.use()
        facts |= _restarted(stack, owner_again)
        stack.compose("run", "--rm", "backup", "python", "-m", "ops.backup", "now")
        owner_again.use()
        _wait_for_log(stack)
    facts |= _restored(stack, stack.compose(*PACK))
    with _owner(stack) as owner_at_last:
        owner_at_last.finds(owner_again)
        owner_at_last.use()
    return {**facts, "kept": True}


def _up(stack: Stack) -> float:
    """Seconds until it answers."""
    begun = time.monotonic()
    stack.compose("up", "-d", "--no-build")
    ready = f"{stack.url}/readyz"
    _until("an answer from /readyz", lambda: httpx.get(ready, verify=False).status_code == 200, START_S)
    return round(time.monotonic() - begun, 1)


class Owner:
    """The demo's owner, signed in from outside, and what they have seen."""

    def __init__(self, stack: Stack) -> None:
        told = _until("demo.json", lambda: stack.run_in("collar", "cat", "/var/lib/hetri/demo/demo.json"), START_S)
        self.demo: Json = json.loads(told)
        self.device, self.url = self.demo["device"], stack.url
        self.trust = ssl.create_default_context(cadata=stack.run_in("web", "cat", "/var/lib/hetri/settings/roots.pem"))
        self.client = httpx.Client(base_url=stack.url, verify=self.trust, timeout=30)
        self.client.headers["Authorization"] = _until("a sign-in", self._bearer, SETTLE_S)
        self.treat: Json = {}
        self.sample: Json = {}

    def _bearer(self) -> str:
        signed_in = self.client.post("/auth/login", json=self.demo["owner"]).raise_for_status().json()
        return f"Bearer {signed_in['access']}"

    def use(self) -> dict[str, object]:
        """A page, a treat, a sample, the camera. Raises Refusal."""
        page = self.client.get("/account/login").raise_for_status().text
        self.client.get(re.findall(r'href="(/static/css/[^"]+)"', page)[0]).raise_for_status()
        self.treat = _until("a treat is dispensed", self._dispensed, BACK_S)
        self.sample = self._samples("limit=1")[0]
        return {"treat": "dispensed", **self._watch()}

    def finds(self, other: "Owner") -> None:
        """What the other saw is there as it was. Raises Refusal."""
        treat = self.client.get(f"/devices/{self.device}/treats/{other.treat['id']}").raise_for_status().json()
        there = self._samples(f"start={other.sample['ts']}&order=asc&limit=1")
        if treat != other.treat or there != [other.sample]:
            raise Refusal(f"Lost: before {other.treat} and {other.sample}, after {treat} and {there}.")

    def lift_budget(self) -> None:
        """The pet may have any number of treats a day."""
        pet = self.client.get(f"/devices/{self.device}").raise_for_status().json()["pet"]
        self.client.patch(f"/pets/{pet}", json={"treats_per_day": None}).raise_for_status()

    def _dispensed(self) -> Json | None:
        treat: Json = self.client.post(f"/devices/{self.device}/treat").raise_for_status().json()
        return treat if treat["result"] == "dispensed" else None

    def _samples(self, query: str) -> list[Json]:
        answer = self.client.get(f"/devices/{self.device}/telemetry?{query}").raise_for_status()
        found: list[Json] = answer.json()["results"]
        return found

    def _watch(self) -> dict[str, object]:
        """The camera through the published ports, as HLS and as the fast view."""
        begun = time.monotonic()
        url = self.client.get(f"/devices/{self.device}/video_url").raise_for_status().json()["url"]
        _until("the first segment", lambda: self.client.get(url).status_code == 200, 20)
        first_s = time.monotonic() - begun
        seen = set(subprocess.run([*PROBE, url], capture_output=True, text=True, check=False).stdout.split())
        with self.client.stream("GET", url.replace("index.m3u8", "live.mjpeg")) as answer:
            jpeg = b"\xff\xd8" in next(answer.iter_bytes(16_384))
        if seen != {"h264,640"} or not jpeg:
            raise Refusal(f"The picture is {seen!r}, the fast view {'is there' if jpeg else 'is not'}.")
        return {"video": "h264,640", "first_segment_s": round(first_s, 1)}


@contextlib.contextmanager
def _owner(stack: Stack) -> Iterator[Owner]:
    owner = Owner(stack)
    try:
        yield owner
    finally:
        owner.client.close()


def _secured(stack: Stack, before: list[int]) -> dict[str, object]:
    """Who runs what, what can be written, what is reached from outside. Raises Refusal."""
    for service in RUNNING:
        facts = stack.inspect(service)
        user, host = stack.run_in(service, "id", "-u").strip(), facts["HostConfig"]
        limits = [host.get(name) for name in ("Memory", "PidsLimit", "NanoCpus")]
        if user == "0" or not host["ReadonlyRootfs"] or not all(limits):
            raise Refusal(f"{service}: user {user}, read-only {host['ReadonlyRootfs']}, limits {limits}.")
        _until(f"{service} is well", lambda: stack.is_well(service), SETTLE_S)  # noqa: B023
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


def _watched(stack: Stack) -> dict[str, object]:
    """Prometheus reaches each process, and has nothing to complain of. Raises Refusal."""
    _until("Prometheus reaches all", lambda: _asked(stack, "up == 1").count("=>") == TARGETS, SETTLE_S)
    if firing := _asked(stack, 'ALERTS{alertstate="firing"}').strip():
        raise Refusal(f"Alerts: {firing}.")
    return {"targets": TARGETS, "alerts": 0}


def _asked(stack: Stack, query: str) -> str:
    return stack.run_in("prometheus", "promtool", "query", "instant", "http://127.0.0.1:9090", query)


def _restarted(stack: Stack, owner: Owner) -> dict[str, object]:
    """All of the application, one after the other, while people ask. Raises Refusal when one was refused."""
    owner.lift_budget()
    begun = time.monotonic()
    with Load(stack.url, owner.trust, owner.demo["owner"], owner.device) as load:
        stack.run_script("sh", "deploy/rolling.sh")
    return {"rolling_s": round(time.monotonic() - begun, 1), **load.facts()}


def _restored(stack: Stack, secrets: bytes) -> dict[str, object]:
    """All is lost but the backups, the copy of the secrets, and what the collar itself holds."""
    stack.compose("down")
    stack.lose_volumes(but=("backups", "demo"))
    begun = time.monotonic()
    stack.compose(*UNPACK, given=secrets)
    stack.compose(*RESTORE, "run", "--rm", "restore")
    restored_s = round(time.monotonic() - begun, 1)
    return {"restore_s": restored_s, "up_restored_s": _up(stack)}


def _wait_for_log(stack: Stack) -> None:
    """Until the backup has the log as it is now. Raises Refusal."""
    ask = ["psql", "-h", "/tmp", "-U", "postgres", "-d", "postgres", "-Atc"]
    received = RECEIVED.format(stack.run_in("postgres", *ask, "SELECT pg_current_wal_lsn()").strip())
    _until("the log is with the backup", lambda: "t" in stack.run_in("postgres", *ask, received), SETTLE_S)


def _megabytes(engine: str) -> dict[str, int]:
    """The images' sizes, and the base's, which all of them share."""
    names = [BASE, *(image_name(image) for image, _, _ in IMAGES)]
    sizes = tools.ask([engine, "image", "inspect", "--format", "{{.Size}}", *names]).split()
    return {name.rsplit("/", 1)[-1]: int(size) // 1_000_000 for name, size in zip(names, sizes, strict=True)}


def _until(what: str, check: Callable[[], Any], seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(httpx.HTTPError, KeyError, Refusal):
            if found := check():
                return found
        if time.monotonic() > deadline:
            raise Refusal(f"Not within {seconds:.0f} s: {what}.")
        time.sleep(0.5)
