"""The flash folders of simulated collars: how a soak steers them, sees them online and counts what they made."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from firmware.simulation import collar_command, collar_env, made
from firmware.tests.broker import wait_until
from ops.errors import Refusal
from ops.instance import Instance
from ops.paths import ROOT, python

STORED = "SELECT device_id, boot, seq, ts FROM telemetry_sample WHERE device_id = ANY(%s::uuid[])"


def folders(place: Path, count: int) -> list[Path]:
    """Where `simulate_collar --dir PLACE --count COUNT` lays out the collars' flash."""
    return [place / str(number) for number in range(1, count + 1)]


def provisioning(place: Path, count: int, owner: str | None = None) -> list[str]:
    """The command that provisions so many collars, then becomes their process."""
    command = [python(), "manage.py", "simulate_collar", "--count", str(count), "--dir", str(place)]
    return command + (["--owner", owner] if owner else [])


def steer(flashes: list[Path], **options: Any) -> None:
    """Write each collar's sim.json; what it makes is written down."""
    for flash in flashes:
        flash.mkdir(parents=True, exist_ok=True)
        (flash / "sim.json").write_text(json.dumps({"log": True, **options}))


@contextmanager
def running(command: list[str], env: Mapping[str, str], flashes: list[Path]) -> Iterator[int]:
    """The process of all these collars, once each is online; ended at last as Ctrl-C would."""
    begun = time.time()
    silence = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=silence, stderr=silence) as fleet:
        try:
            wait_until(lambda: all(online_since(flash) > begun for flash in flashes), "all collars online", 120)
            yield fleet.pid
        finally:
            fleet.send_signal(signal.SIGINT)


def drained(instance: Instance, flashes: list[Path]) -> int:
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
    """The id of the collar that lives there."""
    return str(json.loads((flash / "device.json").read_text())["id"])


def online_since(flash: Path) -> float:
    """Seconds since 1970; 0 while it is not connected."""
    try:
        return (flash / "online").stat().st_mtime
    except FileNotFoundError:
        return 0.0
