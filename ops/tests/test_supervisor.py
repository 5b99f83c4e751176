import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops import ports
from ops.paths import ROOT
from ops.state import StateFile
from tools.testing import wait_for

Supervise = Callable[..., "Supervised"]
# The parent waits; its child listens, and stays behind when the parent is killed.
LISTENER = "python3 -m http.server --bind 127.0.0.1 {port} & wait"


class Supervised:
    """A running supervisor and what it tells."""

    def __init__(self, var: Path, commands: dict[str, str], watch: dict[str, float] | None = None) -> None:
        self.var, self.file = var, StateFile(var)
        plan = {"var": str(var), "run": str(var), "parts": list(commands), "watch": watch}
        command = [sys.executable, "-m", "ops.tests.supervised", json.dumps(plan), json.dumps(commands)]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        wait_for(lambda: self.file.read().get("phase") == "running")

    @property
    def log_path(self) -> Path:
        return self.var / "log" / "supervisor.log"

    def log(self) -> str:
        return self.log_path.read_text()

    def pid(self, name: str) -> int | None:
        found: int | None = self.file.read()["parts"][name]
        return found


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Supervise]:
    (tmp_path / "log").mkdir()
    started: list[Supervised] = []

    def begin(watch: dict[str, float] | None = None, **commands: str) -> Supervised:
        started.append(Supervised(tmp_path, commands, watch))
        return started[-1]

    yield begin
    for supervised in started:
        supervised.process.terminate()
        supervised.process.wait(15)


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def lives(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_killed_part_is_started_again_and_named(supervise: Supervise) -> None:
    supervised = supervise(one="exec sleep 100", other="exec sleep 100")
    killed, untouched = supervised.pid("one"), supervised.pid("other")
    assert killed
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: supervised.pid("one") not in (None, killed))
    assert supervised.pid("other") == untouched
    assert "one ended code=-9 (SIGKILL); starting again in 0.5 s" in supervised.log()


def test_a_part_that_keeps_dying_is_started_less_and_less_often(supervise: Supervise) -> None:
    supervised = supervise(one="exit 3")
    wait_for(lambda: "starting again in 2 s" in supervised.log())
    waits = [line.rsplit(" ", 2)[1] for line in supervised.log().splitlines() if "one ended code=3" in line]
    assert waits == ["0.5", "1", "2"]
    assert supervised.file.read()["trouble"]["one"] == [3, "ended code=3"]


def test_a_command_that_is_not_there_is_named(supervise: Supervise) -> None:
    supervised = supervise(one="exec /nowhere/at/all")
    wait_for(lambda: "one ended code=127" in supervised.log())


def test_what_a_killed_part_leaves_behind_is_ended_before_the_next_start(supervise: Supervise) -> None:
    port = ports.reserve()
    supervised = supervise(one=LISTENER.format(port=port))
    parent = supervised.pid("one")
    assert parent
    orphan = wait_for(lambda: children_of(parent))[0]
    wait_for(lambda: not ports.is_free(port))
    os.kill(parent, signal.SIGKILL)
    wait_for(lambda: supervised.pid("one") not in (None, parent))
    assert not lives(orphan)
    wait_for(lambda: not ports.is_free(port))  # the new one could bind the same port


def test_nothing_survives_a_killed_supervisor(supervise: Supervise) -> None:
    supervised = supervise(one="exec sleep 100")
    part = supervised.pid("one")
    assert part
    supervised.process.kill()
    wait_for(lambda: not lives(part))
    assert supervised.file.read() == {}  # the file is still there, and not believed
    assert supervised.file.last()["parts"] == {"one": part}


def test_it_stops_all_parts_at_sigterm(supervise: Supervise) -> None:
    supervised = supervise(one="exec sleep 100", other="exec sleep 100")
    parts = [supervised.pid("one"), supervised.pid("other")]
    supervised.process.terminate()
    assert supervised.process.wait(10) == 0
    assert not any(lives(pid) for pid in parts if pid)
    assert not supervised.file.path.exists()


def test_one_folder_has_one_supervisor(supervise: Supervise) -> None:
    first = supervise(one="exec sleep 100")
    plan = {"var": str(first.var), "run": str(first.var), "parts": []}
    second = [sys.executable, "-m", "ops.supervisor", json.dumps(plan)]
    done = subprocess.run(second, cwd=ROOT, capture_output=True, text=True, check=False, timeout=10)
    assert (done.returncode, done.stderr) == (1, "It runs already.\n")
    assert first.pid("one")
