"""Puts MicroPython, the program and an identity on a board at a serial port, with esptool and mpremote."""

import importlib.util
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

from firmware import packing
from firmware.simulation import COLLAR

CHIP = "esp32s3"
TOOLS = ("esptool", "mpremote")
ANSWER_S, IMAGE_S, FILES_S = 10, 300, 300
RESET_S = 2  # MicroPython's start; what is typed before is lost, and nothing says when it is over
# The loader goes first and comes back last: a half-written board never starts half a program. A fresh start, because a
# watchdog that the old program has wound up cannot be stopped.
CLEAR = """\
import os
def clear(path):
    try:
        names = [(name, kind) for name, kind, *_ in os.ilistdir(path)]
    except OSError:
        return
    for name, kind in names:
        if kind == 0x4000:
            clear(path + "/" + name)
        else:
            os.remove(path + "/" + name)
    os.rmdir(path)
for name in ("main.py", "slots.json"):
    try:
        os.remove(name)
    except OSError:
        pass
clear("b")
clear("data")
for name in ("a", "data"):
    try:
        os.mkdir(name)
    except OSError:
        pass
"""


class BoardError(Exception):
    """Something between this computer and the board; its text is one line that says what to do."""


def check(port: str, image: Path | None) -> None:
    """Whether a board may be written at all. Raises BoardError."""
    missing = [name for name in TOOLS if importlib.util.find_spec(name) is None]
    if missing:
        raise BoardError(f"{' and '.join(missing)} missing: pip install -r requirements-board.txt")
    try:
        if not stat.S_ISCHR(os.stat(port).st_mode):
            raise BoardError(f"{port} is no serial port.")
    except OSError as error:
        raise BoardError(f"{port}: {error.strerror}. Is the board connected?") from error
    if not os.access(port, os.R_OK | os.W_OK):
        raise BoardError(f"{port}: permission denied. Are you in the group of serial ports (dialout)?")
    if image is not None and not image.is_file():
        raise BoardError(f"{image}: there is no such image.")


def lay_out(folder: Path, device_json: bytes) -> None:
    """Make the file tree of a board's flash in `folder`: loader, program in slot a, identity."""
    (folder / "data").mkdir(parents=True)
    packing.unpack(packing.unsigned(), folder / "a")
    (folder / "data" / "device.json").write_bytes(device_json)
    (folder / "main.py").write_bytes((COLLAR / "boot" / "main.py").read_bytes())


def write_image(port: str, image: Path) -> None:
    """Erase the chip and write MicroPython. Raises BoardError."""
    command = ["esptool", "--chip", CHIP, "--port", port, "--connect-attempts", "3"]
    _run([*command, "write-flash", "--erase-all", "0x0", str(image)], IMAGE_S)


def write_files(port: str, tree: Path) -> None:
    """Write what `lay_out` made; files that are there already are left alone. Raises BoardError."""
    board = ["mpremote", "connect", port, "resume"]
    _run([*board, "exec", CLEAR, "+", "reset"], ANSWER_S)
    time.sleep(RESET_S)
    program = [str(tree / "a" / name) for name in (*packing.FOLDERS, "manifest.json")]
    files = ["cp", "-r", *program, ":a", "+", "cp", str(tree / "data" / "device.json"), ":data/device.json"]
    _run([*board, *files, "+", "cp", str(tree / "main.py"), ":main.py", "+", "reset"], FILES_S)


def _run(command: list[str], seconds: int) -> None:
    """Run one of the tools; the last line that it says is the reason of a failure."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", *command], capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as expired:
        raise BoardError(f"{command[0]} got no answer from the board within {seconds} s.") from expired
    if done.returncode:
        said = [line.strip() for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
        raise BoardError(f"{command[0]}: {said[-1] if said else f'ended with {done.returncode}'}")
