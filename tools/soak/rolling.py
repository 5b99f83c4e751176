"""The application is restarted again and again under load: nobody is refused, nothing is lost, cameras play on."""

import asyncio
import os
import re
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg

from firmware.tests.media import make_film
from ops.errors import Refusal
from ops.instance import Instance
from ops.parts import ALL
from ops.paths import ROOT
from ops.rolling import restart_parts
from tools.soak.flashes import device_of, drained, folders, provisioning, running, steer
from tools.soak.load import Load
from tools.soak.people import Person, make_accounts
from tools.soak.video import Viewer

ROUNDS, APART_S = 3, 10
COLLARS, INTERVAL_S = 20, 0.5
QUICK_MS, SLOW_MS = 50, 4_000  # the motors of the two collars that give treats
FILM = 100
RESULTS = "SELECT result, count(*) FROM devices_treatevent WHERE device_id = ANY(%s::uuid[]) GROUP BY 1"


def run() -> Mapping[str, object]:
    """What was asked, refused and lost, and how long each process was away. Raises Refusal."""
    with Instance(ROOT / "var" / "test" / f"rolling-{os.getpid()}", test=True, webs=2) as instance:
        instance.start(ALL, steps=True, seconds=120)
        place = instance.var / "collars"
        flashes = folders(place, COLLARS)
        facts = _live(instance, place, flashes)
        return {**facts, "samples": drained(instance, flashes)}


def _live(instance: Instance, place: Path, flashes: list[Path]) -> dict[str, object]:
    context = ssl.create_default_context(cafile=str(instance.var / "tls" / "ca.pem"))
    account, url = make_accounts(instance, 1)[0], instance.env["HETRI_URL"]
    film = make_film(instance.var / "film", FILM)
    steer(flashes, interval_s=INTERVAL_S, motor_ms=QUICK_MS, film=str(film))
    steer(flashes[1:2], interval_s=INTERVAL_S, motor_ms=SLOW_MS)
    away: dict[str, float] = {}
    with ExitStack() as opened:
        opened.enter_context(running(provisioning(place, COLLARS, account["email"]), instance.env, flashes))
        devices = [device_of(flash) for flash in flashes]
        viewer = opened.enter_context(_watching(Person(url, context, account, devices), devices[2]))
        load = opened.enter_context(Load(url, context, account, devices[0], devices[1]))
        for _ in range(ROUNDS):
            restart_parts(instance, say=lambda line: _note(away, line))
            time.sleep(APART_S)
    return {**load.facts(), **_settled(instance, devices), **_played(viewer), "away_s": away}


def _note(away: dict[str, float], line: str) -> None:
    """`web2 is back after 4.2 s`: keep the longest."""
    found = re.fullmatch(r"(\w+) is back after ([\d.]+) s", line)
    if found:
        away[found[1]] = max(away.get(found[1], 0.0), float(found[2]))


class Watching:
    """One viewer of one camera, in a thread of its own."""

    def __init__(self, person: Person, device: str) -> None:
        self.person, self.viewer = person, Viewer(person.client, device)
        self.seconds, self.failure = 0.0, ""
        self._over = threading.Event()
        self._live = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        """Returns once there is a picture. Raises Refusal."""
        self._thread.start()
        while not self._live.wait(0.1):
            if not self._thread.is_alive():
                raise Refusal(f"No picture: {self.failure}")

    def end(self) -> None:
        """Stop watching."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._watch())
        except Exception as error:
            self.failure = repr(error)

    async def _watch(self) -> None:
        await self.person.sign_in()
        await self.viewer.first()
        self._live.set()
        watching, begun = asyncio.create_task(self.viewer.watch(3_600)), time.monotonic()
        await asyncio.to_thread(self._over.wait)
        self.seconds = time.monotonic() - begun
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await self.person.client.aclose()


@contextmanager
def _watching(person: Person, device: str) -> Iterator[Watching]:
    watching = Watching(person, device)
    watching.start()
    try:
        yield watching
    finally:
        watching.end()


def _settled(instance: Instance, devices: list[str]) -> dict[str, object]:
    with psycopg.connect(instance.env["DATABASE_URL"]) as connection:
        results: dict[str, int] = dict(connection.execute(RESULTS, (devices,)).fetchall())
    if set(results) != {"dispensed"}:
        raise Refusal(f"Treats: {results}.")
    return {"treats": results["dispensed"]}


def _played(watching: Watching) -> dict[str, object]:
    viewer = watching.viewer
    if watching.failure or viewer.segments < watching.seconds * 0.95:
        raise Refusal(f"{viewer.segments} segments in {watching.seconds:.0f} s. {watching.failure}")
    return {"watched_s": round(watching.seconds), "segments": viewer.segments, "stalls": viewer.stalls}
