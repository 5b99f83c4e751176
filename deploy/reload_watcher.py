#!/usr/bin/env python3
"""Makes a server load its files again when they change: Mosquitto its passwords and certificate, nginx its certificate.

Runs beside the server, since who writes the files may live in another container. Changes that come close together
cost one reload (SIGHUP). A change while the server is away waits for it. Mosquitto 2.0 forgets a signal that comes
while it loads (src/signals.c: `flag_reload = false` last), so it gets another one afterwards.
"""

import argparse
import os
import signal
import time
from pathlib import Path

LOOK_EVERY_S = 0.03
RELOAD_EVERY_S = 0.1
AGAIN_AFTER_S = 1.0  # a file of 100,000 collars is loaded by then, and a change waits for 4.5 s
ALIVE_EVERY_S = 2.0
SIGHUP_BIT = 1 << (signal.SIGHUP - 1)
Stamp = tuple[int, int, int]


def stamp(path: Path) -> Stamp | None:
    """What changes when the file is replaced or written; None while it is missing."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


class Watch:
    """One server and its files. `program` is its process's name, so that a stale pid file reaches nobody else."""

    def __init__(self, program: str, pid_file: Path, files: list[Path]) -> None:
        self._program, self._pid_file = program, pid_file
        self._loaded: dict[Path, Stamp | None] = dict.fromkeys(files)
        self._due = True  # what changed before we came
        self._not_before = 0.0
        self._again_at: float | None = None

    def look(self) -> None:
        """See what has changed, and tell the server, at most once each RELOAD_EVERY_S."""
        for file, loaded in self._loaded.items():
            if (now := stamp(file)) not in (None, loaded):
                self._loaded[file], self._due = now, True
        moment = time.monotonic()
        if self._due and moment > self._not_before and self.reload():
            self._due, self._not_before, self._again_at = False, moment + RELOAD_EVERY_S, moment + AGAIN_AFTER_S
            print(f"{self._program} was told to load its files again", flush=True)
        elif self._again_at is not None and moment > self._again_at and self.reload():
            self._again_at = None
            print(f"{self._program} was told once more, if it was loading at the last change", flush=True)

    def reload(self) -> bool:
        """Send SIGHUP to the server; False when it is not there."""
        pid = self._server()
        if pid is None:
            return False
        try:
            os.kill(pid, signal.SIGHUP)
        except ProcessLookupError:
            return False
        return True

    def _server(self) -> int | None:
        """Its pid once it listens for SIGHUP; before, the signal would end it, and a stale pid be another's."""
        try:
            pid = int(self._pid_file.read_text())
            status = Path(f"/proc/{pid}/status").read_text()
        except (OSError, ValueError):
            return None
        facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        listens = int(facts["SigCgt"], 16) & SIGHUP_BIT
        return pid if facts["Name"] == self._program and listens else None


def main() -> None:
    """Read the command line, and watch until ended."""
    parser = argparse.ArgumentParser(description="Send a server SIGHUP whenever one of its files changes.")
    words = ("PROGRAM PID_FILE", "FILE")
    parser.add_argument("--tell", nargs="+", action="append", required=True, metavar=words, help="may come again")
    parser.add_argument("--alive", type=Path, help="a file that is touched while this program moves")
    options, due = parser.parse_args(), 0.0
    watches = [
        Watch(program, Path(pid_file), [Path(file) for file in files]) for program, pid_file, *files in options.tell
    ]
    while True:
        if options.alive and time.monotonic() > due:
            options.alive.touch()
            due = time.monotonic() + ALIVE_EVERY_S
        for watch in watches:
            watch.look()
        time.sleep(LOOK_EVERY_S)


if __name__ == "__main__":
    main()
