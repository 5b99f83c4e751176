"""An hour of a small company: 100 collars, 20 sockets, 2 cameras, a treat a second. Nothing may grow or be lost."""

import asyncio
import json
import os
import ssl
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from firmware.tests.media import make_film
from ops.errors import Refusal
from ops.instance import Instance
from ops.parts import ALL
from ops.paths import ROOT
from tools.benchmarks.report import percentile
from tools.soak.flashes import device_of, drained, folders, provisioning, running, steer
from tools.soak.growth import Growth
from tools.soak.meter import Meter
from tools.soak.people import Person, make_accounts
from tools.soak.video import Viewer

MINUTES = 60.0
OWNERS, COLLARS_EACH, SOCKETS_EACH, STREAMS = 5, 20, 4, 2
INTERVAL_S, TREAT_EVERY_S, MOTOR_MS = 1, 1.0, 50
LOOK_S, DISK_S = 10, 20
WARM_S, LAST_PUSHES_S = 10, 1
PLAYED = 0.95  # of a stream's time, in segments of 1 s
FILM = 100  # pictures
GROWTH_MB_H = 5.0  # the most that a program's own memory may grow
JUDGED_FROM_MIN = 30.0  # before that a slope says nothing: programs still warm up
LEDGER = "SELECT result, count(*) FROM devices_treatevent WHERE device_id = ANY(%s::uuid[]) GROUP BY 1"


@dataclass
class Town:
    """Who lives in it."""

    instance: Instance
    people: list[Person]
    collars: dict[str, list[int]]  # what the meter calls them: their processes


@dataclass
class Report:
    """The figures, and which promises were broken: an hour is too long to end at the first."""

    facts: dict[str, object] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def promise(self, kept: bool, otherwise: str) -> None:
        """Note what is wrong unless it was kept."""
        if not kept:
            self.broken.append(otherwise)


def run(minutes: float = MINUTES) -> Mapping[str, object]:
    """All figures of docs/soak.md. Raises Refusal when something was lost, or grew."""
    report = Report({"minutes": minutes})
    with Instance(ROOT / "var" / "test" / f"hour-{os.getpid()}", test=True, webs=2) as instance:
        instance.start(ALL, steps=True, seconds=120)
        places = [instance.var / "collars" / str(number) for number in range(OWNERS)]
        flashes = [flash for place in places for flash in folders(place, COLLARS_EACH)]
        with _town(instance, places) as town:
            asyncio.run(_live(town, minutes, report))
        try:
            report.facts["samples"] = drained(instance, flashes)
        except Refusal as refused:
            report.broken.append(str(refused))
    if report.broken:
        raise Refusal(f"{' '.join(report.broken)} {json.dumps(report.facts)}")
    return report.facts


@contextmanager
def _town(instance: Instance, places: list[Path]) -> Iterator[Town]:
    """Owners with their collars, all of them online."""
    film = make_film(instance.var / "film", FILM)
    url, context = instance.env["HETRI_URL"], ssl.create_default_context(cafile=str(instance.var / "tls" / "ca.pem"))
    accounts = make_accounts(instance, OWNERS)
    people, pids = [], []
    with ExitStack() as opened:
        for number, (account, place) in enumerate(zip(accounts, places, strict=True)):
            flashes = folders(place, COLLARS_EACH)
            steer(flashes, interval_s=INTERVAL_S, motor_ms=MOTOR_MS)
            if number < STREAMS:  # each of those owners watches their first collar
                steer(flashes[:1], interval_s=INTERVAL_S, motor_ms=MOTOR_MS, film=str(film))
            command = provisioning(place, COLLARS_EACH, account["email"])
            pids.append(opened.enter_context(running(command, instance.env, flashes)))
            people.append(Person(url, context, account, [device_of(flash) for flash in flashes]))
        yield Town(instance, people, {"collars": pids, "clients": [os.getpid()]})


