"""The broker's plugin (deploy/mosquitto/collar_rights.c), compiled where it is missing or older than its source."""

import fcntl
import hashlib
import os
import subprocess
from pathlib import Path

from ops.errors import Refusal
from ops.paths import ROOT

SOURCES = ROOT / "deploy" / "mosquitto"
FOLDER = ROOT / "var" / "build"


def ensure() -> Path:
    """Where it lies; its name follows its source, so a running broker keeps what it loaded. Raises Refusal."""
    source = b"".join((SOURCES / name).read_bytes() for name in ("collar_rights.c", "build_plugin.sh"))
    target = FOLDER / f"collar_rights-{hashlib.sha256(source).hexdigest()[:12]}.so"
    if not target.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        with open(FOLDER / "lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not target.exists():
                _compile(target)
    return target


def _compile(target: Path) -> None:
    fresh = target.with_suffix(".new")
    command = [str(SOURCES / "build_plugin.sh"), str(fresh)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refusal(f"The broker's plugin does not compile: {done.stderr[-2000:]}")
    os.replace(fresh, target)
