"""Looks at every part again and again, from a process beside the supervisor, and names those that hang.

A check that hangs itself then stops nobody. A part is named when it was silent for `looks` looks in a row, after it
once was well or had `grace_s` to start; or when the kernel says that it is stopped. What says nothing about a part:
that another one is away (ops/alive.py asks for nothing else), and a look that came late, since then it was the
machine that stood still: a laptop slept, or all cores are busy.
"""

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ops import processes
from ops.instance import Instance
from ops.parts import WEBS, Part

CALM_S = 600.0  # well for so long: what was before is forgotten
OFTEN, RARER_MOST = 2, 16
OUT_AFTER = 2  # silent looks, then nginx asks the other web instances
DEAF_S = 60.0  # a watchdog that says nothing for so long hangs itself


@dataclass(frozen=True)
class Patience:
    """How long one looks before one acts; in seconds."""

    every_s: float = 3.0
    looks: int = 4
    grace_s: float = 120.0

    @property
    def late_s(self) -> float:
        """A look that comes so long after the one before says nothing."""
        return self.every_s * 2 + 6


@dataclass
class Record:
    """What was seen of one process of a part."""

    pid: int
    since: float
    well: bool = False  # at any time
    silent: int = 0  # looks in a row
    well_since: float = 0.0


@dataclass
class Judge:
    """Who hangs, from what is seen. After some `kills` of a part in a row the next ones get rarer: they do not help."""

    patience: Patience
    records: dict[str, Record] = field(default_factory=dict)
    kills: dict[str, int] = field(default_factory=dict)

    def hears(self, name: str, pid: int, moves: bool, stopped: bool, at: float) -> bool:
        """Whether this look makes it a hang; `at` is a monotonic time in seconds."""
        record = self.records.get(name)
        if record is None or record.pid != pid:
            record = self.records[name] = Record(pid, at)
        if moves and not stopped:
            self._well(name, record, at)
            return False
        if not (stopped or record.well or at - record.since > self.patience.grace_s):
            return False
        record.silent += 1
        rarer = min(2 ** max(0, self.kills.get(name, 0) - OFTEN), RARER_MOST)
        if record.silent < self.patience.looks * rarer:
            return False
        record.silent = 0
        self.kills[name] = self.kills.get(name, 0) + 1
        return True

    def _well(self, name: str, record: Record, at: float) -> None:
        record.well_since = record.well_since if record.well and not record.silent else at
        record.well, record.silent = True, 0
        if at - record.well_since > CALM_S:
            self.kills.pop(name, None)

    def silent(self, name: str) -> int:
        """Looks in a row that its process was silent."""
        return self.records[name].silent if name in self.records else 0

    def forget_silence(self) -> None:
        """Begin to count anew."""
        for record in self.records.values():
            record.silent = 0


@dataclass
class Watch:
    """The process beside the supervisor."""

    instance: Instance
    parts: Mapping[str, Part]
    patience: Patience
    marked: set[str] = field(default_factory=set)

    def run(self, tell: Callable[[dict[str, object]], None]) -> None:
        """Look until ended; `tell` gets a line for each round and each part that hangs."""
        judge, before = Judge(self.patience), time.monotonic()
        with ThreadPoolExecutor(len(self.parts) or 1) as pool:
            while True:
                began = time.monotonic()
                if began - before > self.patience.late_s:
                    judge.forget_silence()
                before = began
                pids = {name: pid for name, pid in self.instance.pids().items() if pid and name in self.parts}
                for name, (moves, stopped) in zip(pids, pool.map(self._look, pids.items()), strict=True):
                    if judge.hears(name, pids[name], moves, stopped, began):
                        tell({"part": name, "pid": pids[name], "why": "it is stopped" if stopped else "it is silent"})
                    self._steer(name, judge)
                tell({})
                time.sleep(max(0.0, self.patience.every_s - (time.monotonic() - began)))

    def _look(self, named: tuple[str, int]) -> tuple[bool, bool]:
        name, pid = named
        return self.parts[name].alive(self.instance), processes.is_stopped(pid)

    def _steer(self, name: str, judge: Judge) -> None:
        """Take a silent web instance out of nginx's turn, and put it in again: requests need not wait for the end."""
        if name not in WEBS:
            return
        mark = self.instance.out / name
        if name not in self.marked and judge.silent(name) >= OUT_AFTER:
            mark.touch()
            self.marked.add(name)
        elif name in self.marked and judge.records[name].well and not judge.silent(name):
            mark.unlink(missing_ok=True)
            self.marked.discard(name)


@dataclass
class Hung:
    """A part that hangs, as the supervisor is told."""

    part: str
    pid: int
    why: str


class Watchdog:
    """The supervisor's end: starts the process, hears it, starts it anew when it falls silent itself."""

    def __init__(self, instance: Instance, parts: Mapping[str, Part], patience: Patience) -> None:
        self._watch = Watch(instance, parts, patience)
        self.pid: int | None = None
        self._line, self._rest, self._heard = -1, b"", 0.0

    def start(self) -> None:
        """Fork: the supervisor has one thread, and what it knows of the parts is not to be said on a command line."""
        self._line, write = os.pipe()
        os.set_blocking(self._line, False)
        self._rest, self._heard, parent = b"", time.monotonic(), os.getpid()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _be_watched_over(parent)
            with contextlib.suppress(BaseException):
                self._watch.run(lambda line: _write(write, line))
            os._exit(1)
        os.close(write)

    def hung(self) -> Iterator[Hung]:
        """Parts that hang now. Called often; never waits."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._line, 65_536):
                self._rest, self._heard = self._rest + chunk, time.monotonic()
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            if told := json.loads(line):
                yield Hung(**told)
        if time.monotonic() - self._heard > DEAF_S:
            self.end()
            self.start()

    def end(self) -> None:
        """Kill it: it holds nothing."""
        if self.pid is not None:
            processes.send(self.pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
            os.close(self._line)
            self.pid = None


def _be_watched_over(parent: int) -> None:
    """In the child: nothing of the supervisor's manners, and gone when it is gone."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    processes.end_with_parent(parent, signal.SIGKILL)


def _write(line: int, told: dict[str, object]) -> None:
    os.write(line, json.dumps(told).encode() + b"\n")
