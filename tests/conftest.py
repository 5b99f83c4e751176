"""The whole stack, as `./dev demo` starts it, on free ports and in a folder of its own."""

import contextlib
import json
import shutil
import ssl
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from firmware.simulation import Identity, collar_command, made, script_command
from ops.instance import Instance
from ops.parts import ALL
from ops.paths import ROOT
from tools.testing import wait_for


@dataclass
class Stack:
    """A running installation, reached as a user, a collar or an operator would."""

    instance: Instance
    demo: dict[str, Any] = field(default_factory=dict)

    def client(self, who: str = "owner") -> httpx.Client:
        """A signed-in caller of the API, through nginx."""
        context = ssl.create_default_context(cafile=str(self.instance.var / "tls" / "ca.pem"))
        answer = httpx.post(f"{self.demo['url']}/auth/login", json=self.demo[who], verify=context)
        assert answer.status_code == 200, answer.text
        headers = {"Authorization": f"Bearer {answer.json()['access']}"}
        return httpx.Client(base_url=self.demo["url"], verify=context, timeout=30, headers=headers)

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """What the database holds."""
        with psycopg.connect(self.instance.env["DATABASE_URL"]) as connection:
            return connection.execute(sql, values).fetchall()

    def change(self, sql: str, *values: Any) -> None:
        """Change what the database holds."""
        with psycopg.connect(self.instance.env["DATABASE_URL"]) as connection:
            connection.execute(sql, values)

    def metrics(self) -> dict[str, str]:
        """What each process tells Prometheus, by its name, found as Prometheus finds it."""
        found = {}
        for path in (self.instance.var / "metrics").glob("*.json"):
            (target,) = json.loads(path.read_text())
            with contextlib.suppress(httpx.ConnectError):  # one that was killed
                found[target["labels"]["job"]] = httpx.get(f"http://{target['targets'][0]}/metrics").text
        return found

    def transcoders(self, stream: str = "") -> list[int]:
        """The ffmpeg processes that write segments of that stream, or of all."""
        place, found = f"{self.instance.var}/hls/{stream}".encode(), []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = path.read_bytes().split(b"\0")
                if words[0] == b"ffmpeg" and place in words[-2]:
                    found.append(int(path.parent.name))
        return found


@dataclass
class Flash:
    """A collar's flash folder, and its program under MicroPython."""

    path: Path
    id: str
    process: subprocess.Popen[bytes] | None = None

    def steer(self, **options: Any) -> None:
        """Write sim.json."""
        fresh = self.path / "sim.json.test"
        fresh.write_text(json.dumps(options))
        fresh.replace(self.path / "sim.json")

    def run(self) -> None:
        """Start the program."""
        with open(self.path / "collar.log", "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log)

    def command(self) -> list[str]:
        """What runs the program."""
        return collar_command([self.path])

    def kill(self) -> None:
        """Take the power away."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def online(self) -> bool:
        """Whether the program says that it is connected."""
        return (self.path / "online").exists()

    def made(self) -> list[Identity]:
        """(boot, seq, ts) of every sample that it made."""
        return made(self.path)

    def turns(self) -> list[str]:
        """The treats that its motor turned for."""
        log = self.path / "motor.log"
        return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []


class FlashedCollar(Flash):
    """One that starts through the loader, from slots."""

    def command(self) -> list[str]:
        return script_command("sim/flashed.py", self.path.parent, heap="1M")


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    folder = ROOT / "var" / "test" / f"e2e-{uuid.uuid4().hex[:8]}"
    instance = Instance(folder, test=True, said={"HETRI_LOG_FORMAT": "json"})
    instance.prepare()
    try:
        instance.start(ALL, steps=True, seconds=120)
        yield Stack(instance, json.loads((instance.var / "demo.json").read_text()))
    finally:
        instance.stop()
        shutil.rmtree(instance.var, ignore_errors=True)
        shutil.rmtree(instance.run, ignore_errors=True)


def provision(stack: Stack, path: Path, *more: str) -> Flash:
    """A new collar of the demo's owner, named like its folder; `more` goes to the command."""
    command = ("provision_collar", "--name", path.name, "--owner", stack.demo["owner"]["email"], *more)
    done = stack.instance.manage(*command, "--out", str(path), "--json")
    assert done.returncode == 0, done.stderr
    return Flash(path, json.loads(done.stdout)["id"])


@contextlib.contextmanager
def collars(stack: Stack, folder: Path) -> Iterator[Callable[..., Flash]]:
    """`begin(interval_s=0.3)` gives a collar of the demo's owner, its program running and connected."""
    started: list[Flash] = []

    def begin(**options: Any) -> Flash:
        flash = provision(stack, folder / f"collar{len(started)}")
        flash.steer(**{"motor_ms": 50, "log": True, **options})
        flash.run()
        started.append(flash)
        wait_for(flash.online, 15)
        return flash

    try:
        yield begin
    finally:
        for flash in started:
            flash.kill()


@pytest.fixture
def new_collar(stack: Stack, tmp_path: Path) -> Iterator[Callable[..., Flash]]:
    """`new_collar(interval_s=0.3)`: see `collars`; they are gone with the test."""
    with collars(stack, tmp_path) as begin:
        yield begin
