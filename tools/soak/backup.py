"""An installation backed up while collars send, destroyed and restored; and how long 10 million samples take.

The database is killed under load, its files and the broker's store and passwords are gone. Promised: of what was stored
when the backup had received the log up to there, nothing is missing; collars come back with the passwords they have.
"""

import json
import os
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree

import psycopg

from firmware.tests.broker import wait_until
from ops.errors import Refusal
from ops.instance import Instance
from ops.parts import BACKUP, SERVICES
from ops.paths import ROOT, python
from tools.soak.flashes import device_of, folders, online_since, provisioning, running, steer

COLLARS = 20
WRITE_S = 30
BACK_WITHIN_S = 60
PARTS = (*SERVICES, "ingest", "worker", "beat", BACKUP)
FILL = "import django; django.setup(); from benchmarks.fleet import fill; fill()"
PICTURE = """
import io
from PIL import Image
from accounts.models import User
from pets.models import Pet
from pets.pictures import set_picture
file = io.BytesIO()
Image.effect_noise((800, 800), 90).save(file, "PNG")
pet = Pet.objects.create(owner=User.objects.first(), name="Rex")
set_picture(pet=pet, file=file)
"""
STORED = "SELECT id::text FROM telemetry_sample WHERE device_id = ANY(%s::uuid[])"
PICTURES = "SELECT md5(content) FROM pets_petpicture ORDER BY 1"
RECEIVED = "SELECT bool_or(write_lsn >= %s::pg_lsn) FROM pg_stat_replication WHERE application_name = 'pg_receivewal'"


def run() -> Mapping[str, object]:
    """Seconds of a base backup and of restores, megabytes, samples compared and lost. Raises Refusal."""
    with Instance(ROOT / "var" / "test" / f"backup-{os.getpid()}", test=True) as instance:
        instance.env["HETRI_BACKUP_EVERY_H"] = "24"
        instance.start(PARTS, steps=True, seconds=120)
        if (done := instance.manage("shell", "-c", PICTURE)).returncode:
            raise Refusal(done.stderr[-1000:])
        place = instance.var / "fleet"
        flashes = folders(place, COLLARS)
        steer(flashes, interval_s=1)
        with running(provisioning(place, COLLARS), instance.env, flashes):
            return _live(House(instance, [device_of(flash) for flash in flashes]), flashes)


def run_big() -> Mapping[str, object]:
    """Seconds of a base backup and of a restore with 10 million samples, megabytes. Raises Refusal."""
    with Instance(ROOT / "var" / "test" / f"backup-{os.getpid()}", test=True) as instance:
        instance.start(SERVICES, steps=True, seconds=120)
        _run([python(), "-c", FILL], instance, DJANGO_SETTINGS_MODULE="hetri.settings")
        house = House(instance, [])
        made_s = house.timed("now")
        house.destroy()
        return {"backup_s": made_s, "restore_s": house.timed("restore"), **_sizes(instance)}


class House:
    """The installation as its database tells, and the way to the commands."""

    def __init__(self, instance: Instance, devices: list[str]) -> None:
        self.instance, self.devices = instance, devices

    def samples(self) -> set[str]:
        """The keys of what our collars sent."""
        return {str(row[0]) for row in self._rows(STORED, self.devices)}

    def pictures(self) -> list[str]:
        """What the pets' pictures hash to."""
        return [str(row[0]) for row in self._rows(PICTURES)]

    def received(self) -> bool:
        """Wait until the log as it is now is with the backups."""
        with psycopg.connect(self.instance.env["HETRI_BACKUP_URL"], autocommit=True) as own:
            place = own.execute("SELECT pg_current_wal_lsn()::text").fetchone()
            wait_until(lambda: (own.execute(RECEIVED, place).fetchone() or [False])[0], "the log", 60)
        return True

    def _rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with psycopg.connect(self.instance.env["DATABASE_URL"]) as own:
            return own.execute(query, values).fetchall()

    def timed(self, *words: str) -> float:
        """Seconds that `python -m backup WORDS` takes."""
        began = time.monotonic()
        _run([python(), "-m", "ops.backup", *words], self.instance)
        return round(time.monotonic() - began, 1)

    def destroy(self) -> None:
        """kill -9 under load; files, store and passwords are gone."""
        for part in ("postgres", "mosquitto"):
            self.instance.kill(part)
        self.instance.stop()
        rmtree(self.instance.var / "postgres")
        (self.instance.var / "mosquitto" / "mosquitto.db").unlink(missing_ok=True)
        (self.instance.var / "mosquitto" / "collars.passwd").write_text("")


def _run(command: list[str], instance: Instance, **more: str) -> None:
    done = subprocess.run(command, cwd=ROOT, env={**instance.env, **more}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refusal(f"{' '.join(command[1:3])} failed: {done.stderr[-1000:]}")


def _live(house: House, flashes: list[Path]) -> dict[str, object]:
    instance = house.instance
    made_s = house.timed("now")
    time.sleep(WRITE_S)
    before, pictures = house.samples(), house.pictures()
    house.received()
    at = datetime.now(UTC)
    time.sleep(WRITE_S)
    late = house.samples()
    destroyed = time.time()
    house.destroy()
    restored_s = house.timed("restore")
    instance.start(PARTS, seconds=120)
    if (done := instance.manage("sync_broker")).returncode:
        raise Refusal(done.stderr)
    wait_until(lambda: all(online_since(flash) > destroyed for flash in flashes), "all collars back", BACK_WITHIN_S)
    back_s = round(max(map(online_since, flashes)) - destroyed, 1)
    after = house.samples()
    if before - after or house.pictures() != pictures or not pictures:
        raise Refusal(f"{len(before - after)} of {len(before)} samples are missing; pictures {house.pictures()}.")
    facts = {"backup_s": made_s, "restore_s": restored_s, "collars_back_after_s": back_s, **_sizes(instance)}
    facts |= {"acknowledged_before": len(before), "missing_of_them": 0, "missing_of_later": len(late - after)}
    return {**facts, **_to_a_moment(house, at, before)}


def _sizes(instance: Instance) -> dict[str, object]:
    """Megabytes of the newest base backup that was there when all was destroyed, and of all logs."""
    folder = instance.var / "backups"
    largest = max(json.loads(path.read_text())["bytes"] for path in folder.glob("*/base-*/facts.json"))
    log = sum(path.stat().st_size for path in folder.glob("*/wal/*"))
    return {"base_mb": largest // 1_000_000, "log_mb": log // 1_000_000}


def _to_a_moment(house: House, at: datetime, before: set[str]) -> dict[str, object]:
    """Go back to when nothing had been destroyed; what came later is not there."""
    house.instance.stop()
    seconds = house.timed("restore", "--to", at.isoformat())
    house.instance.start(["postgres"])
    found = house.samples()
    if before - found or len(found) > len(before) + COLLARS * 10:
        raise Refusal(f"At {at:%T} there were {len(before)} samples, restored are {len(found)}.")
    return {"restore_to_moment_s": seconds, "samples_then": len(found)}
