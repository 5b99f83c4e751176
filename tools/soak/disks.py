"""Disks become full under the broker and under PostgreSQL's log while collars send: nothing is lost, all come back."""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psycopg

from firmware.tests.broker import wait_until
from ops.errors import Refusal
from ops.instance import Instance
from ops.parts import ALL
from ops.paths import ROOT
from tools.soak.flashes import drained, folders, provisioning, running, steer
from tools.soak.people import make_accounts

COLLARS = 5
FULL_S = 20
BROKER_MB, LOG_MB = 8, 160
WELL_S = 60
ANSWER_S = 5.0  # the slowest answer that may be
BALLAST = "ballast"


def run() -> Mapping[str, object]:
    """What people were answered, and how long it took until all were well again. Raises Refusal."""
    with (
        Instance(ROOT / "var" / "test" / f"disks-{os.getpid()}", test=True) as instance,
        _small(instance.var / "mosquitto", BROKER_MB),
    ):
        instance.start(ALL, steps=True, seconds=180)
        instance.stop()
        with _small(instance.var / "postgres" / "pg_wal", LOG_MB):
            instance.start(ALL, seconds=180)
            try:
                return _with_collars(instance)
            finally:
                instance.stop()


def _with_collars(instance: Instance) -> Mapping[str, object]:
    place = instance.var / "collars"
    flashes = folders(place, COLLARS)
    steer(flashes, interval_s=1)
    (owner,) = make_accounts(instance, 1)
    with running(provisioning(place, COLLARS), instance.env, flashes):
        facts: dict[str, object] = {
            "broker": _while_full(instance, owner, "mosquitto", instance.var / "mosquitto"),
            "log": _while_full(instance, owner, "postgres", instance.var / "postgres" / "pg_wal"),
        }
    return {**facts, "samples_each_once": drained(instance, flashes)}


@contextmanager
def _small(folder: Path, mb: int) -> Iterator[None]:
    """The folder on a disk of its own, of that size, with what was in it."""
    aside = folder.with_name(f"{folder.name}.aside")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(folder, aside)
    about = folder.stat()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mb}m", "hetri-soak", str(folder)], check=True)
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, about.st_uid, about.st_gid)
        folder.chmod(about.st_mode & 0o777)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        shutil.rmtree(aside)


def _fill(folder: Path) -> None:
    with (folder / BALLAST).open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(4096))
        except OSError:
            return


def _while_full(instance: Instance, owner: dict[str, str], name: str, folder: Path) -> dict[str, object]:
    """Fill the disk, also over an end of the part; then make room."""
    answers: Counter[str] = Counter()
    slowest = [0.0]
    over = threading.Event()
    asking = threading.Thread(target=_ask, args=(instance, owner, over, answers, slowest))
    asking.start()
    before = instance.pid(name)
    try:
        _fill(folder)
        if name == "mosquitto":
            _save(instance)  # in vain
        else:
            _use_up_log(instance)
        over.wait(FULL_S / 2)
        instance.kill(name)
        over.wait(FULL_S / 2)
        (folder / BALLAST).unlink()
        began = time.monotonic()
        wait_until(lambda: all(instance.healthy(one) for one in instance.pids()), "all well", WELL_S)
        well_s = time.monotonic() - began
        if name == "mosquitto":
            saved = (folder / "mosquitto.db").stat().st_mtime_ns
            _save(instance)
            wait_until(lambda: (folder / "mosquitto.db").stat().st_mtime_ns > saved, "the broker saves", 10)
    finally:
        over.set()
        asking.join()
    if set(answers) - {"healthz 200", "devices 200", "devices 503"} or slowest[0] > ANSWER_S:
        raise Refusal(f"{name}: {dict(answers)}, the slowest answer after {slowest[0]:.1f} s.")
    return {
        "answers": dict(answers),
        "slowest_s": round(slowest[0], 1),
        "replaced": instance.pid(name) != before,
        "all_well_s": round(well_s, 1),
    }


def _save(instance: Instance) -> None:
    """Have the broker write what it keeps (mosquitto(8), SIGUSR1)."""
    pid = instance.pid("mosquitto")
    if pid is None:
        raise Refusal("The broker does not run.")
    os.kill(pid, signal.SIGUSR1)


def _use_up_log(instance: Instance) -> None:
    """Write into PostgreSQL's log until there is no room: it ends then, all of it."""
    with suppress(psycopg.OperationalError), psycopg.connect(instance.env["DATABASE_URL"], autocommit=True) as line:
        while True:
            line.execute("SELECT pg_logical_emit_message(false, 'soak', repeat('x', 1000000))")


def _ask(
    instance: Instance, owner: dict[str, str], over: threading.Event, answers: Counter[str], slowest: list[float]
) -> None:
    trust = instance.env["HETRI_TLS_CA"]
    with httpx.Client(base_url=instance.env["HETRI_URL"], verify=trust, timeout=40) as client:
        client.headers["Authorization"] = f"Bearer {client.post('/auth/login', json=owner).json()['access']}"
        while not over.wait(0.2):
            for path in ("healthz", "devices"):
                began = time.monotonic()
                status = client.get(f"/{path}").status_code
                slowest[0] = max(slowest[0], time.monotonic() - began)
                answers[f"{path} {status}"] += 1
