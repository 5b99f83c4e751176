"""What a supervisor tells about itself: a file, believed only while the supervisor holds the lock beside it.

A pid in a file proves nothing after a reboot: the number may be another program's.
"""

import fcntl
import json
import os
import time
from pathlib import Path
from typing import IO, Any

from ops.errors import Refusal

State = dict[str, Any]
LOCK_WAIT_S = 2.0


class StateFile:
    """`supervisor.json` and `supervisor.lock` of a var directory."""

    def __init__(self, var: Path) -> None:
        self.path = var / "supervisor.json"
        self._lock_path = var / "supervisor.lock"
        self._held: IO[str] | None = None

    def hold(self) -> None:
        """Take the lock for the life of this process. Raises Refusal when another supervisor has it."""
        self._held = open(self._lock_path, "a")  # noqa: SIM115  (held until the process ends)
        deadline = time.monotonic() + LOCK_WAIT_S
        while not _try(self._held, fcntl.LOCK_EX):  # a reader has it for an instant
            if time.monotonic() > deadline:
                raise Refusal("It runs already.")
            time.sleep(0.02)

    def is_held(self) -> bool:
        """Whether a supervisor lives."""
        try:
            with open(self._lock_path) as lock:
                return not _try(lock, fcntl.LOCK_SH)
        except FileNotFoundError:
            return False

    def write(self, state: State) -> None:
        """Replace the file as a whole."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps({**state, "supervisor": os.getpid()}))
        fresh.replace(self.path)

    def read(self) -> State:
        """What the living supervisor last wrote; empty without one."""
        return self.last() if self.is_held() else {}

    def last(self) -> State:
        """What was last written, by whomever."""
        try:
            found: State = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return {}
        return found

    def forget(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


def _try(lock: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
