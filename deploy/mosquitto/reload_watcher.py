#!/usr/bin/env python3
"""Makes Mosquitto load its password file again when the file changes (SIGHUP).

Runs beside the broker, since who writes the file may live in another container. Changes that come close
together cost one reload: it pauses the broker for some milliseconds.
"""

import argparse
import os
import signal
import time
from pathlib import Path

LOOK_EVERY_S = 0.03
RELOAD_EVERY_S = 0.1


def stamp(path: Path) -> tuple[int, int] | None:
    """What changes when the file is replaced; None while it is missing."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def reload(pid_file: Path) -> bool:
    """Send SIGHUP to the broker. False when it is not there: it will read the file as it starts."""
    try:
        os.kill(int(pid_file.read_text()), signal.SIGHUP)
    except (OSError, ValueError):
        return False
    return True


def main() -> None:
    """Watch until ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--watch", type=Path, required=True)
    parser.add_argument("--pid-file", type=Path, required=True)
    options = parser.parse_args()
    loaded = stamp(options.watch)
    reload(options.pid_file)  # what changed before we came
    while True:
        now = stamp(options.watch)
        if now is not None and now != loaded:
            loaded = now
            print("reload" if reload(options.pid_file) else "broker away", flush=True)
            time.sleep(RELOAD_EVERY_S)
        time.sleep(LOOK_EVERY_S)


if __name__ == "__main__":
    main()
