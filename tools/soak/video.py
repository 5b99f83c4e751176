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
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from firmware.tests.broker import wait_until
from firmware.tests.media import make_film
from ops.errors import Refusal
from ops.instance import Instance
from ops.parts import ALL
from ops.paths import ROOT, python
from ops.processes import cpu_s
from tools.soak.meter import Meter, family, size_of

STREAMS, VIEWERS_EACH = 8, 3
WATCH_S = 180
RENEW_S = 60  # a token lives 120 s
AHEAD_S = 2  # of video, before a viewer begins to play
FILM = 100  # pictures
REQUESTS, LINES = 4_000, 4
WITHIN_S = 20
CARRY = ("web", "relay", "ingest", "worker", "nginx", "ffmpeg", "rtmp", "collars")


def run() -> Mapping[str, object]:
    """Cores and megabytes of each program, disk, stalls, requests a second and core. Raises Refusal."""
    with Instance(ROOT / "var" / "test" / f"video-{os.getpid()}", test=True) as instance:
        instance.start(ALL, steps=True, seconds=120)
        house = House(instance)
        with _collars(instance, house) as (devices, collars_pid):
            asyncio.run(_warm(house, devices))
            meter, disk = Meter(instance, {"collars": [collars_pid]}), Disk(instance.var / "hls")
            viewers = asyncio.run(_watch(house, devices, meter, disk))
            facts = {**_seen(viewers), **_carried(meter), "disk_mb": round(disk.most_mb, 1)}
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


async def _watch(house: House, devices: list[str], meter: Meter, disk: "Disk") -> list[Viewer]:
    viewers = []
    clients = [house.client() for _ in range(VIEWERS_EACH)]
    for client in clients:
        viewers += [Viewer(client, device) for device in devices]
    measured = [asyncio.create_task(meter.run(every_s=1)), asyncio.create_task(disk.run())]
    await asyncio.gather(*(viewer.watch(WATCH_S) for viewer in viewers))
    meter.look()
    for task in measured:
        task.cancel()
    for client in clients:
        await client.aclose()
    return viewers


def _seen(viewers: list[Viewer]) -> dict[str, object]:
    stalled = sum(viewer.stalls for viewer in viewers)
    if min(viewer.segments for viewer in viewers) < WATCH_S * 0.95 or stalled:
        raise Refusal(f"{stalled} stalls; segments of each viewer: {[viewer.segments for viewer in viewers]}")
    rate = sum(viewer.bytes for viewer in viewers) * 8 / WATCH_S / len(viewers) / 1000
    return {"streams": STREAMS, "viewers": len(viewers), "stalls": stalled, "kbit_s_a_viewer": round(rate)}


def _carried(meter: Meter) -> dict[str, object]:
    """Cores and MB of the programs that carry video."""
    cores, memory = meter.cores(), meter.most_mb()
    return {"cores": {name: cores[name] for name in CARRY}, "memory_mb": {name: memory[name] for name in CARRY}}


class Disk:
    """The most that the streams took on disk."""

    def __init__(self, hls: Path) -> None:
        self._hls = hls
        self.most_mb = 0.0

    async def run(self) -> None:
        """Look each second, until it is cancelled."""
        while True:
            self.most_mb = max(self.most_mb, sum(size_of(path) for path in self._hls.rglob("*")) / 1e6)
            await asyncio.sleep(1)


def _requests(instance: Instance, house: House, device: str) -> dict[str, object]:
    """Requests a second that one core of nginx carries: a segment behind its token, and the same bytes as a file."""
    with httpx.Client(base_url=house.demo["url"], verify=house.context) as client:
        client.headers["Authorization"] = f"Bearer {house.bearer}"
        url = client.get(f"/devices/{device}/video_url").json()["url"]
        folder = instance.var / "hls" / url.split("/")[-3] / "current"
        copy = instance.var / "static" / "segment.ts"
        copy.write_bytes(max(folder.glob("*.ts"), key=size_of).read_bytes())
        kept = folder.resolve() / "1.ts"  # ffmpeg removes its own only, so this one stays for the run
        kept.write_bytes(copy.read_bytes())
        checked = _a_core(instance, house, url.replace("index.m3u8", "1.ts"))
        plain = _a_core(instance, house, f"{house.demo['url']}/static/segment.ts")
    return {"checked_a_core": round(checked), "plain_a_core": round(plain), "segment_kb": round(size_of(copy) / 1000)}


def _a_core(instance: Instance, house: House, url: str) -> float:
    """Requests for each CPU second of nginx, on kept-alive TLS connections. Raises Refusal when one is not 200."""
    nginx = instance.pid("nginx")
    assert nginx is not None
    before = sum(cpu_s(pid) for pid in family(nginx))
    wrong: list[Any] = []
    lines = [threading.Thread(target=_ask, args=(house, url, wrong)) for _ in range(LINES)]
    for line in lines:
        line.start()
    for line in lines:
        line.join()
    if wrong:
        raise Refusal(f"{url.rsplit('/', 1)[1]}: {wrong[:3]}")
    return REQUESTS / (sum(cpu_s(pid) for pid in family(nginx)) - before)


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
