"""Eight cameras with three viewers each, through the whole chain; then how many token checks a core carries."""

import asyncio
import json
import os
import re
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from devkit.bootstrap import ROOT, python
from devkit.errors import Refusal
from devkit.instance import Instance
from devkit.parts import ALL
from devkit.processes import cpu_s
from firmware.tests.broker import wait_until
from firmware.tests.media import make_film

STREAMS, VIEWERS_EACH = 8, 3
WATCH_S = 180
RENEW_S = 60  # a token lives 120 s
AHEAD_S = 2  # of video, before a viewer begins to play
FILM = 100  # pictures
REQUESTS, LINES = 4_000, 4
WITHIN_S = 20


def run() -> Mapping[str, object]:
    """Cores and megabytes of each program, disk, stalls, requests a second and core. Raises Refusal."""
    with Instance(ROOT / "var" / "test" / f"video-{os.getpid()}", test=True) as instance:
        instance.start(ALL, steps=True, seconds=120)
        house = House(instance)
        with _collars(instance, house) as (devices, collars_pid):
            asyncio.run(_warm(house, devices))
            meter = Meter(instance, collars_pid)
            viewers = asyncio.run(_watch(house, devices, meter))
            facts = {**_seen(viewers), **meter.facts()}
            return {**facts, **_requests(instance, house, devices[0])}


class House:
    """The installation as its owner's player reaches it."""

    def __init__(self, instance: Instance) -> None:
        self.demo = json.loads((instance.var / "demo.json").read_text())
        self.context = ssl.create_default_context(cafile=str(instance.var / "tls" / "ca.pem"))
        with httpx.Client(base_url=self.demo["url"], verify=self.context) as anyone:
            self.bearer = anyone.post("/auth/login", json=self.demo["owner"]).json()["access"]

    def client(self) -> httpx.AsyncClient:
        """A signed-in caller of the API and player."""
        headers = {"Authorization": f"Bearer {self.bearer}"}
        return httpx.AsyncClient(base_url=self.demo["url"], verify=self.context, headers=headers, timeout=20)


@contextmanager
def _collars(instance: Instance, house: House) -> Iterator[tuple[list[str], int]]:
    """Ids of the owner's new collars, all of them online, and the process that they share."""
    folder = instance.var / "cameras"
    command = [python(), "manage.py", "simulate_collar", "--count", str(STREAMS), "--dir", str(folder)]
    command += ["--owner", house.demo["owner"]["email"]]
    flashes = [folder / str(number) for number in range(1, STREAMS + 1)]
    film = make_film(instance.var / "film", FILM)
    for flash in flashes:
        flash.mkdir(parents=True)
        (flash / "sim.json").write_text(json.dumps({"film": str(film)}))
    silence = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=ROOT, env=instance.env, stdout=silence, stderr=silence) as fleet:
        try:
            wait_until(lambda: all((flash / "online").exists() for flash in flashes), "all collars online", 60)
            yield [json.loads((flash / "device.json").read_text())["id"] for flash in flashes], fleet.pid
        finally:
            fleet.terminate()


