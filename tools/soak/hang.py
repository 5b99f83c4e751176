"""Every part is stopped in turn (SIGSTOP): it is replaced, all are well again, and a treat is given.

One that is away kills nobody else.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from ops.errors import Refusal
from ops.instance import Instance
from ops.parts import ALL
from ops.paths import ROOT

REPLACED_S, WELL_S = 30, 90
AWAY_S = 60  # twice what a hang may last
ASK_S = 40  # what a person's browser would wait


def run() -> Mapping[str, object]:
    """Seconds until each was replaced, and until all were well; how long people waited. Raises Refusal."""
    with Instance(ROOT / "var" / "test" / f"hang-{os.getpid()}", test=True, webs=2, watch={}) as instance:
        instance.start(ALL, steps=True, seconds=180)
        facts: dict[str, object] = {"asked": _asked(instance, "web2")}
        hangs = {name: _hang(instance, name) for name in instance.pids()}
        facts["treat"] = _treat(instance)
        return {**facts, "away": _away(instance), "replaced_s": _column(hangs, 0), "all_well_s": _column(hangs, 1)}


def _column(found: Mapping[str, tuple[float, float]], at: int) -> dict[str, float]:
    return {name: round(times[at], 1) for name, times in found.items()}


def _hang(instance: Instance, name: str) -> tuple[float, float]:
    """Stop it; seconds until another has its place, and until every part is well. Raises Refusal."""
    hung, began = instance.pid(name), time.monotonic()
    if hung is None:
        raise Refusal(f"{name} does not run.")
    os.kill(hung, signal.SIGSTOP)
    _until(lambda: instance.pid(name) not in (None, hung), REPLACED_S, f"{name} is replaced")
    replaced = time.monotonic() - began
    instance.wait_healthy(WELL_S)
    print(f"{name}: replaced after {replaced:.1f} s, all well after {time.monotonic() - began:.1f} s", flush=True)
    return replaced, time.monotonic() - began


def _treat(instance: Instance) -> str:
    """What becomes of a treat after all that. Raises Refusal unless it is given."""
    demo = json.loads((instance.var / "demo.json").read_text())
    with httpx.Client(base_url=demo["url"], verify=instance.env["HETRI_TLS_CA"], timeout=ASK_S) as client:
        tokens = client.post("/auth/login", json=demo["owner"]).json()
        client.headers["Authorization"] = f"Bearer {tokens['access']}"
        answer = client.post(f"/devices/{demo['device']}/treat", headers={"Prefer": "wait=20"}).json()
    if answer.get("result") != "dispensed":
        raise Refusal(f"A treat after it: {answer}")
    return str(answer["result"])


def _asked(instance: Instance, name: str) -> dict[str, object]:
    """While one web instance of two hangs, three people go on asking. Raises Refusal."""
    took: list[float] = []
    failed: list[object] = []
    over = threading.Event()

    def ask() -> None:
        trust = instance.env["HETRI_TLS_CA"]
        with httpx.Client(base_url=instance.env["HETRI_URL"], verify=trust, timeout=ASK_S) as client:
            while not over.is_set():
                began = time.monotonic()
                try:
                    status: object = client.get("/account/login").status_code
                except httpx.HTTPError as error:
                    status = type(error).__name__
                took.append(time.monotonic() - began)
                failed.extend([status] if status != 200 else [])

    people = [threading.Thread(target=ask) for _ in range(3)]
    for person in people:
        person.start()
    try:
        _hang(instance, name)
    finally:
        over.set()
        for person in people:
            person.join()
    slow = [seconds for seconds in took if seconds > 2]
    return {
        "requests": len(took),
        "failed": len(failed),
        "slower_than_2_s": len(slow),
        "longest_s": round(max(took), 1),
    }


def _away(instance: Instance) -> dict[str, object]:
    """A service that cannot start for a while: nobody who needs it is taken for hung. Raises Refusal."""
    log = instance.var / "log" / "supervisor.log"
    for name, broken in (("postgres", _bad_setting), ("mosquitto", _bad_broker), ("redis", _no_folder)):
        before, hangs = instance.pids(), log.read_text().count(" hangs: ")
        with broken(instance.var):
            instance.kill(name)
            _stay(AWAY_S)
        instance.wait_healthy(WELL_S)
        changed = [one for one, pid in instance.pids().items() if one != name and pid != before[one]]
        if changed or log.read_text().count(" hangs: ") != hangs:
            raise Refusal(f"While {name} was away, {changed} were replaced.")
        print(f"{name} was away for {AWAY_S} s: the others stayed", flush=True)
    return {"seconds": AWAY_S, "replaced": 0}


@contextmanager
def _bad_setting(var: Path) -> Iterator[None]:
    with _written(var / "postgres" / "postgresql.auto.conf", "nonsense = 1\n"):
        yield


@contextmanager
def _bad_broker(var: Path) -> Iterator[None]:
    with _written(var / "mosquitto" / "mosquitto.conf", "listener nonsense\n"):
        yield


@contextmanager
def _written(path: Path, text: str) -> Iterator[None]:
    before = path.read_text()
    path.write_text(text)
    try:
        yield
    finally:
        path.write_text(before)


@contextmanager
def _no_folder(var: Path) -> Iterator[None]:
    aside = var / "redis.aside"
    (var / "redis").rename(aside)
    try:
        yield
    finally:
        aside.rename(var / "redis")


def _stay(seconds: float) -> None:
    threading.Event().wait(seconds)


def _until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Refusal(f"Not within {seconds:g} s: {what}.")
        time.sleep(0.1)
