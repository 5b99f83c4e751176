"""Runs the collar's own program under MicroPython's unix port."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

RUNNER = Path(__file__).resolve().parent / "collar" / "sim" / "run.py"


def micropython() -> str:
    """The interpreter that requirements-dev.txt installs. Raises FileNotFoundError."""
    beside = Path(sys.executable).parent / "micropython"
    found = str(beside) if beside.exists() else shutil.which("micropython")
    if found is None:
        raise FileNotFoundError("micropython is not installed; see requirements-dev.txt")
    return found


def collar_command(flashes: Sequence[Path]) -> list[str]:
    """The command that runs one collar for each flash folder (with its device.json), all in one process."""
    heap = max(2, len(flashes))  # MB; one collar needs less than 1
    return [micropython(), "-X", f"heapsize={heap}M", str(RUNNER), *map(str, flashes)]
