"""What counts as a hang, and what becomes of who hangs."""

import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops import alive, parts, processes
from ops.instance import Instance
from ops.parts import SERVICES
from ops.tests.test_supervisor import Supervise, lives, supervise  # noqa: F401
from ops.watchdog import CALM_S, Judge, Patience, Watch
from tools.testing import wait_for

EVERY_S = 3.0
PATIENCE = Patience(every_s=EVERY_S, looks=3, grace_s=60)
QUICK = {"every_s": 0.3, "looks": 3, "grace_s": 60.0}


class Seen:
    """Looks at one part, EVERY_S apart."""

    def __init__(self) -> None:
        self.judge, self.at, self.pid = Judge(PATIENCE), 1_000.0, 7

    def looks(self, moves: str, stopped: bool = False) -> list[bool]:
        """`+` it moved, `-` it was silent; which of them made it a hang."""
        found = []
        for sign in moves:
            self.at += EVERY_S
            found.append(self.judge.hears("web", self.pid, sign == "+", stopped, self.at))
        return found


def test_it_hangs_when_it_was_silent_so_often_in_a_row_after_it_was_well() -> None:
    seen = Seen()
    assert not any(seen.looks("+--+--+"))
    assert seen.looks("---") == [False, False, True]


def test_who_starts_slowly_has_time_but_not_for_ever() -> None:
    seen = Seen()
    assert not any(seen.looks("-" * 20))
    assert any(seen.looks("-" * 5))


def test_a_process_that_the_kernel_says_is_stopped_hangs_from_its_start() -> None:
    assert Seen().looks("+++", stopped=True) == [False, False, True]


def test_a_new_process_is_judged_anew() -> None:
    seen = Seen()
    seen.looks("+--")
    seen.pid = 8
    assert not any(seen.looks("-" * 5))


def test_a_look_that_came_late_says_nothing() -> None:
    seen = Seen()
    seen.looks("+--")
    seen.judge.forget_silence()
    assert seen.looks("--") == [False, False]


def test_where_killing_does_not_help_it_becomes_rarer_until_all_was_calm() -> None:
    seen = Seen()
    waits = []
    for _ in range(8):
        seen.looks("+")
        waits.append(len(list(iter(lambda: seen.looks("-")[0], True))) + 1)
    assert waits == [3, 3, 3, 6, 12, 24, 48, 48]
    seen.looks("+" * int(CALM_S / EVERY_S + 2))
    assert seen.looks("---")[-1]


def test_a_silent_web_instance_is_out_of_nginx_turn_until_it_moves_again(tmp_path: Path) -> None:
    watch, seen = Watch(Instance(tmp_path, test=True), {}, PATIENCE), Seen()
    watch.instance.out.mkdir(parents=True)
    there = []
    for sign in "+-+--++":
        seen.looks(sign)
        watch._steer("web", seen.judge)
        there.append((watch.instance.out / "web").exists())
    assert there == [False, False, False, False, True, False, False]


def test_a_mark_that_a_restart_has_set_stays(tmp_path: Path) -> None:
    watch, seen = Watch(Instance(tmp_path, test=True), {}, PATIENCE), Seen()
    watch.instance.out.mkdir(parents=True)
    (watch.instance.out / "web").touch()
    seen.looks("+")
    watch._steer("web", seen.judge)
    assert (watch.instance.out / "web").exists()


@pytest.fixture
def answering(tmp_path: Path) -> Iterator[Callable[[bytes | None], Instance]]:
    """`answering(b"words")`: something listens at one.sock and says so; None: it says nothing."""
    (tmp_path / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "run" / "one.sock"))
        listener.listen()

        def begin(words: bytes | None) -> Instance:
            def serve() -> None:
                line, _ = listener.accept()
                if words is None:
                    silent.append(line)
                    return
                with line:
                    line.sendall(words)

            threading.Thread(target=serve, daemon=True).start()
            return Instance(tmp_path, test=True)

        silent: list[socket.socket] = []
        yield begin
        for line in silent:
            line.close()


@pytest.mark.parametrize(("words", "moves"), [(b"-LOADING", True), (b"HTTP/1.1 503", True), (b"", True), (None, False)])
def test_any_word_or_a_closed_line_is_an_answer_and_silence_is_none(
    answering: Callable[[bytes | None], Instance],
    monkeypatch: pytest.MonkeyPatch,
    words: bytes | None,
    moves: bool,
) -> None:
    monkeypatch.setattr(alive, "ANSWER_S", 0.5)
    assert alive.speaks("redis", alive.at_socket("one.sock"))(answering(words)) is moves


def test_a_stopped_worker_of_nginx_counts_and_another_program_does_not() -> None:
    workers = "sh -c 'kill -STOP $$; sleep 100' & wait"
    other = "sleep 100 & until grep -q sleep /proc/$!/comm; do :; done; kill -STOP $!; wait"
    for line, stopped in ((workers, True), (other, False)):
        with subprocess.Popen(["sh", "-c", line], start_new_session=True) as process:
            try:
                wait_for(lambda: "T (stopped)" in _states(process.pid))
                assert processes.is_stopped(process.pid) is stopped
            finally:
                os.killpg(process.pid, signal.SIGKILL)


