"""The folder of the backups.

    20261124T230000Z/             a stream: the database's log from there on, without a gap
        wal/                      its segments; the newest, unfinished one ends in .partial
        base-20261124T230001Z/    a base backup: data/, broker/, facts.json

A restore begins with a base and goes on through the log of its stream. Whoever copies the folder may do so at any
time: a base gets its name when it is whole, and a segment loses `.partial` when it is.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ops.backup.options import Refused

STAMP = "%Y%m%dT%H%M%SZ"
SLOT_PREFIX = "hetri_"
_START = re.compile(r"START WAL LOCATION: \S+ \(file (\w{24})\)")


@dataclass(frozen=True, order=True)
class Base:
    """A base backup that is whole and was verified."""

    path: Path

    @property
    def data(self) -> Path:
        """The database's files."""
        return self.path / "data"

    @property
    def wal(self) -> Path:
        """The log that follows it."""
        return self.path.parent / "wal"

    @property
    def facts(self) -> dict[str, str]:
        """`began` and `ended` (ISO, UTC), `bytes`, `seconds`, `secrets`."""
        found: dict[str, str] = json.loads((self.path / "facts.json").read_text())
        return found

    @property
    def ended(self) -> datetime:
        """From then on the database can be had again."""
        return datetime.fromisoformat(self.facts["ended"])

    @property
    def first_segment(self) -> str:
        """The oldest segment of the log that it needs. Raises Refused for one without a label."""
        found = _START.search((self.data / "backup_label").read_text())
        if found is None:
            raise Refused(f"{self.path} does not say where its log begins.")
        return found[1]


@dataclass(frozen=True, order=True)
class Stream:
    """The log since some moment, and the base backups beside it. Its replication slot is named after it."""

    path: Path

    @property
    def wal(self) -> Path:
        """Where the segments are."""
        return self.path / "wal"

    @property
    def slot(self) -> str:
        """The slot that keeps the database's log until it is here. No slot: the log has a gap, or is another's."""
        return SLOT_PREFIX + self.path.name.lower()

    def bases(self) -> list[Base]:
        """Oldest first."""
        return sorted(Base(path) for path in self.path.glob("base-*Z"))

    def newest_log(self) -> datetime | None:
        """When its log was last written to."""
        times = [path.stat().st_mtime for path in self.wal.iterdir()] if self.wal.exists() else []
        return datetime.fromtimestamp(max(times), UTC) if times else None


def streams(folder: Path) -> list[Stream]:
    """Oldest first."""
    return sorted(Stream(path) for path in folder.glob("*Z") if path.is_dir())


def bases(folder: Path) -> list[Base]:
    """Of all streams, oldest first."""
    return sorted((base for stream in streams(folder) for base in stream.bases()), key=lambda base: base.path.name)


def new_stream(folder: Path) -> Stream:
    """An empty one, from now on."""
    stream = Stream(folder / f"{datetime.now(UTC):{STAMP}}")
    stream.wal.mkdir(parents=True, exist_ok=True, mode=0o700)
    return stream


def fingerprint(secrets: Sequence[str]) -> str:
    """Tells whether two installations have the same secrets, and nothing of what they are."""
    return hashlib.sha256("\0".join(secrets).encode()).hexdigest()[:16]


@contextmanager
def only_one(folder: Path, what: str) -> Iterator[None]:
    """Hold the folder's lock of that name. Raises Refused when another process does."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(folder / f"{what}.lock", "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"Another process is at it: {folder / what}.lock is held.") from None
        yield


def size_of(folder: Path) -> int:
    """Bytes of all files below it."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def require_space(folder: Path, needed: int) -> None:
    """Raise Refused when the disk has not that many bytes left."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Refused(f"{folder} has {free // 1_000_000} MB left, {needed // 1_000_000} MB are needed. Make room.")


def flush(folder: Path) -> None:
    """Have the folder's entries on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
