"""What stands around the program of a container: deploy/containers/watched.sh, around real programs."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from ops import ports, processes
from ops.paths import ROOT
from tools.testing import wait_for

WATCHED = ROOT / "deploy" / "containers" / "watched.sh"
SPEAKS = f"python3 {ROOT / 'deploy' / 'speaks.py'}"
QUICK = {
    "HETRI_WATCH_EVERY_S": "1",
    "HETRI_WATCH_LOOKS": "2",
    "HETRI_WATCH_GRACE_S": "60",
    "HETRI_WATCH_PATIENCE_S": "2",
}
Watch = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    """`watch(check, *program)` starts it."""
    started: list[subprocess.Popen[str]] = []

    def begin(check: str, *program: str, **said: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [str(WATCHED), check, *program],
            cwd=tmp_path,
            env={**os.environ, **QUICK, **said},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()
        assert process.stderr
        process.stderr.close()
        wait_for(lambda: not processes.session_members(process.pid, (tmp_path,)), 20)  # noqa: B023


def redis(watch: Watch, tmp_path: Path) -> "subprocess.Popen[str]":
    """A server as its container has it."""
    sock = str(tmp_path / "redis.sock")
    server = watch(f"redis-cli -s {sock} ping", "redis-server", "--port", "0", "--unixsocket", sock, "--save", "")
    wait_for(
        lambda: subprocess.run(["redis-cli", "-s", sock, "ping"], capture_output=True, check=False).returncode == 0
    )
    return server


def test_a_program_that_is_stopped_ends_and_says_so_in_json(watch: Watch, tmp_path: Path) -> None:
    server = redis(watch, tmp_path)
    server.send_signal(signal.SIGSTOP)
    assert server.wait(30) == -signal.SIGKILL
    assert server.stderr
    assert f'"event":"hangs","pid":{server.pid}}}' in server.stderr.readline()


def test_one_that_is_well_stays_and_gets_every_signal_itself(watch: Watch, tmp_path: Path) -> None:
    server = redis(watch, tmp_path)
    asked = tmp_path / "asked"
    other = watch(f"echo . >> {asked}", "sleep", "1000")
    wait_for(lambda: asked.exists() and len(asked.read_text().split()) > 3, 40)  # more looks than would be a hang
    assert (server.poll(), other.poll()) == (None, None)
    server.terminate()
    assert server.wait(15) == 0  # redis ends in order: nothing stands between


def test_one_that_was_well_and_fell_silent_ends(watch: Watch, tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    alive.touch()
    program = watch(f"test -e {alive} && touch {tmp_path / 'seen'}", "sleep", "1000")
    wait_for((tmp_path / "seen").exists, 20)
    alive.unlink()
    assert program.wait(30) == -signal.SIGKILL


def test_one_that_starts_has_its_time_and_not_more(watch: Watch, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    slow = watch(f"echo . >> {asked}; false", "sleep", "1000")
    wait_for(lambda: asked.exists() and len(asked.read_text().split()) > 3, 40)
    assert slow.poll() is None
    assert watch("false", "sleep", "1000", HETRI_WATCH_GRACE_S="2").wait(30) == -signal.SIGKILL


def test_a_check_that_hangs_is_a_silence(watch: Watch, tmp_path: Path) -> None:
    first = tmp_path / "first"
    program = watch(f"test -e {first} && sleep 1000; touch {first}", "sleep", "1000")
    assert program.wait(40) == -signal.SIGKILL


@pytest.mark.parametrize("kind", ["http", "mqtt", "redis", "rtmp"])
def test_nobody_there_is_no_answer(kind: str) -> None:
    port = ports.reserve()
    assert subprocess.run(f"{SPEAKS} {kind} {port}", shell=True, check=False).returncode == 1


def test_every_service_that_stays_is_watched() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for name, service in services.items():
        if service.get("restart") != "unless-stopped" or name == "collar":
            continue
        said = service.get("environment", {}).get("HETRI_ALIVE", "")
        image = (ROOT / service["build"]["dockerfile"]).read_text()
        assert said or "watched.sh" in image, name
