"""Runs a program beside services of its own: free ports, a folder of its own, gone afterwards."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack

from ops import processes
from ops.instance import Instance
from ops.parts import ALL, SERVICES
from ops.paths import ROOT
from ops.state import StateFile

FOLDER = ROOT / "var" / "test"
ABANDONED_S = 3600
# What is not measured does not run beside it: the machine may have few cores.
BENCHMARKS: dict[tuple[str, ...], tuple[str, ...]] = {
    SERVICES: ("ingest", "ingest_cpu", "history", "admin", "upgrade", "bus"),
    (*SERVICES, "nginx", "web", "ingest"): ("treat", "push", "pages"),
    ALL: ("video",),
}


def with_services(
    act: Callable[[dict[str, str]], int],
    names: Iterable[str] = SERVICES,
    *,
    steps: bool = False,
    quick: bool = False,
) -> int:
    """Start those parts, hand their environment to `act`, and remove everything at its end."""
    return with_lanes(lambda envs: act(envs[0]), 1, names, steps=steps, quick=quick)


def with_lanes(
    act: Callable[[list[dict[str, str]]], int],
    wide: int,
    names: Iterable[str] = SERVICES,
    *,
    steps: bool = False,
    quick: bool = False,
) -> int:
    """The same with a set of them for each of `wide` lanes."""
    _remove_abandoned()
    with ExitStack() as opened:
        folders = [FOLDER / f"{os.getpid()}-{number}" for number in range(wide)]
        lanes = [opened.enter_context(Instance(folder, test=True, quick=quick)) for folder in folders]
        for lane in lanes:
            lane.start(names, steps=steps)
        return act([lane.env for lane in lanes])


def run_beside(command: list[str], env: dict[str, str]) -> int:
    """Run it in the foreground; what it leaves behind is ended. A signal for us is an interrupt for it."""
    processes.adopt_orphans()
    ours = processes.children()
    # The terminal sends Ctrl-C to both of us: the child decides, we wait for it.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    child = subprocess.Popen(command, cwd=ROOT, env=env, preexec_fn=_as_foreground(os.getpid()))  # noqa: PLW1509
    try:
        # As an interrupt, since a test run then tidies up; at SIGTERM Python just ends.
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, frame: child.send_signal(signal.SIGINT))
        code = child.wait()
        return code if code >= 0 else 128 - code
    finally:
        processes.end_children(without=ours)
        signal.signal(signal.SIGINT, before)


def _as_foreground(parent: int) -> Callable[[], None]:
    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        processes.end_with_parent(parent, signal.SIGINT)

    return prepare


def _remove_abandoned() -> None:
    """What a run that was killed could not remove."""
    for var in FOLDER.iterdir() if FOLDER.exists() else ():
        old = time.time() - var.stat().st_mtime > ABANDONED_S
        if old and not StateFile(var).is_held():
            shutil.rmtree(Instance(var).run, ignore_errors=True)
            shutil.rmtree(var, ignore_errors=True)
