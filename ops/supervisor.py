"""Keeps parts alive: starts them, starts again what died, ends what a dead one left behind, stops all in order.

`python -m ops.supervisor PLAN` runs until SIGTERM and tells what it knows in supervisor.json.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops import processes
from ops.errors import Refusal
from ops.instance import Instance
from ops.logs import cut_long
from ops.parts import PARTS, SERVICES, Part
from ops.paths import ROOT, python
from ops.state import StateFile
from ops.watchdog import Patience, Watchdog

BACKOFF_FIRST_S, BACKOFF_MOST_S, WELL_AFTER_S = 0.5, 10.0, 20.0
STOP_WAIT_S, ORPHAN_WAIT_S, SERVICES_WAIT_S, HUNG_WAIT_S = 10.0, 2.0, 60.0, 8.0
TICK_S, LOGS_EVERY_S = 0.1, 10.0
STEPS = (("migrate", "--noinput", "-v", "0"), ("collectstatic", "--noinput", "-v", "0"), ("demo_data",))
Process = subprocess.Popen[bytes]


@dataclass
class Running:
    """A part and its present process."""

    part: Part
    process: Process | None = None
    started: float = 0.0
    next_start: float = 0.0
    backoff: float = BACKOFF_FIRST_S
    exits: int = 0  # in a row, without a healthy while between
    last: str = ""  # what became of the process before
    kill_at: float | None = None  # when it hangs


class Supervisor:
    """Single-threaded: one loop that reaps, restarts and tells."""

    def __init__(self, plan: dict[str, Any], parts: Mapping[str, Part] = PARTS) -> None:
        self.var, self.run = Path(plan["var"]), Path(plan["run"])
        self.steps = bool(plan.get("steps"))
        self.tied_to = int(plan.get("tied_to", 0))
        self.wanted: list[str] = plan["parts"]
        self.parts = parts
        self.running: dict[str, Running] = {}
        self.step: Process | None = None
        self.phase = "starting"
        self.failed: tuple[str, str] | None = None  # the reason, and the log that tells more
        self.stopping = False
        self.file = StateFile(self.var)
        self.logs_due = 0.0
        self.watchdog = self._new_watchdog(plan.get("watch"))

    def main(self) -> None:
        """Run until told to stop. Raises Refusal when another supervisor serves this folder."""
        self.file.hold()
        self._tell()
        processes.adopt_orphans()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        if self.tied_to:
            processes.end_with_parent(self.tied_to)
        try:
            if self.watchdog:
                self.watchdog.start()
            self._begin([name for name in self.wanted if name in SERVICES])
            if self._services_healthy() and self._steps_done():
                self._begin([name for name in self.wanted if name not in SERVICES])
                self.phase = "running"
            self._tell()
            while not self.stopping:
                self._tick()
        finally:
            self._stop_all()

    def _on_stop(self, number: int, frame: object) -> None:
        self.stopping = True

    def _instance(self) -> Instance:
        instance = Instance(self.var)
        instance.env = dict(os.environ)
        return instance

    def _new_watchdog(self, patience: dict[str, Any] | None) -> Watchdog | None:
        """None where the plan does not ask for one."""
        return None if patience is None else Watchdog(self._instance(), self.parts, Patience(**patience))

    # --- starting ---------------------------------------------------------------------------------------

    def _begin(self, names: list[str]) -> None:
        for name in names:
            self.running[name] = Running(self.parts[name])
            self._start(name)

    def _services_healthy(self) -> bool:
        """Wait for the services: the steps and the other parts come after them."""
        instance = self._instance()
        sick: list[str] = []

        def all_well() -> bool:
            sick[:] = [name for name in self.running if not instance.healthy(name)]
            return not sick

        if self._tick_until(all_well, SERVICES_WAIT_S):
            return True
        self._fail(f"{', '.join(sick)} did not become healthy", sick[0] if sick else "supervisor")
        return False

    def _steps_done(self) -> bool:
        """Run the one-shot steps, each to its end."""
        for step in STEPS if self.steps else ():
            with open(self.var / "log" / "steps.log", "ab") as log:
                self.step = self._spawn([python(), str(ROOT / "manage.py"), *step], log, signal.SIGTERM)
            if not self._tick_until(lambda: self.step is not None and self.step.poll() is not None):
                return False
            code, self.step = self.step.returncode, None
            if code:
                self._fail(f"manage.py {step[0]} failed, {processes.describe_exit(code)}", "steps")
                return False
        return True

    def _tick_until(self, condition: Callable[[], bool], seconds: float = float("inf")) -> bool:
        """Keep supervising until the condition holds; False when stopped or late."""
        deadline = time.monotonic() + seconds
        while not self.stopping and time.monotonic() < deadline:
            if condition():
                return True
            self._tick()
        return False

    def _fail(self, reason: str, log: str) -> None:
        if not self.stopping:
            self.failed = (reason, log)
            self._say(reason)

    def _spawn(self, command: list[str], log: Any, death_signal: signal.Signals) -> Process:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=processes.ends_with_us(death_signal),  # noqa: PLW1509  (single-threaded)
        )

    def _start(self, name: str) -> None:
        running = self.running[name]
        running.started, running.kill_at = time.monotonic(), None
        try:
            running.part.prepare(self.var, self.run)
            command = running.part.command(self.var, self.run, dict(os.environ))
            with open(self.var / "log" / f"{name}.log", "ab") as log:
                running.process = self._spawn(command, log, running.part.stop)
            self._say(f"{name} started pid={running.process.pid}")
            self._tell()
        except (OSError, subprocess.CalledProcessError, Refusal) as error:
            words = getattr(error, "stderr", None) or ""
            self._later(name, f"cannot start: {error} {words}".strip())

    # --- keeping alive ----------------------------------------------------------------------------------

    def _tick(self) -> None:
        """One round: end what hangs, notice the dead, end orphans, start again what is due."""
        self._end_hung()
        for name, running in self.running.items():
            if running.process is not None and (code := running.process.poll()) is not None:
                running.process = None
                self._later(name, f"ended {processes.describe_exit(code)}")
        self._end_orphans()
        for name, running in self.running.items():
            if running.process is None and time.monotonic() >= running.next_start:
                self._start(name)
        if time.monotonic() > self.logs_due:
            self.logs_due = time.monotonic() + LOGS_EVERY_S
            cut_long(self.var / "log")
        time.sleep(TICK_S)

    def _end_hung(self) -> None:
        """What hangs is told to end in its own way, if it has one, and killed."""
        for hung in self.watchdog.hung() if self.watchdog else ():
            running = self.running.get(hung.part)
            if running is None or running.process is None or running.process.pid != hung.pid:
                continue  # that one is gone
            self._say(f"{hung.part} hangs: {hung.why}; ending pid={hung.pid}")
            for number in running.part.when_hung:
                processes.send(hung.pid, number)
            running.kill_at = time.monotonic() + (HUNG_WAIT_S if running.part.when_hung else 0.0)
        for running in self.running.values():
            if running.process is not None and running.kill_at and time.monotonic() >= running.kill_at:
                running.process.kill()
                running.kill_at = None

    def _later(self, name: str, what: str) -> None:
        """Plan the next start: soon after a healthy while, later with each failure in a row."""
        running = self.running[name]
        if time.monotonic() - running.started > WELL_AFTER_S:
            running.backoff, running.exits = BACKOFF_FIRST_S, 0
        wait, running.backoff = running.backoff, min(running.backoff * 2, BACKOFF_MOST_S)
        running.exits, running.last = running.exits + 1, what
        running.next_start = time.monotonic() + wait
        self._tell()  # before the line in the log: who reads it finds the state true
        self._say(f"{name} {what}; starting again in {wait:g} s")

    def _end_orphans(self) -> None:
        """Children of a dead part are ours now: let them go by themselves, end them, then kill them."""
        known = [self.step, *(running.process for running in self.running.values())]
        pids = [process.pid for process in known if process is not None]
        pids += [self.watchdog.pid] if self.watchdog and self.watchdog.pid else []
        killed = processes.end_children(pids, ORPHAN_WAIT_S)
        if killed:
            self._say(f"killed what a part left behind: {killed}")

    # --- stopping ---------------------------------------------------------------------------------------

    def _stop_all(self) -> None:
        """The last started first, and the services only when nobody uses them any more."""
        self.phase = "stopping"
        if self.watchdog:
            self.watchdog.end()
        self._tell()
        users = [running for name, running in self.running.items() if name not in SERVICES]
        if self.step is not None:
            users.append(Running(Part(lambda *_: [], lambda _: True), process=self.step))
        _end_together(users)
        for name in reversed(SERVICES):
            if name in self.running:
                _end_together([self.running[name]])
        self._end_orphans()
        self.file.forget()
        self._say("stopped")

    # --- telling ----------------------------------------------------------------------------------------

    def _say(self, text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} supervisor {text}", flush=True)

    def _tell(self) -> None:
        """Write what `./dev status` and Instance read."""
        pids = {name: running.process.pid if running.process else None for name, running in self.running.items()}
        trouble = {name: [running.exits, running.last] for name, running in self.running.items() if running.exits}
        ports = {name: value for name, value in os.environ.items() if name.endswith("_PORT")}
        state = {"phase": self.phase, "failed": self.failed, "parts": pids, "trouble": trouble, "env": ports}
        self.file.write(state)


def _end_together(parts: list[Running]) -> None:
    """Ask them all to end, and wait; who does not end in time is killed."""
    alive = [(running.part.stop, running.process) for running in parts if running.process is not None]
    for number, process in alive:
        processes.send(process.pid, number)
    deadline = time.monotonic() + STOP_WAIT_S
    for _, process in alive:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main() -> int:
    """Serve the plan on the command line."""
    try:
        Supervisor(json.loads(sys.argv[1])).main()
    except Refusal as refused:
        print(refused, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
