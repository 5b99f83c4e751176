"""200 collars in one process for ten minutes; in the middle the broker is killed. Every sample must be stored once."""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from devkit.bootstrap import ROOT, python
from devkit.errors import Refusal
from devkit.instance import Instance
from devkit.parts import SERVICES
from devkit.processes import cpu_s
from firmware.simulation import collar_command, collar_env, made
from firmware.tests.broker import wait_until

COLLARS = 200
MINUTES = 10
INTERVAL_S = 10
BACK_WITHIN_S = 60
SHARE_A_SECOND = 0.2
STORED = "SELECT device_id, boot, seq, ts FROM telemetry_sample WHERE device_id = ANY(%s::uuid[])"


def run() -> Mapping[str, object]:
    """CPU (share of a core), memory (MB), seconds until all were back, the busiest second's share, samples.

    Raises Refusal if a promise does not hold.
    """
    with Instance(ROOT / "var" / "test" / f"fleet-{os.getpid()}", test=True) as instance:
        instance.start((*SERVICES, "ingest", "worker", "beat"), steps=True)
        folder = instance.var / "fleet"
        flashes = [folder / str(number) for number in range(1, COLLARS + 1)]
        steer(flashes, interval_s=INTERVAL_S)
        # The command provisions them, then becomes their process.
        command = [python(), "manage.py", "simulate_collar", "--count", str(COLLARS), "--dir", str(folder)]
        with running(command, instance.env, flashes) as pid:
            facts = _live(instance, flashes, pid)
        return {**facts, "samples": _drained(instance, flashes)}


def steer(flashes: list[Path], **options: Any) -> None:
    """Write their sim.json."""
    for flash in flashes:
        flash.mkdir(parents=True, exist_ok=True)
        (flash / "sim.json").write_text(json.dumps({"log": True, **options}))


@contextmanager
def running(command: list[str], env: dict[str, str], flashes: list[Path]) -> Iterator[int]:
    """The process of all collars, once each is online; ended at last as Ctrl-C would."""
    begun = time.time()
    silence = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=silence, stderr=silence) as fleet:
        try:
            wait_until(lambda: all(online_since(flash) > begun for flash in flashes), "all collars online", 120)
            yield fleet.pid
        finally:
            fleet.send_signal(signal.SIGINT)


def _live(instance: Instance, flashes: list[Path], pid: int) -> dict[str, object]:
    """Ten minutes with a broker that dies half-way."""
    begun, cpu = time.monotonic(), cpu_s(pid)
    time.sleep(MINUTES * 30)
    share, spread = _restart_broker(instance, flashes)
    time.sleep(max(begun + MINUTES * 60 - time.monotonic(), 0))
    used = (cpu_s(pid) - cpu) / (time.monotonic() - begun)
    facts = {"collars": COLLARS, "cpu": round(used, 3), "memory_mb": _memory_mb(pid)}
    return {**facts, "back_s": spread, "busiest_second": share}


def _restart_broker(instance: Instance, flashes: list[Path]) -> tuple[float, float]:
    """(share of the collars that came back in the busiest second, seconds from the broker's death to the last)."""
    died = time.time()
    instance.kill("mosquitto")
    wait_until(lambda: all(online_since(flash) > died for flash in flashes), "all collars back", BACK_WITHIN_S)
    at = [online_since(flash) for flash in flashes]
    share = max(Counter(int(moment) for moment in at).values()) / COLLARS
    if share > SHARE_A_SECOND or max(at) - died > BACK_WITHIN_S:
        raise Refusal(f"Back after {max(at) - died:.0f} s, {share:.0%} of them in one second.")
    return share, round(max(at) - died, 1)


def _drained(instance: Instance, flashes: list[Path]) -> int:
    """Let the collars send what is left; the number of samples, each made and each stored exactly once."""
    steer(flashes, interval_s=3_600)
    with running(collar_command(flashes), collar_env(), flashes):
        wait_until(lambda: not any(any((flash / "outbox").iterdir()) for flash in flashes), "empty outboxes", 60)
    kept = {(device_of(flash), *one) for flash in flashes for one in made(flash)}
    with psycopg.connect(instance.env["DATABASE_URL"]) as connection:
        rows = connection.execute(STORED, ([device_of(flash) for flash in flashes],)).fetchall()
    stored = [(str(row[0]), row[1], row[2], round(row[3].timestamp() * 1000)) for row in rows]
    if set(stored) != kept or len(stored) != len(kept):
        raise Refusal(f"{len(kept)} samples made, {len(stored)} stored, {len(kept - set(stored))} missing.")
    return len(kept)


def device_of(flash: Path) -> str:
    """The id of the collar with that flash."""
    return str(json.loads((flash / "device.json").read_text())["id"])


def online_since(flash: Path) -> float:
    """Seconds since 1970; 0 while it is not connected."""
    try:
        return (flash / "online").stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _memory_mb(pid: int) -> float:
    """The most that it ever held."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return round(int(line.split()[1]) / 1024, 1)
