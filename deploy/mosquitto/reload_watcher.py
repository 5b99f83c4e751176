#!/usr/bin/env python3
"""Makes Mosquitto load its password file again when the file changes (SIGHUP).

Runs beside the broker, since who writes the file may live in another container. Changes that come close together
cost one reload: it pauses the broker for some milliseconds. A change while the broker is away waits for it.
"""

import argparse
import os
import signal
import time
from pathlib import Path

LOOK_EVERY_S = 0.03
RELOAD_EVERY_S = 0.1
SIGHUP_BIT = 1 << (signal.SIGHUP - 1)
Stamp = tuple[int, int, int]


def stamp(path: Path) -> Stamp | None:
    """What changes when the file is replaced or written; None while it is missing."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def broker(pid_file: Path) -> int | None:
    """The broker's pid once it listens for SIGHUP; before, the signal would end it, and a stale pid be another's."""
    try:
        pid = int(pid_file.read_text())
        status = Path(f"/proc/{pid}/status").read_text()
    except (OSError, ValueError):
        return None
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    listens = int(facts["SigCgt"], 16) & SIGHUP_BIT
    return pid if facts["Name"] == "mosquitto" and listens else None


def reload(pid_file: Path) -> bool:
    """Send SIGHUP to the broker; False when it is not there."""
    pid = broker(pid_file)
    if pid is None:
        return False
    try:
        os.kill(pid, signal.SIGHUP)
    except ProcessLookupError:
        return False
    return True


def watch(file: Path, pid_file: Path) -> None:
    """Watch until ended."""
    loaded: Stamp | None = None
    due = True  # what changed before we came
    while True:
        now = stamp(file)
        if now is not None and now != loaded:
            loaded, due = now, True
        if due and reload(pid_file):
            due = False
            print("the broker was told to load its passwords again", flush=True)
            time.sleep(RELOAD_EVERY_S)
        time.sleep(LOOK_EVERY_S)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Send Mosquitto a SIGHUP whenever its password file changes.")
    parser.add_argument("--watch", type=Path, required=True, help="the password file")
    parser.add_argument("--pid-file", type=Path, required=True, help="the broker's pid_file")
    options = parser.parse_args()
    watch(options.watch, options.pid_file)


if __name__ == "__main__":
    main()
