"""Processes as Linux shows them: parents that die, children that are left behind, sessions."""

import ctypes
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # prctl(2)
_libc = ctypes.CDLL(None, use_errno=True)


def adopt_orphans() -> None:
    """Become the parent of what a dead child of ours leaves behind, instead of pid 1."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent(parent: int, number: signal.Signals = signal.SIGTERM) -> None:
    """Get that signal when the parent is gone, even by kill -9."""
    _libc.prctl(PR_SET_PDEATHSIG, int(number))
    if os.getppid() != parent:  # it went before we asked
        os.kill(os.getpid(), number)


def ends_with_us(number: signal.Signals = signal.SIGTERM) -> Callable[[], None]:
    """A preexec_fn: the child gets that signal when this process is gone."""
    parent = os.getpid()
    return lambda: end_with_parent(parent, number)


def children() -> list[int]:
    """The pids of this (single-threaded) process's children, adopted ones too."""
    own = os.getpid()
    return [int(pid) for pid in Path(f"/proc/{own}/task/{own}/children").read_text().split()]


def end_children(without: list[int], patience_s: float = 10.0) -> list[int]:
    """End and reap our other children; kill what does not go. Returns the pids that had to be killed."""
    deadline = time.monotonic() + patience_s
    killed: list[int] = []
    while left := [pid for pid in children() if pid not in without]:
        late = time.monotonic() > deadline
        killed = left if late else killed
        for pid in left:
            send(pid, signal.SIGKILL if late else signal.SIGTERM)
            os.waitpid(pid, os.WNOHANG)
        time.sleep(0.05)
    return killed


def is_stopped(pid: int) -> bool:
    """Whether the kernel says so (SIGSTOP) of the process, or of a child that does the same work: nginx's workers."""
    name = _name_and_state(pid)[0]
    own = [int(child) for child in _read(f"/proc/{pid}/task/{pid}/children").split()]
    seen = [_name_and_state(one) for one in (pid, *own)]
    return any(state == "T" for found, state in seen if found == name)


def _name_and_state(pid: int) -> tuple[str, str]:
    # pid (name) state ...; the name may hold anything
    head, _, tail = _read(f"/proc/{pid}/stat").rpartition(")")
    return head.partition("(")[2], tail[1:2]


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may be gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def session_members(session: int, places: tuple[Path, ...]) -> list[int]:
    """The living processes of a session that work under `places`: a number alone may be somebody else's now."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # pid (name) state ppid pgrp session ...; the name may hold anything, so count from its end
            state, _, _, sid = stat.read_text().rpartition(")")[2].split()[:4]
            if int(sid) != session or state == "Z":
                continue
            folder = stat.parent.joinpath("cwd").readlink()
            if any(folder.is_relative_to(place) for place in places):
                found.append(int(stat.parent.name))
        except OSError:
            continue  # it ended meanwhile, or is another user's
    return found


def end_sessions(sessions: list[int], places: tuple[Path, ...], patience_s: float = 10.0) -> None:
    """Wait for these sessions' processes to end; kill what does not."""
    deadline = time.monotonic() + patience_s
    while left := [pid for session in sessions for pid in session_members(session, places)]:
        late = time.monotonic() > deadline
        for pid in left:
            send(pid, signal.SIGKILL if late else signal.SIGTERM)
        time.sleep(0.1)


def describe_exit(code: int) -> str:
    """`code=1`, or `code=-9 (SIGKILL)`."""
    return f"code={code}" if code >= 0 else f"code={code} ({signal.Signals(-code).name})"
