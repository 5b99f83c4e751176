"""Services of a test's own that go away for a while, and how soon what uses them is well again."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import httpx
import psycopg

from firmware.tests import broker
from ops import ports, postgres, processes
from tools.dev.check import PRODUCTION
from tools.testing import wait_for

ASKING = 8  # clients that go on asking all the time
EVERY_S = 0.02


class Service(Protocol):
    """What can be away: started, and killed as by a crash."""

    def start(self) -> None: ...
    def kill(self) -> None: ...


def begin(command: list[str], folder: Path, env: dict[str, str] | None = None) -> "subprocess.Popen[bytes]":
    """A process that ends with this one, logging into `folder`."""
    with open(folder / f"{Path(command[0]).name}.log", "ab") as log:
        return subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            env=env,
            preexec_fn=processes.ends_with_us(),  # noqa: PLW1509
        )


class Postgres:
    """An empty cluster."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._run = folder, folder / "run"
        self._run.mkdir()
        postgres.prepare(folder, self._run)
        self.url = f"postgres://hetri@/hetri?host={self._run / 'pg'}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        command = postgres.command(self._folder, self._run, {"HETRI_QUICK_DISK": "1"})
        self._process = begin(command, self._folder)
        wait_for(self._answers, 30)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """As at a power cut: the processes of its connections, too."""
        pid = self._process.pid
        members = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
        for member in members:
            processes.send(member, 9)
        self._process.wait()


class Redis:
    """An empty one."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.port = folder, ports.reserve()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start, and wait until it listens."""
        options = ["--port", str(self.port), "--save", "", "--dir", str(self._folder)]
        self._process = begin(["redis-server", *options], self._folder)
        wait_for(lambda: ports.listens(self.port), 30)

    def kill(self) -> None:
        """At once."""
        self._process.kill()
        self._process.wait()


def mosquitto(folder: Path) -> broker.Broker:
    """A broker that lets in our own processes without a password, on its port `inside`."""
    return broker.Broker(folder / "broker", broker.make_authority(folder / "authority"))


def last_failure_after(service: Service, outage_s: float, works: Callable[[], bool]) -> float:
    """The service is away for so long; how long after its return (s) a user still met a failure, 0 for never."""
    failures: list[float] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            if not works():
                failures.append(time.monotonic())
            over.wait(EVERY_S)

    asking = [threading.Thread(target=ask) for _ in range(ASKING)]
    service.kill()
    for thread in asking:
        thread.start()
    threading.Event().wait(outage_s)
    service.start()
    back = time.monotonic()
    threading.Event().wait(outage_s / 2 + 3)  # longer than a pause that grew with the outage
    over.set()
    for thread in asking:
        thread.join()
    assert failures, "it was never away"
    return max(0.0, max(failures) - back)


@contextmanager
def web(folder: Path, name: str, **env: str) -> Iterator[str]:
    """A web process in that environment, its files in a folder of its own; the value is its URL."""
    port, var = ports.reserve(), folder / name
    var.mkdir()
    command = [sys.executable, "-m", "hetri.web_server", "-b", "127.0.0.1", "-p", str(port), "hetri.asgi:application"]
    process = begin(command, folder, {**os.environ, **env, "HETRI_VAR": str(var)})
    try:
        yield f"http://localhost:{port}"
    finally:
        process.kill()
        process.wait()


def ready(url: str) -> bool:
    """Whether the web process says that it is."""
    try:
        return httpx.get(f"{url}/readyz", timeout=30).status_code == 200
    except httpx.HTTPError:
        return False


@contextmanager
def worker(folder: Path, redis_url: str) -> Iterator[Callable[[], bool]]:
    """A worker that takes tasks from there; the value says whether one that is sent now is done within a second."""
    env = {**os.environ, **PRODUCTION, "REDIS_URL": redis_url, "HETRI_VAR": str(folder)}
    env |= {"HETRI_CELERY_BROKER_URL": redis_url, "DJANGO_SETTINGS_MODULE": "hetri.settings"}
    options = ["-P", "solo", "-Q", "celery", "--without-mingle", "--without-gossip"]
    process = begin([sys.executable, "-m", "celery", "-A", "hetri", "worker", *options], folder, env)
    beat, sent = folder / "heartbeat" / "worker", folder / "sent"
    sender = begin([sys.executable, "-c", SEND], folder, {**env, "EVERY_S": "0.1"})

    def takes() -> bool:
        sent.touch()
        return beat.exists() and time.time() - beat.stat().st_mtime < 1

    try:
        yield takes
    finally:
        for one in (sender, process):
            one.kill()
            one.wait()


SEND = """
import os, time, redis.exceptions
from kombu.exceptions import OperationalError
from hetri.celery import app
while True:
    try:
        app.send_task("core.tasks.heartbeat", ignore_result=True, retry=False)
    except OperationalError:
        pass
    time.sleep(float(os.environ["EVERY_S"]))
"""
