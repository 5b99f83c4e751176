"""Whether a part still moves. Only silence is a hang: a refusal, an error or a closed line is an answer.

Unlike its health, this does not depend on any other part: nobody is killed because somebody else is away.
"""

import subprocess
import time
from collections.abc import Callable

from deploy.speaks import ANSWER_S, QUESTIONS
from deploy.speaks import speaks as _speaks
from ops.health import Check
from ops.postgres import BIN
from ops.running import Running

TOUCHED_S = 12.0  # a process touches its file each 2 s
NO_RESPONSE = 2  # pg_isready's exit code; 1 is a server that starts, replays its log, or is full
Where = Callable[[Running], str | int]


def speaks(kind: str, where: Where) -> Check:
    """Something comes back to the first words of that protocol (deploy/speaks.py)."""
    return lambda instance: _speaks(QUESTIONS[kind], where(instance), ANSWER_S)


def at_port(setting: str) -> Where:
    """On the loopback."""
    return lambda instance: int(instance.env[setting])


def at_socket(name: str) -> Where:
    """In the folder of sockets."""
    return lambda instance: str(instance.run / name)


def touches(name: str) -> Check:
    """A thread of the process touches its file, whatever the process waits for."""
    return lambda instance: _touched(instance, f"heartbeat/{name}.alive")


def touches_file(path: str) -> Check:
    """The same with a file elsewhere below var."""
    return lambda instance: _touched(instance, path)


def _touched(instance: Running, path: str) -> bool:
    try:  # a clock that jumped is told by the next touch, in whichever direction
        return abs(time.time() - (instance.var / path).stat().st_mtime) < TOUCHED_S
    except OSError:
        return False


def postgres(instance: Running) -> bool:
    """The postmaster takes connections, or says why not: while it replays its log after a crash it is well."""
    command = [str(BIN / "pg_isready"), "-q", "-h", str(instance.run / "pg"), "-t", str(ANSWER_S)]
    try:
        return subprocess.run(command, check=False, timeout=ANSWER_S * 2).returncode != NO_RESPONSE
    except (OSError, subprocess.TimeoutExpired):
        return False