async def _live(town: Town, minutes: float, report: Report) -> None:
    """Let them all live, then ask what became of it."""
    people, seconds = town.people, minutes * 60
    for person in people:
        await person.sign_in()
    viewers = [Viewer(person.client, person.devices[0]) for person in people[:STREAMS]]
    await asyncio.gather(*(viewer.first() for viewer in viewers))
    sockets = [asyncio.create_task(person.listen()) for person in people for _ in range(SOCKETS_EACH)]
    keeping = [asyncio.create_task(person.stay_signed_in()) for person in people]
    await asyncio.sleep(WARM_S)
    meter, growth = Meter(town.instance, town.collars), Growth(town.instance)
    keeping += [asyncio.create_task(meter.run(LOOK_S)), asyncio.create_task(growth.run(DISK_S))]
    await asyncio.gather(_give_treats(people, seconds), *(viewer.watch(seconds) for viewer in viewers))
    meter.look()
    growth.look()
    await asyncio.sleep(LAST_PUSHES_S)
    await _end([*keeping, *sockets], people)
    _see_treats(town, report)
    _see_pushes(people, report)
    _see_pictures(viewers, seconds, report)
    _see_memory(meter, minutes, report)
    report.facts |= growth.facts()


async def _give_treats(people: Sequence[Person], seconds: float) -> None:
    """One each second, to one collar after the other, whether or not the one before was answered."""
    order = [(person, device) for row in range(COLLARS_EACH) for person in people for device in [person.devices[row]]]
    begun, pressed = time.monotonic(), []
    for number in range(int(seconds / TREAT_EVERY_S)):
        await asyncio.sleep(max(0.0, begun + number * TREAT_EVERY_S - time.monotonic()))
        person, device = order[number % len(order)]
        pressed.append(asyncio.create_task(person.give(device)))
    await asyncio.gather(*pressed)


async def _end(tasks: Sequence["asyncio.Task[None]"], people: Sequence[Person]) -> None:
    """Raises what a task has died of."""
    for task in tasks:
        if task.done():
            task.result()
        task.cancel()
    for person in people:
        await person.client.aclose()


def _see_treats(town: Town, report: Report) -> None:
    """Each was dispensed, and the ledger says the same."""
    given = [treat for person in town.people for treat in person.treats]
    answers = Counter(f"{treat.status} {treat.result}" for treat in given)
    with psycopg.connect(town.instance.env["DATABASE_URL"]) as connection:
        devices = [device for person in town.people for device in person.devices]
        ledger: dict[str, int] = dict(connection.execute(LEDGER, (devices,)).fetchall())
    fine = set(answers) == {"200 dispensed"} and ledger == {"dispensed": len(given)}
    report.promise(fine, f"Treats: answers {dict(answers)}, ledger {ledger}.")
    report.facts |= {"treats": len(given), **_spread("treat", [treat.took_ms for treat in given])}


def _see_pushes(people: Sequence[Person], report: Report) -> None:
    """Each socket counted without a gap, was never closed, and was told of each treat of its owner."""
    told = [one for person in people for one in person.told]
    seen = {name: sum(getattr(one, name) for one in told) for name in ("gaps", "reconnects", "resyncs")}
    seen["untold"] = sum(
        len({treat.id for treat in person.treats} - one.settled) for person in people for one in person.told
    )
    report.promise(not any(seen.values()), f"Sockets: {seen}.")
    late = [ms for one in told for ms in one.late_ms]
    pushed = sum(one.messages for one in told)
    report.facts |= {"sockets": len(told), "pushed": pushed, **seen, **_spread("push", late)}


def _see_pictures(viewers: Sequence[Viewer], seconds: float, report: Report) -> None:
    """Each viewer could play on."""
    segments, stalls = [viewer.segments for viewer in viewers], sum(viewer.stalls for viewer in viewers)
    report.promise(min(segments) >= seconds * PLAYED, f"Segments of each viewer in {seconds:.0f} s: {segments}.")
    report.facts |= {"streams": len(viewers), "segments": segments, "stalls": stalls}


def _see_memory(meter: Meter, minutes: float, report: Report) -> None:
    """No program grows, if the time was long enough to say so. We keep all figures, so not of ourselves."""
    growth = {name: slope for name, slope in meter.growth_mb_h().items() if name != "clients"}
    judged = minutes >= JUDGED_FROM_MIN
    grown = {name: slope for name, slope in growth.items() if slope > GROWTH_MB_H}
    report.promise(not (judged and grown), f"Memory grows by more than {GROWTH_MB_H} MB an hour: {grown}.")
    report.facts |= {"cores": meter.cores(), "memory_mb": meter.most_mb()}
    report.facts |= {"growth_mb_h": growth, "growth_judged": judged}


def _spread(name: str, values: Sequence[float]) -> dict[str, object]:
    return {f"{name}_p50_ms": round(percentile(values, 0.5)), f"{name}_p99_ms": round(percentile(values, 0.99))}
