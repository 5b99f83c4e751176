"""A board at a serial port: the real mpremote and esptool at one end, MicroPython's own prompt at the other."""

import json
import os
import pty
import signal
import subprocess
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firmware.board import lay_out
from firmware.simulation import micropython
from ops.paths import ROOT, python
from tests.conftest import FlashedCollar, Stack
from tools.testing import wait_for


class BoardAtPort:
    """MicroPython's unix port behind a pseudo terminal, its folder the flash."""

    def __init__(self, flash: Path) -> None:
        self.flash = flash
        flash.mkdir()
        self._ends: tuple[int, ...] = ()
        self._process: subprocess.Popen[bytes] | None = None
        self.plug_in()

    def plug_in(self) -> None:
        """There is a port; nothing answers at it yet."""
        self._ends = pty.openpty()
        tty.setraw(self._ends[1])
        self.port = os.ttyname(self._ends[1])

    def power_on(self) -> None:
        """Show a prompt."""
        end = self._ends[0]
        command = [micropython(), "-X", "heapsize=4M"]
        self._process = subprocess.Popen(
            command, cwd=self.flash, stdin=end, stdout=end, stderr=end, start_new_session=True
        )

    def pull_out(self) -> None:
        """As somebody does who pulls the cable."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        for end in self._ends:
            os.close(end)
        self._ends = ()


@pytest.fixture
def board(tmp_path: Path) -> Iterator[BoardAtPort]:
    board = BoardAtPort(tmp_path / "flash")
    yield board
    board.pull_out()


def tree(folder: Path) -> dict[str, bytes]:
    """The program's files below a folder."""
    paths = [path for part in ("a", "main.py") for path in (folder / part, *(folder / part).rglob("*"))]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.is_file()}


def complaints(said: str) -> list[str]:
    """The lines on stderr that are no log."""
    return [line for line in said.splitlines() if line.strip() and '"level": "INFO"' not in line]


def run(stack: Stack, *words: str) -> subprocess.CompletedProcess[str]:
    """provision_collar with these words."""
    return stack.instance.manage("provision_collar", "--json", *words)


def test_a_board_is_written_and_the_collar_comes_online(stack: Stack, board: BoardAtPort) -> None:
    board.power_on()
    done = run(stack, "--flash", board.port, "--owner", stack.demo["owner"]["email"])
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert "mqtt" not in told
    assert told["setup"]["ssid"] == f"Hetri-{told['id'][-4:]}"
    board.pull_out()
    collar = FlashedCollar(board.flash / "data", told["id"])
    collar.steer()
    collar.run()
    try:
        wait_for(collar.online, 15)
    finally:
        collar.kill()


def test_a_board_that_was_left_half_written_starts_nothing_and_a_second_run_mends_it(
    stack: Stack, board: BoardAtPort, tmp_path: Path
) -> None:
    board.power_on()
    command = [python(), str(ROOT / "manage.py"), "provision_collar", "--json", "--flash", board.port]
    with subprocess.Popen(command, env=stack.instance.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as first:
        wait_for((board.flash / "a" / "board").exists, 30)
        board.pull_out()
        assert first.stderr is not None
        said = first.stderr.read().decode()
    assert first.returncode == 1
    assert len(complaints(said)) == 1
    assert "go on with --device " in said
    assert not (board.flash / "main.py").exists()
    board.plug_in()
    board.power_on()
    device = said.split("--device ")[1].split(".")[0]
    done = run(stack, "--flash", board.port, "--device", device)
    assert done.returncode == 0, done.stderr
    lay_out(tmp_path / "whole", b"")
    assert tree(board.flash) == tree(tmp_path / "whole")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (lambda port, here: ["--flash", "/dev/no-such-port"], "/dev/no-such-port: No such file or directory."),
        (lambda port, here: ["--flash", __file__], "is no serial port."),
        (lambda port, here: ["--flash", port, "--image", str(here / "no.bin")], "there is no such image."),
        (lambda port, here: ["--flash", port, "--wifi", "x" * 33], "A network's name has 1 to 32 bytes"),
        (lambda port, here: ["--flash", port, "--wifi", "Home"], "HETRI_WIFI_PASSWORD"),
        (lambda port, here: ["--image", str(here)], "need --flash or --out"),
    ],
)
def test_what_cannot_work_is_one_line_and_makes_no_collar(
    stack: Stack, board: BoardAtPort, tmp_path: Path, words: Callable[[str, Path], list[str]], said: str
) -> None:
    done = run(stack, *words(board.port, tmp_path))
    assert done.returncode == 1
    assert said in done.stderr
    assert len(complaints(done.stderr)) == 1
    assert "--device" not in done.stderr


@pytest.mark.parametrize("image", [False, True])
def test_a_port_that_stays_silent_is_one_line_that_says_how_to_go_on(
    stack: Stack, board: BoardAtPort, tmp_path: Path, image: bool
) -> None:
    micropython_bin = tmp_path / "micropython.bin"
    micropython_bin.write_bytes(b"\xe9" + bytes(4096))
    done = run(stack, "--flash", board.port, *(["--image", str(micropython_bin)] if image else []))
    assert done.returncode == 1
    assert len(complaints(done.stderr)) == 1
    assert "go on with --device " in done.stderr


def test_a_folder_gets_device_json_with_the_network_and_an_image(stack: Stack, tmp_path: Path) -> None:
    stack.instance.env["HETRI_WIFI_PASSWORD"] = "garden-gate"
    try:
        done = run(stack, "--out", str(tmp_path), "--wifi", "Café")
    finally:
        del stack.instance.env["HETRI_WIFI_PASSWORD"]
    assert done.returncode == 0, done.stderr
    device = json.loads((tmp_path / "device.json").read_text())
    assert device["wifi"] == [{"ssid": "Café", "password": "garden-gate"}]
    assert "garden-gate" not in done.stdout
    for name in ("device.json", "littlefs.img"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
