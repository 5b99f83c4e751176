"""Keeps the database's log as it is written, and makes a base backup when one is due."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType

import psycopg

from ops.backup.making import age_s
from ops.backup.options import Options, Refused
from ops.backup.place import Stream, new_stream, only_one, streams
from ops.backup.server import Server
from ops.processes import ends_with_us

log = logging.getLogger("backup")
LOOK_EVERY_S = 1.0
RETRY_FIRST_S, RETRY_MOST_S = 1.0, 60.0
TELL_EVERY_S = 60.0
BASE_RETRY_S = 600.0
REPORT_S = 1  # how often the receiver tells the server how far it is
NEAR = 16 * 1024 * 1024  # bytes: one segment


class Keeper:
    """One process for each folder of backups; ended by SIGTERM."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.server = Server(options.url)
        self.stopping = threading.Event()
        self._base: subprocess.Popen[str] | None = None  # the process that makes one
        self._base_due = 0.0
        self._told, self._told_at = "", 0.0

    def run(self) -> None:
        """Keep until told to stop. What fails is tried again; nothing of it holds up the database."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        threading.Thread(target=self._live, daemon=True).start()
        pause = RETRY_FIRST_S
        with only_one(self.options.folder, "keeper"):
            while not self.stopping.is_set():
                began = time.monotonic()
                try:
                    self._keep() if self.options.every_s else self._rest()
                except (Refused, psycopg.Error, OSError) as error:
                    self._tell(str(error).strip())
                    is_away = isinstance(error, psycopg.OperationalError)  # it is used again as soon as it is back
                    lasted = time.monotonic() - began > RETRY_MOST_S
                    pause = RETRY_FIRST_S if is_away or lasted else min(pause * 2, RETRY_MOST_S)
                self.stopping.wait(pause)

    def _live(self) -> None:
        """Show that this process moves, whatever it waits for."""
        while not self.stopping.wait(LOOK_EVERY_S):
            _touch(self.options.var / "heartbeat", "backup.alive")

    def _tell(self, trouble: str) -> None:
        """Log each trouble, and the same again once in TELL_EVERY_S."""
        if trouble != self._told or time.monotonic() - self._told_at > TELL_EVERY_S:
            self._told, self._told_at = trouble, time.monotonic()
            log.warning("backup_interrupted", extra={"error": trouble})

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping.set()

    def _rest(self) -> None:
        """Backups are off: the database keeps nothing for us."""
        self.server.drop_slots()
        log.info("backup_off")
        while not self.stopping.wait(LOOK_EVERY_S):
            _touch(self.options.var / "heartbeat", "backup")

    def _keep(self) -> None:
        """Receive the log until told to stop. Raises Refused, psycopg.Error or OSError when it breaks off."""
        stream = self._stream()
        words = ["--directory", str(stream.wal), "--slot", stream.slot, "--no-loop"]
        command = self.server.command("pg_receivewal", *words, "--status-interval", str(REPORT_S))
        receiver = _start(command, self.server.env, stderr=subprocess.PIPE)
        try:
            while not self.stopping.wait(LOOK_EVERY_S):
                if receiver.poll() is not None:
                    raise Refused(_words(receiver))
                self._look(stream)
        finally:
            for child, number in ((receiver, signal.SIGINT), (self._base, signal.SIGTERM)):
                if child is not None:
                    child.send_signal(number)
                    child.wait()
            self._base = None

    def _stream(self) -> Stream:
        """The newest, if the database still has its slot and so its log has no gap; else a new one."""
        slots, known = self.server.slots(), streams(self.options.folder)
        if known and slots.get(known[-1].slot):
            return known[-1]
        stream = new_stream(self.options.folder)
        self.server.drop_slots()
        self.server.make_slot(stream.slot)
        log.info("backup_stream", extra={"stream": stream.path.name})
        return stream

    def _look(self, stream: Stream) -> None:
        """Tell that the log is here, and have a base backup made when it is time."""
        behind = self.server.behind(stream.slot)
        if behind is not None and behind < NEAR:
            _touch(self.options.told, "log-current")
            _touch(self.options.var / "heartbeat", "backup")
        if self._base is not None and self._base.poll() is not None:
            self._base_due = time.monotonic() + BASE_RETRY_S if self._base.returncode else 0.0
            self._base = None
        due = age_s(self.options) > self.options.every_s or not stream.bases()
        if self._base is None and due and time.monotonic() >= self._base_due:
            self._base = _start(
                [sys.executable, "-m", "ops.backup", "now"], dict(os.environ), stdout=subprocess.DEVNULL
            )


def _start(
    command: list[str], env: dict[str, str], *, stdout: int | None = None, stderr: int | None = None
) -> subprocess.Popen[str]:
    ends = ends_with_us(signal.SIGINT)
    return subprocess.Popen(command, env=env, stdout=stdout, stderr=stderr, text=True, preexec_fn=ends)  # noqa: PLW1509


def _touch(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).touch()


def _words(ended: subprocess.Popen[str]) -> str:
    """The last line that it said."""
    lines = ended.stderr.read().strip().splitlines() if ended.stderr else []
    return lines[-1] if lines else f"ended with {ended.returncode}"
