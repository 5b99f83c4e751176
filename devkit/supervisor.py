"""Keeps parts alive: starts them, starts again what died, ends what a dead one left behind, stops all in order.

`python -m devkit.supervisor PLAN` runs until SIGTERM and writes what it knows to supervisor.json.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devkit.bootstrap import ROOT, python
from devkit.instance import Instance
from devkit.parts import PARTS, SERVICES, Part

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # prctl(2)
BACKOFF_FIRST_S, BACKOFF_MOST_S, WELL_AFTER_S = 0.5, 10.0, 20.0
STOP_WAIT_S, ORPHAN_WAIT_S = 10.0, 2.0
LOG_MOST = 20_000_000
STEPS = (("migrate", "--noinput", "-v", "0"), ("collectstatic", "--noinput", "-v", "0"), ("demo_data",))
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Running:
    """A part and its present process."""

    part: Part
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    next_start: float = 0.0
    backoff: float = BACKOFF_FIRST_S


def _die_with_parent() -> None:
    """In the child: end when the supervisor is gone, so that nothing outlives it."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    """Single-threaded: one loop that reaps, restarts and writes the state."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.var, self.run = Path(plan["var"]), Path(plan["run"])
        self.steps = bool(plan["steps"])
        self.wanted: list[str] = plan["parts"]
        self.running: dict[str, Running] = {}
        self.phase, self.failed = "starting", ""
        self.stopping = False

    def main(self) -> None:
        """Run until told to stop."""
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        try:
            self._begin([name for name in self.wanted if name in SERVICES])
            if self._services_healthy() and self.steps:
                self._run_steps()
            if not self.failed:
                self._begin([name for name in self.wanted if name not in SERVICES])
                self.phase = "running"
            self._write_state()
            while not self.stopping:
                self._tick()
        finally:
            self._stop_all()

    def _on_stop(self, number: int, frame: object) -> None:
        self.stopping = True

    def _begin(self, names: list[str]) -> None:
        for name in names:
            self.running[name] = Running(PARTS[name])
            self._start(name)

    def _services_healthy(self) -> bool:
        """Wait for the services; the others' steps need them."""
        instance = Instance(self.var)
        instance.env = dict(os.environ)
        deadline = time.monotonic() + 60
        while not self.stopping:
            self._tick()
            sick = [name for name in self.running if not instance.healthy(name)]
            if not sick:
                return True
            if time.monotonic() > deadline:
                self.failed = f"{', '.join(sick)} did not become healthy; see {self.var / 'log'}"
                return False
        return False

    def _run_steps(self) -> None:
        for step in STEPS:
            with open(self.var / "log" / "steps.log", "ab") as log:
                command = [python(), str(ROOT / "manage.py"), *step]
                code = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, check=False).returncode
            if code:
                lines = (self.var / "log" / "steps.log").read_text(errors="replace").strip().splitlines()
                self.failed = f"manage.py {step[0]} failed: {lines[-1] if lines else code}"
                return

    def _start(self, name: str) -> None:
        running = self.running[name]
        running.started = time.monotonic()
        try:
            running.part.prepare(self.var, self.run)
            with open(self.var / "log" / f"{name}.log", "ab") as log:
                running.process = subprocess.Popen(
                    running.part.command(self.var, self.run, dict(os.environ)),
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=_die_with_parent,  # noqa: PLW1509  (single-threaded)
                )
            self._say(f"{name} started pid={running.process.pid}")
        except (OSError, subprocess.CalledProcessError) as error:
            running.process = None
            self._say(f"{name} cannot start: {error}")
        self._write_state()

    def _tick(self) -> None:
        """One round: notice the dead, end orphans, start again what is due."""
        for name, running in self.running.items():
            if running.process is not None and running.process.poll() is not None:
                self._note_exit(name, running)
        self._end_orphans()
        for name, running in self.running.items():
            if running.process is None and time.monotonic() >= running.next_start:
                self._start(name)
        self._bound_logs()
        time.sleep(0.1)

    def _note_exit(self, name: str, running: Running) -> None:
        code = running.process.returncode if running.process else None
        if time.monotonic() - running.started > WELL_AFTER_S:
            running.backoff = BACKOFF_FIRST_S
        self._say(f"{name} ended code={code}; starting again in {running.backoff} s")
        running.process = None
        running.next_start = time.monotonic() + running.backoff
        running.backoff = min(running.backoff * 2, BACKOFF_MOST_S)
        self._write_state()

    def _end_orphans(self) -> None:
        """Children of a dead part are ours now (subreaper): let them go by themselves, then end them."""
        deadline = time.monotonic() + ORPHAN_WAIT_S
        while orphans := self._orphans():
            for pid in orphans:
                _signal(pid, signal.SIGKILL if time.monotonic() > deadline else signal.SIGTERM)
            for pid in orphans:
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    continue
            time.sleep(0.05)

    def _orphans(self) -> list[int]:
        mine = {running.process.pid for running in self.running.values() if running.process}
        children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
        return [int(pid) for pid in children if int(pid) not in mine]

    def _bound_logs(self) -> None:
        for log in (self.var / "log").glob("*.log"):
            if log.stat().st_size > LOG_MOST:
                _cut(log)

    def _stop_all(self) -> None:
        """The last started first; who does not end in time is killed."""
        self.phase = "stopping"
        for name, running in reversed(self.running.items()):
            if running.process is None:
                continue
            _signal(running.process.pid, running.part.stop)
            if name in SERVICES:
                self._wait(running.process)
        for running in self.running.values():
            if running.process is not None:
                self._wait(running.process)
                running.process = None
        self._end_orphans()
        (self.var / "supervisor.json").unlink(missing_ok=True)
        self._say("stopped")

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        try:
            process.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _say(self, text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} supervisor {text}", flush=True)

    def _write_state(self) -> None:
        pids = {name: running.process.pid if running.process else None for name, running in self.running.items()}
        state = {"supervisor": os.getpid(), "phase": self.phase, "failed": self.failed, "parts": pids}
        state["env"] = {name: value for name, value in os.environ.items() if name.endswith("_PORT")}
        fresh = self.var / "supervisor.json.new"
        fresh.write_text(json.dumps(state))
        fresh.replace(self.var / "supervisor.json")


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _cut(log: Path) -> None:
    """Keep the newest half of a log that a process holds open (it appends, so it goes on behind the cut)."""
    newest = log.read_bytes()[-LOG_MOST // 2 :]
    with open(log, "r+b") as file:
        file.truncate(0)
        file.write(newest)


if __name__ == "__main__":
    Supervisor(json.loads(sys.argv[1])).main()
