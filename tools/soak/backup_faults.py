"""What goes wrong with backups, for real: a server and a keeper that die, a full disk, a slot that is given up."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

from firmware.tests.broker import wait_until
from ops.backup.place import streams
from ops.errors import Refusal
from ops.instance import Instance
from ops.parts import BACKUP
from ops.paths import ROOT, python

DISK_MB, LEFT_MB = 700, 50  # LEFT_MB are too few for a base backup
SLOT_LIMIT_MB = 64  # for real it is 4 GB
WITHIN_S = 150  # the keeper tries again after a minute at most
FRESH_S = 3
Fault = Callable[[], None]


def run() -> Mapping[str, object]:
    """Seconds until all was well again after each fault. Raises Refusal or AssertionError."""
    with Instance(ROOT / "var" / "test" / f"faults-{os.getpid()}", test=True) as instance:
        disk = instance.var / "disk"
        with _small_disk(disk):
            instance.env |= {"HETRI_BACKUP_EVERY_H": "24", "HETRI_BACKUP_DIR": str(disk)}
            instance.start(["postgres", BACKUP], seconds=60)
            keeping = Keeping(instance, disk)
            try:
                return keeping.suffer()
            finally:
                instance.stop()


@contextmanager
def _small_disk(place: Path) -> Iterator[None]:
    """Raises Refusal where nothing may be mounted."""
    place.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=0700", "tmpfs", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refusal(f"A disk of {DISK_MB} MB cannot be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


class Keeping:
    """An installation whose log is received on a small disk."""

    def __init__(self, instance: Instance, disk: Path) -> None:
        self.instance, self.disk = instance, disk
        self._filling = disk / "filling"

    def suffer(self) -> dict[str, object]:
        """One fault after the other; each must be over before the next."""
        wait_until(lambda: self._bases() == 1 and self._is_current(), "the first base backup", WITHIN_S)
        first = self._stream()
        facts: dict[str, object] = {
            "postgres_killed_s": self._over(lambda: self.instance.kill("postgres")),
            "keeper_killed_s": self._over(lambda: self.instance.kill(BACKUP)),
        }
        self._refuses_without_room()
        facts["full_disk_s"] = self._full_disk()
        if self._stream() != first:
            raise Refusal(f"There is a new stream: {self._stream()} after {first}.")
        facts["slot_given_up_s"] = self._slot_given_up()
        if self._stream() == first:
            raise Refusal("The stream goes on although the log has a gap.")
        facts["warned"] = self._other_secrets()
        return facts

    def _over(self, fault: Fault) -> float:
        """Seconds from a fault until what is written then is with the backup."""
        fault()
        return self._well_after()

    def _well_after(self) -> float:
        begun = time.time()
        wait_until(self._write, "the database", WITHIN_S)
        wait_until(lambda: self._told("log-current") > begun and self._is_current(), "the log", WITHIN_S)
        return round(time.time() - begun, 1)

    def _refuses_without_room(self) -> None:
        """A base backup that would fill the disk is not begun."""
        self._fill(LEFT_MB)
        before = self._told("last-success")
        refused = self._backup("now")
        if refused.returncode != 1 or "MB are needed" not in refused.stderr or self._told("last-success") != before:
            raise Refusal(f"Without room: {refused.returncode} {refused.stdout} {refused.stderr}")
        self._filling.unlink()

    def _full_disk(self) -> float:
        """Not a byte is left: the database goes on, and the log comes once there is room."""
        self._fill(0)
        for _ in range(2):  # there may be room for what has begun
            self._write()
        wait_until(lambda: not self._is_current(), "a log that grows old", WITHIN_S)
        self._filling.unlink()
        return self._well_after()

    def _slot_given_up(self) -> float:
        """While nobody can receive, the database keeps the log up to its limit, then lets go and goes on."""
        self._ask(f"ALTER SYSTEM SET max_slot_wal_keep_size = '{SLOT_LIMIT_MB}MB'", "SELECT pg_reload_conf()")
        self._fill(0)
        wait_until(self._is_lost, "a slot that is given up", WITHIN_S)
        bases = self._bases()
        self._filling.unlink()
        took_s = self._well_after()
        wait_until(lambda: self._bases() == bases + 1, "a base of the new stream", WITHIN_S)
        return took_s

    def _is_lost(self) -> bool:
        self._write()
        self._ask("CHECKPOINT")
        return self._ask("SELECT wal_status FROM pg_replication_slots") == "lost"

    def _other_secrets(self) -> bool:
        """It is restored, and says what will not be valid."""
        self.instance.stop()
        done = self._backup("restore", HETRI_SECRET_KEY="another" * 8)
        if done.returncode or "backup_other_secrets" not in done.stderr:
            raise Refusal(f"Other secrets: {done.returncode} {done.stderr}")
        return True

    def _backup(self, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
        command = [python(), "-m", "ops.backup", *words]
        env = {**self.instance.env, **env}
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)

    def _fill(self, left_mb: int) -> None:
        """Leave so much of the disk."""
        free = os.statvfs(self.disk)
        with open(self._filling, "wb") as filling:
            os.posix_fallocate(filling.fileno(), 0, max(1, free.f_bavail * free.f_frsize - left_mb * 1_000_000))

    def _write(self) -> bool:
        """A segment of log, if the database is there."""
        try:
            self._ask("CREATE TABLE IF NOT EXISTS written (at timestamptz)", "INSERT INTO written VALUES (now())")
            self._ask("SELECT pg_switch_wal()")
        except psycopg.OperationalError:
            return False
        return True

    def _ask(self, *queries: str) -> object:
        with psycopg.connect(self.instance.env["HETRI_BACKUP_URL"], autocommit=True) as connection:
            for query in queries:
                cursor = connection.execute(query)
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def _is_current(self) -> bool:
        return time.time() - self._told("log-current") < FRESH_S

    def _told(self, name: str) -> float:
        try:
            return (self.instance.var / "backup" / name).stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def _stream(self) -> str:
        return streams(self.disk)[-1].path.name

    def _bases(self) -> int:
        return sum(len(stream.bases()) for stream in streams(self.disk))
