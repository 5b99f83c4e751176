"""The parts' logs: shown as one stream, and kept from growing without end."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

COLOURS = (36, 33, 32, 35, 34, 31)
SKIPPED = {"steps", "access"}
LOG_MOST = 20_000_000


@dataclass
class Followed:
    """A log and how far it was shown."""

    path: Path
    position: int
    rest: bytes = b""

    def new_lines(self) -> list[str]:
        """The whole lines that were added since the last call."""
        self.position = min(self.position, self.path.stat().st_size)  # it may have been cut
        with open(self.path, "rb") as file:
            file.seek(self.position)
            added = file.read()
        self.position += len(added)
        *lines, self.rest = (self.rest + added).split(b"\n")
        return [line.decode(errors="replace") for line in lines]


def follow(folder: Path, lives: Callable[[], bool]) -> None:
    """Print what is added to each log, with the part's name before it, for as long as `lives` says so."""
    paths = [path for path in sorted(folder.glob("*.log")) if path.stem not in SKIPPED]
    logs = [Followed(path, path.stat().st_size) for path in paths]
    width = max((len(log.path.stem) for log in logs), default=0)
    while lives():
        for number, log in enumerate(logs):
            for line in log.new_lines():
                print(_label(f"{log.path.stem:<{width}} |", number), line, flush=True)
        time.sleep(0.2)


def _label(text: str, number: int) -> str:
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ:
        return text
    return f"\x1b[{COLOURS[number % len(COLOURS)]}m{text}\x1b[0m"


def tail(path: Path, lines: int = 5) -> str:
    """The end of a log, as part of a message; empty when there is none."""
    try:
        found = path.read_text(errors="replace").splitlines()[-lines:]
    except OSError:
        return ""
    return f"{path} ends with:\n" + "\n".join(found) if found else ""


def cut_long(folder: Path, most: int = LOG_MOST) -> None:
    """Keep the newer half of each log that is too long, in place: who has it open appends behind the cut."""
    for path in folder.glob("*.log"):
        if path.stat().st_size > most:
            with open(path, "r+b") as file:
                file.seek(-(most // 2), os.SEEK_END)
                newer = file.read()
                file.seek(0)
                file.truncate()
                file.write(newer)