def _states(pid: int) -> str:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return " ".join(Path(f"/proc/{child}/status").read_text() for child in children)


def test_a_hung_part_is_killed_with_what_it_left_and_started_again(supervise: Supervise) -> None:  # noqa: F811
    supervised = supervise(
        one="sleep 1000 & while :; do touch @var@/one; sleep 0.1; done", other="exec sleep 100", watch=QUICK
    )
    hung, untouched = supervised.pid("one"), supervised.pid("other")
    assert hung
    wait_for((supervised.var / "one").exists)
    left = [int(pid) for pid in Path(f"/proc/{hung}/task/{hung}/children").read_text().split()]
    os.kill(hung, signal.SIGSTOP)
    wait_for(lambda: supervised.pid("one") not in (None, hung), 30)
    assert not any(lives(pid) for pid in left)
    assert supervised.pid("other") == untouched
    assert f"one hangs: it is stopped; ending pid={hung}" in supervised.log()


def test_a_part_that_moves_no_more_without_being_stopped_hangs(supervise: Supervise) -> None:  # noqa: F811
    supervised = supervise(one="touch @var@/one; exec sleep 1000", watch=QUICK)
    hung = supervised.pid("one")
    wait_for(lambda: "one hangs: it is silent" in supervised.log(), 60)
    wait_for(lambda: supervised.pid("one") not in (None, hung), 30)


def test_a_watchdog_that_is_killed_leaves_all_parts_as_they_are(supervise: Supervise) -> None:  # noqa: F811
    supervised = supervise(one="exec sleep 100", watch=QUICK)
    part = supervised.pid("one")
    own = Path(f"/proc/{supervised.process.pid}/task/{supervised.process.pid}/children")
    (watchdog,) = [int(pid) for pid in own.read_text().split() if int(pid) != part]
    os.kill(watchdog, signal.SIGKILL)
    supervised.process.terminate()
    assert supervised.process.wait(15) == 0
    assert "one ended" not in supervised.log()


def test_nothing_of_it_survives_a_killed_supervisor(supervise: Supervise) -> None:  # noqa: F811
    supervised = supervise(one="exec sleep 100", watch=QUICK)
    own = Path(f"/proc/{supervised.process.pid}/task/{supervised.process.pid}/children")
    children = [int(pid) for pid in own.read_text().split()]
    assert len(children) == 2
    supervised.process.kill()
    wait_for(lambda: not any(lives(pid) for pid in children))
    assert not supervised.file.is_held()


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Instance]:
    with Instance(tmp_path / "var", test=True, watch=QUICK) as found:
        found.start(SERVICES)
        yield found


def test_postgres_that_hangs_is_replaced_and_keeps_what_was_committed(services: Instance) -> None:
    ask = ["psql", services.env["DATABASE_URL"], "-XAtqc"]
    subprocess.run([*ask, "CREATE TABLE kept AS SELECT generate_series(1, 5000) AS n"], check=True)
    hung = services.pid("postgres")
    assert hung
    os.kill(hung, signal.SIGSTOP)
    wait_for(lambda: services.pid("postgres") not in (None, hung), 40)
    services.wait_healthy(30)
    told = subprocess.run([*ask, "SELECT count(*) FROM kept"], check=True, capture_output=True, text=True).stdout
    assert told == "5000\n"


def test_a_database_that_replays_its_log_is_not_taken_for_a_hang(services: Instance) -> None:
    """It refuses everybody meanwhile: held there by a file of the log that its restore command waits for."""
    data, held = services.var / "postgres", services.var / "held"
    script = services.var / "wait.sh"
    script.write_text(f"#!/bin/sh\nwhile [ -e {held} ]; do sleep 0.1; done\nexit 1\n")
    script.chmod(0o755)
    held.touch()
    (data / "postgresql.auto.conf").write_text(f"restore_command = '{script}'\n")
    (data / "recovery.signal").touch()
    if os.geteuid() == 0:
        shutil.chown(data / "recovery.signal", "postgres")
        services.var.chmod(0o755)
    killed = services.pid("postgres")
    services.kill("postgres")
    wait_for(lambda: services.pid("postgres") not in (None, killed), 30)
    replaying = services.pid("postgres")
    wait_for(lambda: "starting up" in _psql(services) or "not yet accepting" in _psql(services), 30)
    looks = Watch(services, {"postgres": parts.PARTS["postgres"]}, PATIENCE)
    assert [looks._look(("postgres", replaying or 0)) for _ in range(5)] == [(True, False)] * 5
    held.unlink()
    services.wait_healthy(40)
    assert services.pid("postgres") == replaying


def _psql(instance: Instance) -> str:
    words = ["psql", instance.env["DATABASE_URL"], "-Xc", "SELECT 1"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stderr


def test_an_ordinary_start_has_a_watchdog_and_that_of_tests_has_none(tmp_path: Path) -> None:
    assert Instance(tmp_path / "var").watch == {}
    assert Instance(tmp_path / "var", test=True).watch is None
