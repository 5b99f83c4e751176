"""Shows the parts' logs as one stream."""

import sys
import time
from pathlib import Path
from typing import IO

COLOURS = (36, 33, 32, 35, 34, 31)
SKIPPED = {"steps", "access"}


def follow(folder: Path) -> None:
    """Print what is added to each log, with the part's name before it, until interrupted."""
    files = {path.stem: _at_end(path) for path in sorted(folder.glob("*.log")) if path.stem not in SKIPPED}
    width = max(map(len, files), default=0)
    while True:
        quiet = True
        for number, (name, file) in enumerate(files.items()):
            for line in file.readlines():
                quiet = False
                label = f"{name:<{width}} |"
                colour = COLOURS[number % len(COLOURS)]
                print(
                    f"\x1b[{colour}m{label}\x1b[0m {line}" if sys.stdout.isatty() else f"{label} {line}",
                    end="",
                    flush=True,
                )
        if quiet:
            time.sleep(0.2)


def _at_end(path: Path) -> IO[str]:
    file = open(path, errors="replace")  # noqa: SIM115  (followed until the end)
    file.seek(0, 2)
    return file