class Viewer:
    """Plays one stream as hls.js does: the playlist each second, each new segment once; counts when nothing is left."""

    def __init__(self, client: httpx.AsyncClient, device: str) -> None:
        self._client, self._device = client, device
        self.stalls, self.stalled_s, self.segments, self.bytes = 0, 0.0, 0, 0
        self._last = -1
        self._held_s = 0.0
        self._played_until = 0.0  # on the monotonic clock; 0 before it begins

    async def watch(self, seconds: float) -> None:
        """Fetch for so long."""
        end, renewed, url = time.monotonic() + seconds, 0.0, ""
        while time.monotonic() < end:
            if time.monotonic() - renewed > RENEW_S:
                url, renewed = await self._url(), time.monotonic()
            begun = time.monotonic()
            await self._fetch(url)
            await asyncio.sleep(max(0.0, 1 - (time.monotonic() - begun)))

    async def first(self) -> None:
        """Until there is a picture."""
        url = await self._url()
        deadline = time.monotonic() + WITHIN_S
        while (await self._client.get(url)).status_code != 200:
            if time.monotonic() > deadline:
                raise Refusal(f"No picture within {WITHIN_S} s.")
            await asyncio.sleep(0.2)

    async def _url(self) -> str:
        answer = await self._client.get(f"/devices/{self._device}/video_url")
        if answer.status_code != 200:
            raise Refusal(f"video_url: {answer.status_code} {answer.text}")
        return str(answer.json()["url"])

    async def _fetch(self, url: str) -> None:
        playlist = await self._client.get(url)
        if playlist.status_code != 200:
            return
        found = re.findall(r"#EXTINF:([\d.]+),(?:\n#[^\n]*)*\n(\d+)\.ts", playlist.text)
        fresh = [(float(length), int(number)) for length, number in found if int(number) > self._last]
        for length, number in fresh[-AHEAD_S:] if self._last < 0 else fresh:
            segment = await self._client.get(url.replace("index.m3u8", f"{number}.ts"))
            if segment.status_code == 200:
                self._take(length, len(segment.content))
            self._last = number

    def _take(self, length: float, size: int) -> None:
        at = time.monotonic()
        self.segments += 1
        self.bytes += size
        if not self._played_until:
            self._held_s += length
            self._played_until = at + self._held_s if self._held_s >= AHEAD_S else 0.0
            return
        if at > self._played_until:
            self.stalls += 1
            self.stalled_s += at - self._played_until
        self._played_until = max(self._played_until, at) + length


async def _warm(house: House, devices: list[str]) -> None:
    """All streams are live."""
    async with house.client() as client:
        await asyncio.gather(*(Viewer(client, device).first() for device in devices))


async def _watch(house: House, devices: list[str], meter: "Meter") -> list[Viewer]:
    viewers = []
    clients = [house.client() for _ in range(VIEWERS_EACH)]
    for client in clients:
        viewers += [Viewer(client, device) for device in devices]
    measured = asyncio.create_task(meter.run())
    await asyncio.gather(*(viewer.watch(WATCH_S) for viewer in viewers))
    measured.cancel()
    meter.end()
    for client in clients:
        await client.aclose()
    return viewers


def _seen(viewers: list[Viewer]) -> dict[str, object]:
    stalled = sum(viewer.stalls for viewer in viewers)
    if min(viewer.segments for viewer in viewers) < WATCH_S * 0.95 or stalled:
        raise Refusal(f"{stalled} stalls; segments of each viewer: {[viewer.segments for viewer in viewers]}")
    rate = sum(viewer.bytes for viewer in viewers) * 8 / WATCH_S / len(viewers) / 1000
    return {"streams": STREAMS, "viewers": len(viewers), "stalls": stalled, "kbit_s_a_viewer": round(rate)}


@dataclass
class Use:
    """What one program took, all its processes together."""

    cpu: dict[int, tuple[float, float]]  # pid: CPU seconds when it was first and last seen
    most_mb: float = 0.0


