"""Starts the application anew, process by process, while it goes on answering (docs/operations.md#rolling-restart).

A process is only told to end; the supervisor starts the next one. A web instance is taken out of nginx's turn first.
"""

import fcntl
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ops import processes
from ops.errors import Refusal
from ops.instance import Instance
from ops.parts import PARTS, WEBS

# The web comes last: what it asks of the others is answered by the new ones.
ORDER = ("worker", "beat", "ingest", "relay", "web")
WITHIN_S = 60.0
DRAINS = signal.SIGQUIT  # hetri/web_server.py: finish what is in flight, however long it takes


def restart_parts(instance: Instance, names: Sequence[str] = (), *, say: Callable[[str], None]) -> None:
    """Restart those of ORDER that are named, or all, in that order. Raises Refusal when one does not come back."""
    if unknown := [name for name in names if name not in ORDER]:
        raise Refusal(f"Not a process of the application: {', '.join(unknown)}. There are: {', '.join(ORDER)}.")
    with _alone(instance):
        for name in [name for name in ORDER if not names or name in names]:
            for process in WEBS if name == "web" else (name,):
                if process in instance.pids():
                    begun = time.monotonic()
                    _restart(instance, process)
                    say(f"{process} is back after {time.monotonic() - begun:.1f} s")


def _restart(instance: Instance, name: str) -> None:
    if name not in WEBS:
        _replace(instance, name, PARTS[name].stop)
        return
    mark = instance.out / name
    mark.touch()
    try:
        _replace(instance, name, DRAINS)
    finally:
        mark.unlink(missing_ok=True)


def _replace(instance: Instance, name: str, number: signal.Signals) -> None:
    """Tell the process to end, and wait until another one is healthy. Raises Refusal."""
    before = instance.pid(name)
    if before is not None:
        processes.send(before, number)
    deadline = time.monotonic() + WITHIN_S
    while instance.pid(name) in (None, before) or not instance.healthy(name):
        if time.monotonic() > deadline:
            raise Refusal(f"{name} is not back within {WITHIN_S:.0f} s. See its log.")
        time.sleep(0.1)


@contextmanager
def _alone(instance: Instance) -> Iterator[None]:
    """One restart at a time: two would take out two instances. Raises Refusal."""
    with open(instance.var / "restart.lock", "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Refusal("A restart is under way.") from None
        yield