class Meter:
    """CPU and memory of the programs that carry video, while it runs."""

    def __init__(self, instance: Instance, collars: int) -> None:
        self._instance, self._collars = instance, collars
        self._uses: dict[str, Use] = {}
        self._disk_mb = 0.0
        self._begun = time.monotonic()
        self._span = 0.0

    async def run(self) -> None:
        """Look each second."""
        while True:
            self._look()
            await asyncio.sleep(1)

    def end(self) -> None:
        """The last look."""
        self._look()
        self._span = time.monotonic() - self._begun

    def facts(self) -> dict[str, object]:
        """Cores and MB of each program, and the most that lay on disk."""
        cores = {
            name: round(sum(last - first for first, last in use.cpu.values()) / self._span, 3)
            for name, use in self._uses.items()
        }
        memory = {name: round(use.most_mb) for name, use in self._uses.items()}
        return {"cores": cores, "memory_mb": memory, "disk_mb": round(self._disk_mb, 1)}

    def _look(self) -> None:
        for name, pids in self._programs().items():
            use = self._uses.setdefault(name, Use({}))
            held = 0.0
            for pid in pids:
                try:
                    used, held = cpu_s(pid), held + _memory_mb(pid)
                except (OSError, ValueError):
                    continue  # it has ended
                use.cpu[pid] = (use.cpu.get(pid, (used, used))[0], used)
            use.most_mb = max(use.most_mb, held)
        hls = self._instance.var / "hls"
        self._disk_mb = max(self._disk_mb, sum(_size(path) for path in hls.rglob("*")) / 1e6)

    def _programs(self) -> dict[str, list[int]]:
        parts = {name: pid for name, pid in self._instance.pids().items() if pid}
        found = {name: [pid] for name, pid in parts.items() if name in ("web", "relay", "ingest", "worker")}
        found["nginx"] = _family(parts["nginx"])
        below = {pid: _words(pid) for pid in _family(parts["rtmp"])}
        found["ffmpeg"] = [pid for pid, words in below.items() if "ffmpeg" in words[:1]]
        found["rtmp"] = [pid for pid, words in below.items() if words[:1] != ["ffmpeg"]]
        found["collars"] = [self._collars]
        return found


def _family(pid: int) -> list[int]:
    """A process and all below it."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in _family(int(child)))]


def _words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def _memory_mb(pid: int) -> float:
    """Its own part of the memory: what it shares is divided."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1024


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _requests(instance: Instance, house: House, device: str) -> dict[str, object]:
    """Requests a second that one core of nginx carries: a segment behind its token, and the same bytes as a file."""
    with httpx.Client(base_url=house.demo["url"], verify=house.context) as client:
        client.headers["Authorization"] = f"Bearer {house.bearer}"
        url = client.get(f"/devices/{device}/video_url").json()["url"]
        folder = instance.var / "hls" / url.split("/")[-3] / "current"
        copy = instance.var / "static" / "segment.ts"
        copy.write_bytes(max(folder.glob("*.ts"), key=_size).read_bytes())
        kept = folder.resolve() / "1.ts"  # ffmpeg removes its own only, so this one stays for the run
        kept.write_bytes(copy.read_bytes())
        checked = _a_core(instance, house, url.replace("index.m3u8", "1.ts"))
        plain = _a_core(instance, house, f"{house.demo['url']}/static/segment.ts")
    return {"checked_a_core": round(checked), "plain_a_core": round(plain), "segment_kb": round(_size(copy) / 1000)}


def _a_core(instance: Instance, house: House, url: str) -> float:
    """Requests for each CPU second of nginx, on kept-alive TLS connections. Raises Refusal when one is not 200."""
    nginx = instance.pid("nginx")
    assert nginx is not None
    before = sum(cpu_s(pid) for pid in _family(nginx))
    wrong: list[Any] = []
    lines = [threading.Thread(target=_ask, args=(house, url, wrong)) for _ in range(LINES)]
    for line in lines:
        line.start()
    for line in lines:
        line.join()
    if wrong:
        raise Refusal(f"{url.rsplit('/', 1)[1]}: {wrong[:3]}")
    return REQUESTS / (sum(cpu_s(pid) for pid in _family(nginx)) - before)


def _ask(house: House, url: str, wrong: list[Any]) -> None:
    where = urlsplit(url)
    line = HTTPSConnection(where.hostname or "", where.port, context=house.context, timeout=20)
    for _ in range(REQUESTS // LINES):
        line.request("GET", where.path)
        answer = line.getresponse()
        answer.read()
        if answer.status != 200:
            wrong.append(answer.status)
    line.close()
